// Original file: sluice/v1/cluster.proto


export interface StepDownRequest {
}

export interface StepDownRequest__Output {
}

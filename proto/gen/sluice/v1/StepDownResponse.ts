// Original file: sluice/v1/cluster.proto


export interface StepDownResponse {
}

export interface StepDownResponse__Output {
}

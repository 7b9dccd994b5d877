// Original file: sluice/v1/cluster.proto


export interface GetStatusRequest {
}

export interface GetStatusRequest__Output {
}

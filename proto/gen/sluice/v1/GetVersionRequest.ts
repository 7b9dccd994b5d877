// Original file: sluice/v1/version.proto


export interface GetVersionRequest {
}

export interface GetVersionRequest__Output {
}

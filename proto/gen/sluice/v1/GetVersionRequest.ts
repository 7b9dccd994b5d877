// Original file: /work/main/proto/sluice/v1/version.proto


export interface GetVersionRequest {
}

export interface GetVersionRequest__Output {
}

// Original file: inference/grpc_inference.proto


export interface ServerLiveRequest {
}

export interface ServerLiveRequest__Output {
}

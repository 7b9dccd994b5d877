// Original file: inference/grpc_inference.proto


export interface ServerReadyRequest {
}

export interface ServerReadyRequest__Output {
}

// Original file: /work/main/proto/inference/grpc_inference.proto


export interface ServerReadyRequest {
}

export interface ServerReadyRequest__Output {
}

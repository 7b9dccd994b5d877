// Original file: inference/grpc_inference.proto


export interface ServerMetadataRequest {
}

export interface ServerMetadataRequest__Output {
}

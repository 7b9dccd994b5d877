// Original file: sluice/v1/node.proto


export interface WatchNodesRequest {
}

export interface WatchNodesRequest__Output {
}

// Original file: sluice/v1/node.proto


export interface RemoveNodeResponse {
}

export interface RemoveNodeResponse__Output {
}

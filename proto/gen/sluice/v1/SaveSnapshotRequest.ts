// Original file: sluice/v1/snapshot.proto


export interface SaveSnapshotRequest {
}

export interface SaveSnapshotRequest__Output {
}

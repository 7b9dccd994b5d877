// Original file: sluice/v1/snapshot.proto


export interface SaveSnapshotResponse {
  /**
   * The next bytes of the file.
   */
  'data'?: (Buffer | Uint8Array | string);
}

export interface SaveSnapshotResponse__Output {
  /**
   * The next bytes of the file.
   */
  'data': (Buffer);
}

// Original file: sluice/v1/node.proto


export interface ReleaseGpuRequest {
  'node'?: (string);
  /**
   * Its UUID or its index on the node.
   */
  'gpu'?: (string);
  /**
   * At most 1,000 characters.
   */
  'reason'?: (string);
}

export interface ReleaseGpuRequest__Output {
  'node': (string);
  /**
   * Its UUID or its index on the node.
   */
  'gpu': (string);
  /**
   * At most 1,000 characters.
   */
  'reason': (string);
}

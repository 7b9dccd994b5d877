// Original file: sluice/v1/node.proto


export interface QuarantineGpuRequest {
  'node'?: (string);
  /**
   * Its UUID or its index on the node.
   */
  'gpu'?: (string);
  /**
   * At most 1,000 characters.
   */
  'reason'?: (string);
  /**
   * Whether what runs on it is stopped and requeued at once.
   */
  'stopWork'?: (boolean);
}

export interface QuarantineGpuRequest__Output {
  'node': (string);
  /**
   * Its UUID or its index on the node.
   */
  'gpu': (string);
  /**
   * At most 1,000 characters.
   */
  'reason': (string);
  /**
   * Whether what runs on it is stopped and requeued at once.
   */
  'stopWork': (boolean);
}

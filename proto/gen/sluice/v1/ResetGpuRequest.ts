// Original file: sluice/v1/node.proto


export interface ResetGpuRequest {
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
   * Whether what runs on them is stopped and requeued at once; else the reset waits for its end.
   */
  'stopWork'?: (boolean);
}

export interface ResetGpuRequest__Output {
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
   * Whether what runs on them is stopped and requeued at once; else the reset waits for its end.
   */
  'stopWork': (boolean);
}

// Original file: sluice/v1/cluster.proto


export interface EndRecoveryResponse {
  /**
   * The nodes that were not heard.
   */
  'nodes'?: (string)[];
}

export interface EndRecoveryResponse__Output {
  /**
   * The nodes that were not heard.
   */
  'nodes': (string)[];
}

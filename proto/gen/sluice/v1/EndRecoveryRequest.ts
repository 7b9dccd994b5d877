// Original file: sluice/v1/cluster.proto


export interface EndRecoveryRequest {
  /**
   * Checks, and changes nothing.
   */
  'validateOnly'?: (boolean);
}

export interface EndRecoveryRequest__Output {
  /**
   * Checks, and changes nothing.
   */
  'validateOnly': (boolean);
}

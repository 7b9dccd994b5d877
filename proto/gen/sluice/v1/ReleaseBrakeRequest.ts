// Original file: sluice/v1/cluster.proto


export interface ReleaseBrakeRequest {
  /**
   * Checks, and changes nothing.
   */
  'validateOnly'?: (boolean);
}

export interface ReleaseBrakeRequest__Output {
  /**
   * Checks, and changes nothing.
   */
  'validateOnly': (boolean);
}

// Original file: sluice/v1/cluster.proto


export interface ReleaseBrakeResponse {
  /**
   * The nodes whose silence held it.
   */
  'nodes'?: (string)[];
}

export interface ReleaseBrakeResponse__Output {
  /**
   * The nodes whose silence held it.
   */
  'nodes': (string)[];
}

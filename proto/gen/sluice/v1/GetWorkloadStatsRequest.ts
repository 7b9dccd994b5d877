// Original file: sluice/v1/stats.proto


export interface GetWorkloadStatsRequest {
  /**
   * A number or a name.
   */
  'workload'?: (string);
}

export interface GetWorkloadStatsRequest__Output {
  /**
   * A number or a name.
   */
  'workload': (string);
}

// Original file: sluice/v1/workload.proto


export interface ReleaseWorkloadsRequest {
  /**
   * Numbers or names, at most 1,000.
   */
  'workloads'?: (string)[];
}

export interface ReleaseWorkloadsRequest__Output {
  /**
   * Numbers or names, at most 1,000.
   */
  'workloads': (string)[];
}

// Original file: sluice/v1/workload.proto


export interface HoldWorkloadsRequest {
  /**
   * Numbers or names, at most 1,000.
   */
  'workloads'?: (string)[];
  /**
   * At most 1,000 characters.
   */
  'reason'?: (string);
}

export interface HoldWorkloadsRequest__Output {
  /**
   * Numbers or names, at most 1,000.
   */
  'workloads': (string)[];
  /**
   * At most 1,000 characters.
   */
  'reason': (string);
}

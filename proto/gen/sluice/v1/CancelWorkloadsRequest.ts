// Original file: sluice/v1/workload.proto


export interface CancelWorkloadsRequest {
  /**
   * Numbers or names.
   */
  'workloads'?: (string)[];
  'reason'?: (string);
}

export interface CancelWorkloadsRequest__Output {
  /**
   * Numbers or names.
   */
  'workloads': (string)[];
  'reason': (string);
}

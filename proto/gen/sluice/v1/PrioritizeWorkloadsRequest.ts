// Original file: sluice/v1/workload.proto


export interface PrioritizeWorkloadsRequest {
  /**
   * Numbers or names, at most 1,000.
   */
  'workloads'?: (string)[];
  'priority'?: (number);
}

export interface PrioritizeWorkloadsRequest__Output {
  /**
   * Numbers or names, at most 1,000.
   */
  'workloads': (string)[];
  'priority': (number);
}

// Original file: sluice/v1/workload.proto


export interface GetWorkloadRequest {
  /**
   * A number ("1047") or a name.
   */
  'workload'?: (string);
}

export interface GetWorkloadRequest__Output {
  /**
   * A number ("1047") or a name.
   */
  'workload': (string);
}

// Original file: sluice/v1/workload.proto


export interface RequeueWorkloadsRequest {
  /**
   * Numbers or names, at most 1,000.
   */
  'workloads'?: (string)[];
  /**
   * At most 1,000 characters.
   */
  'reason'?: (string);
  /**
   * Also hold them, so that they wait until they are released.
   */
  'hold'?: (boolean);
  /**
   * Of an administrator, with hold: the owner may release it.
   */
  'ownerMayRelease'?: (boolean);
}

export interface RequeueWorkloadsRequest__Output {
  /**
   * Numbers or names, at most 1,000.
   */
  'workloads': (string)[];
  /**
   * At most 1,000 characters.
   */
  'reason': (string);
  /**
   * Also hold them, so that they wait until they are released.
   */
  'hold': (boolean);
  /**
   * Of an administrator, with hold: the owner may release it.
   */
  'ownerMayRelease': (boolean);
}

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
  /**
   * Of an administrator: the owner may release it, as if the owner had held it.
   */
  'ownerMayRelease'?: (boolean);
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
  /**
   * Of an administrator: the owner may release it, as if the owner had held it.
   */
  'ownerMayRelease': (boolean);
}

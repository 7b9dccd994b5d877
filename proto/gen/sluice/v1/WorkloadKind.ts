// Original file: sluice/v1/workload.proto

/**
 * What kind of work a workload is. Decides defaults such as whether it may be preempted.
 */
export const WorkloadKind = {
  WORKLOAD_KIND_UNSPECIFIED: 'WORKLOAD_KIND_UNSPECIFIED',
  WORKLOAD_KIND_TRAIN: 'WORKLOAD_KIND_TRAIN',
  WORKLOAD_KIND_TEST: 'WORKLOAD_KIND_TEST',
  WORKLOAD_KIND_SERVICE: 'WORKLOAD_KIND_SERVICE',
  WORKLOAD_KIND_BATCH: 'WORKLOAD_KIND_BATCH',
  /**
   * One task whose command has a terminal, which its owner joins (ExecService, attach).
   */
  WORKLOAD_KIND_INTERACTIVE: 'WORKLOAD_KIND_INTERACTIVE',
} as const;

/**
 * What kind of work a workload is. Decides defaults such as whether it may be preempted.
 */
export type WorkloadKind =
  | 'WORKLOAD_KIND_UNSPECIFIED'
  | 0
  | 'WORKLOAD_KIND_TRAIN'
  | 1
  | 'WORKLOAD_KIND_TEST'
  | 2
  | 'WORKLOAD_KIND_SERVICE'
  | 3
  | 'WORKLOAD_KIND_BATCH'
  | 4
  /**
   * One task whose command has a terminal, which its owner joins (ExecService, attach).
   */
  | 'WORKLOAD_KIND_INTERACTIVE'
  | 5

/**
 * What kind of work a workload is. Decides defaults such as whether it may be preempted.
 */
export type WorkloadKind__Output = typeof WorkloadKind[keyof typeof WorkloadKind]

// Original file: sluice/v1/workload.proto

import type { Workload as _sluice_v1_Workload, Workload__Output as _sluice_v1_Workload__Output } from '../../sluice/v1/Workload.js';

export interface PrioritizeWorkloadsResponse {
  /**
   * In the order asked. What has ended keeps its priority.
   */
  'workloads'?: (_sluice_v1_Workload)[];
}

export interface PrioritizeWorkloadsResponse__Output {
  /**
   * In the order asked. What has ended keeps its priority.
   */
  'workloads': (_sluice_v1_Workload__Output)[];
}

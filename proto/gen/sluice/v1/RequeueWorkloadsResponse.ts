// Original file: sluice/v1/workload.proto

import type { Workload as _sluice_v1_Workload, Workload__Output as _sluice_v1_Workload__Output } from '../../sluice/v1/Workload.js';

export interface RequeueWorkloadsResponse {
  /**
   * In the order asked. Requeueing what waits, stops or has ended changes nothing.
   */
  'workloads'?: (_sluice_v1_Workload)[];
}

export interface RequeueWorkloadsResponse__Output {
  /**
   * In the order asked. Requeueing what waits, stops or has ended changes nothing.
   */
  'workloads': (_sluice_v1_Workload__Output)[];
}

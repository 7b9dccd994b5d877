// Original file: sluice/v1/workload.proto

import type { Workload as _sluice_v1_Workload, Workload__Output as _sluice_v1_Workload__Output } from '../../sluice/v1/Workload.js';

export interface HoldWorkloadsResponse {
  /**
   * In the order asked. Holding what has ended changes nothing, nor does what an owner adds to the hold of an administrator.
   */
  'workloads'?: (_sluice_v1_Workload)[];
}

export interface HoldWorkloadsResponse__Output {
  /**
   * In the order asked. Holding what has ended changes nothing, nor does what an owner adds to the hold of an administrator.
   */
  'workloads': (_sluice_v1_Workload__Output)[];
}

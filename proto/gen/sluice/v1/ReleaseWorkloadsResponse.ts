// Original file: sluice/v1/workload.proto

import type { Workload as _sluice_v1_Workload, Workload__Output as _sluice_v1_Workload__Output } from '../../sluice/v1/Workload.js';

export interface ReleaseWorkloadsResponse {
  /**
   * In the order asked. Releasing what is not held changes nothing.
   */
  'workloads'?: (_sluice_v1_Workload)[];
}

export interface ReleaseWorkloadsResponse__Output {
  /**
   * In the order asked. Releasing what is not held changes nothing.
   */
  'workloads': (_sluice_v1_Workload__Output)[];
}

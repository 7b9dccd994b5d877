// Original file: sluice/v1/workload.proto

import type { Workload as _sluice_v1_Workload, Workload__Output as _sluice_v1_Workload__Output } from '../../sluice/v1/Workload.js';

export interface GetWorkloadResponse {
  'workload'?: (_sluice_v1_Workload | null);
}

export interface GetWorkloadResponse__Output {
  'workload': (_sluice_v1_Workload__Output | null);
}

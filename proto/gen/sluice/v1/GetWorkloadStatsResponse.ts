// Original file: sluice/v1/stats.proto

import type { WorkloadStats as _sluice_v1_WorkloadStats, WorkloadStats__Output as _sluice_v1_WorkloadStats__Output } from '../../sluice/v1/WorkloadStats.js';

export interface GetWorkloadStatsResponse {
  'stats'?: (_sluice_v1_WorkloadStats | null);
}

export interface GetWorkloadStatsResponse__Output {
  'stats': (_sluice_v1_WorkloadStats__Output | null);
}

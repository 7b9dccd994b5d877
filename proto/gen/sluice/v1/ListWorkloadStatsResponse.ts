// Original file: sluice/v1/stats.proto

import type { WorkloadStats as _sluice_v1_WorkloadStats, WorkloadStats__Output as _sluice_v1_WorkloadStats__Output } from '../../sluice/v1/WorkloadStats.js';

export interface ListWorkloadStatsResponse {
  'workloads'?: (_sluice_v1_WorkloadStats)[];
  'nextPageToken'?: (string);
  /**
   * What costs are in; empty = there are no prices.
   */
  'currency'?: (string);
}

export interface ListWorkloadStatsResponse__Output {
  'workloads': (_sluice_v1_WorkloadStats__Output)[];
  'nextPageToken': (string);
  /**
   * What costs are in; empty = there are no prices.
   */
  'currency': (string);
}

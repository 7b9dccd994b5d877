// Original file: sluice/v1/workload.proto

import type { WorkloadState as _sluice_v1_WorkloadState, WorkloadState__Output as _sluice_v1_WorkloadState__Output } from '../../sluice/v1/WorkloadState.js';

export interface ListWorkloadsRequest {
  /**
   * At most 1,000; 0 = 100.
   */
  'pageSize'?: (number);
  'pageToken'?: (string);
  /**
   * Only this queue and those below it. Empty = all.
   */
  'queue'?: (string);
  /**
   * Only these states. Empty = all.
   */
  'states'?: (_sluice_v1_WorkloadState)[];
}

export interface ListWorkloadsRequest__Output {
  /**
   * At most 1,000; 0 = 100.
   */
  'pageSize': (number);
  'pageToken': (string);
  /**
   * Only this queue and those below it. Empty = all.
   */
  'queue': (string);
  /**
   * Only these states. Empty = all.
   */
  'states': (_sluice_v1_WorkloadState__Output)[];
}

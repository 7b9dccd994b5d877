// Original file: sluice/v1/workload.proto

import type { Workload as _sluice_v1_Workload, Workload__Output as _sluice_v1_Workload__Output } from '../../sluice/v1/Workload.js';
import type { Long } from '@grpc/proto-loader';

export interface ListWorkloadsResponse {
  'workloads'?: (_sluice_v1_Workload)[];
  /**
   * Empty = this was the last page.
   */
  'nextPageToken'?: (string);
  'revision'?: (number | string | Long);
}

export interface ListWorkloadsResponse__Output {
  'workloads': (_sluice_v1_Workload__Output)[];
  /**
   * Empty = this was the last page.
   */
  'nextPageToken': (string);
  'revision': (number);
}

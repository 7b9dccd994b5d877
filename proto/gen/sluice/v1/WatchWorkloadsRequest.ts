// Original file: sluice/v1/workload.proto

import type { Long } from '@grpc/proto-loader';

export interface WatchWorkloadsRequest {
  /**
   * Only these, by number or name. Empty = all.
   */
  'workloads'?: (string)[];
  /**
   * Resume after this revision. 0 = begin with the present state.
   */
  'afterRevision'?: (number | string | Long);
}

export interface WatchWorkloadsRequest__Output {
  /**
   * Only these, by number or name. Empty = all.
   */
  'workloads': (string)[];
  /**
   * Resume after this revision. 0 = begin with the present state.
   */
  'afterRevision': (number);
}

// Original file: sluice/v1/workload.proto

import type { Workload as _sluice_v1_Workload, Workload__Output as _sluice_v1_Workload__Output } from '../../sluice/v1/Workload.js';
import type { Long } from '@grpc/proto-loader';

export interface WatchWorkloadsResponse {
  'revision'?: (number | string | Long);
  /**
   * The changed workload; absent in a message that only reports progress or a removal.
   */
  'workload'?: (_sluice_v1_Workload | null);
  /**
   * True once everything that was there at the start has been sent.
   */
  'caughtUp'?: (boolean);
  /**
   * The number of a finished workload whose record was let go after its time; 0 = none was.
   */
  'removed'?: (number | string | Long);
}

export interface WatchWorkloadsResponse__Output {
  'revision': (number);
  /**
   * The changed workload; absent in a message that only reports progress or a removal.
   */
  'workload': (_sluice_v1_Workload__Output | null);
  /**
   * True once everything that was there at the start has been sent.
   */
  'caughtUp': (boolean);
  /**
   * The number of a finished workload whose record was let go after its time; 0 = none was.
   */
  'removed': (number);
}

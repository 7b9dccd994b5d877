// Original file: sluice/v1/workload.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';

/**
 * One thing that happened to a workload.
 */
export interface WorkloadEvent {
  'time'?: (_google_protobuf_Timestamp | null);
  /**
   * One word: submitted, held, unheld, changed, claimed, placed, started, warning, stopping, requeued, retried,
   * checkpoint, finished.
   */
  'type'?: (string);
  'message'?: (string);
}

/**
 * One thing that happened to a workload.
 */
export interface WorkloadEvent__Output {
  'time': (_google_protobuf_Timestamp__Output | null);
  /**
   * One word: submitted, held, unheld, changed, claimed, placed, started, warning, stopping, requeued, retried,
   * checkpoint, finished.
   */
  'type': (string);
  'message': (string);
}

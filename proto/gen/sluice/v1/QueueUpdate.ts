// Original file: sluice/v1/plan.proto

import type { QueueSpec as _sluice_v1_QueueSpec, QueueSpec__Output as _sluice_v1_QueueSpec__Output } from '../../sluice/v1/QueueSpec.js';
import type { FieldMask as _google_protobuf_FieldMask, FieldMask__Output as _google_protobuf_FieldMask__Output } from '../../google/protobuf/FieldMask.js';

/**
 * A change of fields of a queue.
 */
export interface QueueUpdate {
  'queue'?: (_sluice_v1_QueueSpec | null);
  /**
   * As for UpdateQueue.
   */
  'updateMask'?: (_google_protobuf_FieldMask | null);
}

/**
 * A change of fields of a queue.
 */
export interface QueueUpdate__Output {
  'queue': (_sluice_v1_QueueSpec__Output | null);
  /**
   * As for UpdateQueue.
   */
  'updateMask': (_google_protobuf_FieldMask__Output | null);
}

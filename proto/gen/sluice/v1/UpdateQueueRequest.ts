// Original file: sluice/v1/queue.proto

import type { QueueSpec as _sluice_v1_QueueSpec, QueueSpec__Output as _sluice_v1_QueueSpec__Output } from '../../sluice/v1/QueueSpec.js';
import type { FieldMask as _google_protobuf_FieldMask, FieldMask__Output as _google_protobuf_FieldMask__Output } from '../../google/protobuf/FieldMask.js';

export interface UpdateQueueRequest {
  'queue'?: (_sluice_v1_QueueSpec | null);
  /**
   * Which fields of the spec to change: all but name and parent. A field that is named and not set loses its value;
   * scopes and shapes are replaced as a whole.
   */
  'updateMask'?: (_google_protobuf_FieldMask | null);
  'validateOnly'?: (boolean);
}

export interface UpdateQueueRequest__Output {
  'queue': (_sluice_v1_QueueSpec__Output | null);
  /**
   * Which fields of the spec to change: all but name and parent. A field that is named and not set loses its value;
   * scopes and shapes are replaced as a whole.
   */
  'updateMask': (_google_protobuf_FieldMask__Output | null);
  'validateOnly': (boolean);
}

// Original file: sluice/v1/workload.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

/**
 * A checkpoint that its program declared complete.
 */
export interface Checkpoint {
  'step'?: (number | string | Long);
  'time'?: (_google_protobuf_Timestamp | null);
  'path'?: (string);
}

/**
 * A checkpoint that its program declared complete.
 */
export interface Checkpoint__Output {
  'step': (number);
  'time': (_google_protobuf_Timestamp__Output | null);
  'path': (string);
}

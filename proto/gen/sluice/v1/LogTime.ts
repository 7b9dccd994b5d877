// Original file: sluice/v1/log.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

/**
 * From this offset on a log was written at about this time: at most half a second earlier, and never later.
 */
export interface LogTime {
  'offset'?: (number | string | Long);
  'time'?: (_google_protobuf_Timestamp | null);
}

/**
 * From this offset on a log was written at about this time: at most half a second earlier, and never later.
 */
export interface LogTime__Output {
  'offset': (number);
  'time': (_google_protobuf_Timestamp__Output | null);
}

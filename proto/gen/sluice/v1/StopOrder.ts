// Original file: sluice/v1/workload.proto

import type { StopReason as _sluice_v1_StopReason, StopReason__Output as _sluice_v1_StopReason__Output } from '../../sluice/v1/StopReason.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { Long } from '@grpc/proto-loader';

export interface StopOrder {
  'reason'?: (_sluice_v1_StopReason);
  'requestTime'?: (_google_protobuf_Timestamp | null);
  'grace'?: (_google_protobuf_Duration | null);
  /**
   * The workload that needed the GPUs; 0 = none.
   */
  'forWorkload'?: (number | string | Long);
  /**
   * In words, with the numbers that decided.
   */
  'message'?: (string);
}

export interface StopOrder__Output {
  'reason': (_sluice_v1_StopReason__Output);
  'requestTime': (_google_protobuf_Timestamp__Output | null);
  'grace': (_google_protobuf_Duration__Output | null);
  /**
   * The workload that needed the GPUs; 0 = none.
   */
  'forWorkload': (number);
  /**
   * In words, with the numbers that decided.
   */
  'message': (string);
}

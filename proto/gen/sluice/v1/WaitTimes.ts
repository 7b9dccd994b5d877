// Original file: sluice/v1/usage.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { Long } from '@grpc/proto-loader';

/**
 * How long work waited, from its submission to its first start. Quantiles are right to a tenth.
 */
export interface WaitTimes {
  /**
   * How many workloads started.
   */
  'starts'?: (number | string | Long);
  'p50'?: (_google_protobuf_Duration | null);
  'p90'?: (_google_protobuf_Duration | null);
  'max'?: (_google_protobuf_Duration | null);
  'mean'?: (_google_protobuf_Duration | null);
}

/**
 * How long work waited, from its submission to its first start. Quantiles are right to a tenth.
 */
export interface WaitTimes__Output {
  /**
   * How many workloads started.
   */
  'starts': (number);
  'p50': (_google_protobuf_Duration__Output | null);
  'p90': (_google_protobuf_Duration__Output | null);
  'max': (_google_protobuf_Duration__Output | null);
  'mean': (_google_protobuf_Duration__Output | null);
}

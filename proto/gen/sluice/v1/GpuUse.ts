// Original file: sluice/v1/stats.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { Long } from '@grpc/proto-loader';

/**
 * What was measured of one GPU while a task held it. Of a GPU that is shared it is what all who share it did.
 */
export interface GpuUse {
  /**
   * For how long it was measured. 0 = it was not: a MIG instance, or a driver that does not say; then nothing else is known.
   */
  'measuredTime'?: (_google_protobuf_Duration | null);
  /**
   * Of that, the time in which it worked at least 5 %.
   */
  'busyTime'?: (_google_protobuf_Duration | null);
  /**
   * Time times utilization: divided by the measured time it is the mean utilization.
   */
  'workTime'?: (_google_protobuf_Duration | null);
  /**
   * The most memory in use on it, by anybody.
   */
  'memoryPeakMib'?: (number | string | Long);
  /**
   * While its task runs: how long it has done nothing (below 5 %) without a break until it was last told.
   */
  'idleTime'?: (_google_protobuf_Duration | null);
}

/**
 * What was measured of one GPU while a task held it. Of a GPU that is shared it is what all who share it did.
 */
export interface GpuUse__Output {
  /**
   * For how long it was measured. 0 = it was not: a MIG instance, or a driver that does not say; then nothing else is known.
   */
  'measuredTime': (_google_protobuf_Duration__Output | null);
  /**
   * Of that, the time in which it worked at least 5 %.
   */
  'busyTime': (_google_protobuf_Duration__Output | null);
  /**
   * Time times utilization: divided by the measured time it is the mean utilization.
   */
  'workTime': (_google_protobuf_Duration__Output | null);
  /**
   * The most memory in use on it, by anybody.
   */
  'memoryPeakMib': (number);
  /**
   * While its task runs: how long it has done nothing (below 5 %) without a break until it was last told.
   */
  'idleTime': (_google_protobuf_Duration__Output | null);
}

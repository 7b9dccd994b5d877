// Original file: sluice/v1/stats.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { GpuUse as _sluice_v1_GpuUse, GpuUse__Output as _sluice_v1_GpuUse__Output } from '../../sluice/v1/GpuUse.js';
import type { Long } from '@grpc/proto-loader';

/**
 * What a task used of what it was granted, by what its agent measured, from the start of the task on. A summary: its size does not
 * grow with the time.
 */
export interface MeasuredUse {
  /**
   * CPU time of all its processes. Absent = not measured.
   */
  'cpuTime'?: (_google_protobuf_Duration | null);
  /**
   * The most memory that its processes had at a look, once in 10 seconds, without files that were read and are not in use. Absent =
   * not measured.
   */
  'memoryPeakMib'?: (number | string | Long);
  /**
   * Of the GPUs that it was granted, in their order.
   */
  'gpus'?: (_sluice_v1_GpuUse)[];
  '_memoryPeakMib'?: "memoryPeakMib";
}

/**
 * What a task used of what it was granted, by what its agent measured, from the start of the task on. A summary: its size does not
 * grow with the time.
 */
export interface MeasuredUse__Output {
  /**
   * CPU time of all its processes. Absent = not measured.
   */
  'cpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * The most memory that its processes had at a look, once in 10 seconds, without files that were read and are not in use. Absent =
   * not measured.
   */
  'memoryPeakMib'?: (number);
  /**
   * Of the GPUs that it was granted, in their order.
   */
  'gpus': (_sluice_v1_GpuUse__Output)[];
  '_memoryPeakMib'?: "memoryPeakMib";
}

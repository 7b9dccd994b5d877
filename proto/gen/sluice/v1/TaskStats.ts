// Original file: sluice/v1/stats.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { MeasuredUse as _sluice_v1_MeasuredUse, MeasuredUse__Output as _sluice_v1_MeasuredUse__Output } from '../../sluice/v1/MeasuredUse.js';
import type { Long } from '@grpc/proto-loader';

export interface TaskStats {
  'task'?: (number);
  'node'?: (string);
  /**
   * From the start of the program to its end, or until now.
   */
  'runTime'?: (_google_protobuf_Duration | null);
  'cpuMilli'?: (number | string | Long);
  'memoryMib'?: (number | string | Long);
  /**
   * Absent = nothing was measured, or not yet.
   */
  'use'?: (_sluice_v1_MeasuredUse | null);
}

export interface TaskStats__Output {
  'task': (number);
  'node': (string);
  /**
   * From the start of the program to its end, or until now.
   */
  'runTime': (_google_protobuf_Duration__Output | null);
  'cpuMilli': (number);
  'memoryMib': (number);
  /**
   * Absent = nothing was measured, or not yet.
   */
  'use': (_sluice_v1_MeasuredUse__Output | null);
}

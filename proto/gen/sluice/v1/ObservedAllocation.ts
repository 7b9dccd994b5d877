// Original file: sluice/v1/agent.proto

import type { ObservedState as _sluice_v1_ObservedState, ObservedState__Output as _sluice_v1_ObservedState__Output } from '../../sluice/v1/ObservedState.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Exit as _sluice_v1_Exit, Exit__Output as _sluice_v1_Exit__Output } from '../../sluice/v1/Exit.js';
import type { Checkpoint as _sluice_v1_Checkpoint, Checkpoint__Output as _sluice_v1_Checkpoint__Output } from '../../sluice/v1/Checkpoint.js';
import type { Endpoint as _sluice_v1_Endpoint, Endpoint__Output as _sluice_v1_Endpoint__Output } from '../../sluice/v1/Endpoint.js';
import type { GrantedGpu as _sluice_v1_GrantedGpu, GrantedGpu__Output as _sluice_v1_GrantedGpu__Output } from '../../sluice/v1/GrantedGpu.js';
import type { MeasuredUse as _sluice_v1_MeasuredUse, MeasuredUse__Output as _sluice_v1_MeasuredUse__Output } from '../../sluice/v1/MeasuredUse.js';
import type { Long } from '@grpc/proto-loader';

export interface ObservedAllocation {
  'id'?: (string);
  'workload'?: (number | string | Long);
  'attempt'?: (number);
  'task'?: (number);
  'state'?: (_sluice_v1_ObservedState);
  'startTime'?: (_google_protobuf_Timestamp | null);
  'endTime'?: (_google_protobuf_Timestamp | null);
  'exit'?: (_sluice_v1_Exit | null);
  /**
   * The newest complete checkpoint.
   */
  'checkpoint'?: (_sluice_v1_Checkpoint | null);
  'endpoints'?: (_sluice_v1_Endpoint)[];
  'gpus'?: (_sluice_v1_GrantedGpu)[];
  /**
   * True when the program was never started and never will be under this id.
   */
  'neverStarted'?: (boolean);
  /**
   * GPUs that stayed dirty: memory above the baseline, or a process that cannot be ended.
   */
  'dirtyGpus'?: (string)[];
  /**
   * True when it got its stop signal before it ended; false = it ended of its own accord.
   */
  'stopSignalled'?: (boolean);
  /**
   * What it used of what it was granted, once it has ended. Absent = it has not, or nothing was measured.
   */
  'use'?: (_sluice_v1_MeasuredUse | null);
}

export interface ObservedAllocation__Output {
  'id': (string);
  'workload': (number);
  'attempt': (number);
  'task': (number);
  'state': (_sluice_v1_ObservedState__Output);
  'startTime': (_google_protobuf_Timestamp__Output | null);
  'endTime': (_google_protobuf_Timestamp__Output | null);
  'exit': (_sluice_v1_Exit__Output | null);
  /**
   * The newest complete checkpoint.
   */
  'checkpoint': (_sluice_v1_Checkpoint__Output | null);
  'endpoints': (_sluice_v1_Endpoint__Output)[];
  'gpus': (_sluice_v1_GrantedGpu__Output)[];
  /**
   * True when the program was never started and never will be under this id.
   */
  'neverStarted': (boolean);
  /**
   * GPUs that stayed dirty: memory above the baseline, or a process that cannot be ended.
   */
  'dirtyGpus': (string)[];
  /**
   * True when it got its stop signal before it ended; false = it ended of its own accord.
   */
  'stopSignalled': (boolean);
  /**
   * What it used of what it was granted, once it has ended. Absent = it has not, or nothing was measured.
   */
  'use': (_sluice_v1_MeasuredUse__Output | null);
}

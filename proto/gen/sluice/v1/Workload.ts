// Original file: sluice/v1/workload.proto

import type { WorkloadSpec as _sluice_v1_WorkloadSpec, WorkloadSpec__Output as _sluice_v1_WorkloadSpec__Output } from '../../sluice/v1/WorkloadSpec.js';
import type { WorkloadState as _sluice_v1_WorkloadState, WorkloadState__Output as _sluice_v1_WorkloadState__Output } from '../../sluice/v1/WorkloadState.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Allocation as _sluice_v1_Allocation, Allocation__Output as _sluice_v1_Allocation__Output } from '../../sluice/v1/Allocation.js';
import type { Checkpoint as _sluice_v1_Checkpoint, Checkpoint__Output as _sluice_v1_Checkpoint__Output } from '../../sluice/v1/Checkpoint.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { WorkloadEvent as _sluice_v1_WorkloadEvent, WorkloadEvent__Output as _sluice_v1_WorkloadEvent__Output } from '../../sluice/v1/WorkloadEvent.js';
import type { ArrayPlace as _sluice_v1_ArrayPlace, ArrayPlace__Output as _sluice_v1_ArrayPlace__Output } from '../../sluice/v1/ArrayPlace.js';
import type { Long } from '@grpc/proto-loader';

export interface Workload {
  /**
   * The number people type.
   */
  'number'?: (number | string | Long);
  /**
   * A ULID, unique for ever.
   */
  'uid'?: (string);
  'spec'?: (_sluice_v1_WorkloadSpec | null);
  'state'?: (_sluice_v1_WorkloadState);
  /**
   * In one sentence: why it is where it is.
   */
  'message'?: (string);
  /**
   * Which try this is, from 1. 0 = not placed yet.
   */
  'attempt'?: (number);
  'owner'?: (string);
  'submitTime'?: (_google_protobuf_Timestamp | null);
  'startTime'?: (_google_protobuf_Timestamp | null);
  'endTime'?: (_google_protobuf_Timestamp | null);
  /**
   * Allocations of the present attempt, or of the last one.
   */
  'allocations'?: (_sluice_v1_Allocation)[];
  'checkpoint'?: (_sluice_v1_Checkpoint | null);
  /**
   * How often it lost its GPUs to others or to a lost node.
   */
  'requeues'?: (number);
  /**
   * GPU time since the last checkpoint that was lost that way.
   */
  'lostGpuTime'?: (_google_protobuf_Duration | null);
  'events'?: (_sluice_v1_WorkloadEvent)[];
  /**
   * GPU time held so far, over all attempts.
   */
  'gpuTime'?: (_google_protobuf_Duration | null);
  /**
   * While pending: the binding constraint, UPPER_SNAKE, as ExplainWorkload tells it. Empty otherwise.
   */
  'pendingReason'?: (string);
  /**
   * Set when it was submitted as part of an array.
   */
  'arrayPlace'?: (_sluice_v1_ArrayPlace | null);
  /**
   * How often it was tried again after an error of its program.
   */
  'retries'?: (number);
  /**
   * Who holds it back and why. Empty = nobody.
   */
  'hold'?: (string);
  /**
   * While it runs with a time limit: when it is stopped.
   */
  'limitTime'?: (_google_protobuf_Timestamp | null);
  /**
   * What to ask for the next time, by what was measured, in one sentence; StatsService tells all of it. Only GetWorkload tells it.
   * Empty = nothing is to be said.
   */
  'advice'?: (string);
  /**
   * An administrator holds it back, and only administrators release it.
   */
  'adminHold'?: (boolean);
}

export interface Workload__Output {
  /**
   * The number people type.
   */
  'number': (number);
  /**
   * A ULID, unique for ever.
   */
  'uid': (string);
  'spec': (_sluice_v1_WorkloadSpec__Output | null);
  'state': (_sluice_v1_WorkloadState__Output);
  /**
   * In one sentence: why it is where it is.
   */
  'message': (string);
  /**
   * Which try this is, from 1. 0 = not placed yet.
   */
  'attempt': (number);
  'owner': (string);
  'submitTime': (_google_protobuf_Timestamp__Output | null);
  'startTime': (_google_protobuf_Timestamp__Output | null);
  'endTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * Allocations of the present attempt, or of the last one.
   */
  'allocations': (_sluice_v1_Allocation__Output)[];
  'checkpoint': (_sluice_v1_Checkpoint__Output | null);
  /**
   * How often it lost its GPUs to others or to a lost node.
   */
  'requeues': (number);
  /**
   * GPU time since the last checkpoint that was lost that way.
   */
  'lostGpuTime': (_google_protobuf_Duration__Output | null);
  'events': (_sluice_v1_WorkloadEvent__Output)[];
  /**
   * GPU time held so far, over all attempts.
   */
  'gpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * While pending: the binding constraint, UPPER_SNAKE, as ExplainWorkload tells it. Empty otherwise.
   */
  'pendingReason': (string);
  /**
   * Set when it was submitted as part of an array.
   */
  'arrayPlace': (_sluice_v1_ArrayPlace__Output | null);
  /**
   * How often it was tried again after an error of its program.
   */
  'retries': (number);
  /**
   * Who holds it back and why. Empty = nobody.
   */
  'hold': (string);
  /**
   * While it runs with a time limit: when it is stopped.
   */
  'limitTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * What to ask for the next time, by what was measured, in one sentence; StatsService tells all of it. Only GetWorkload tells it.
   * Empty = nothing is to be said.
   */
  'advice': (string);
  /**
   * An administrator holds it back, and only administrators release it.
   */
  'adminHold': (boolean);
}

// Original file: sluice/v1/plan.proto

import type { StopReason as _sluice_v1_StopReason, StopReason__Output as _sluice_v1_StopReason__Output } from '../../sluice/v1/StopReason.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { PlannedPlacement as _sluice_v1_PlannedPlacement, PlannedPlacement__Output as _sluice_v1_PlannedPlacement__Output } from '../../sluice/v1/PlannedPlacement.js';
import type { Long } from '@grpc/proto-loader';

/**
 * A workload that would lose GPUs.
 */
export interface DisplacedWorkload {
  'number'?: (number | string | Long);
  'name'?: (string);
  'queue'?: (string);
  /**
   * How many GPUs it would give back; a fraction for shares.
   */
  'gpus'?: (number | string);
  'reason'?: (_sluice_v1_StopReason);
  /**
   * One sentence with the numbers that make it legal.
   */
  'message'?: (string);
  /**
   * The workload that would get them; 0 = none.
   */
  'forWorkload'?: (number | string | Long);
  /**
   * Time from its stop signal to the kill.
   */
  'grace'?: (_google_protobuf_Duration | null);
  /**
   * How long it has run.
   */
  'runTime'?: (_google_protobuf_Duration | null);
  /**
   * How much of that it would have to do again: the time since its last checkpoint, or since its start.
   */
  'lostTime'?: (_google_protobuf_Duration | null);
  /**
   * The same as GPU time, over all tasks that stop.
   */
  'lostGpuTime'?: (_google_protobuf_Duration | null);
  /**
   * Whether it has a checkpoint of this run to go on from.
   */
  'hasCheckpoint'?: (boolean);
  /**
   * True when it only gives back surplus tasks and goes on with the others.
   */
  'goesOn'?: (boolean);
  /**
   * Where it would go on after that, as far as the plan looks; empty = it would be pending.
   */
  'restarts'?: (_sluice_v1_PlannedPlacement)[];
  /**
   * True when that would not happen at once: other work has to leave first.
   */
  'later'?: (boolean);
}

/**
 * A workload that would lose GPUs.
 */
export interface DisplacedWorkload__Output {
  'number': (number);
  'name': (string);
  'queue': (string);
  /**
   * How many GPUs it would give back; a fraction for shares.
   */
  'gpus': (number);
  'reason': (_sluice_v1_StopReason__Output);
  /**
   * One sentence with the numbers that make it legal.
   */
  'message': (string);
  /**
   * The workload that would get them; 0 = none.
   */
  'forWorkload': (number);
  /**
   * Time from its stop signal to the kill.
   */
  'grace': (_google_protobuf_Duration__Output | null);
  /**
   * How long it has run.
   */
  'runTime': (_google_protobuf_Duration__Output | null);
  /**
   * How much of that it would have to do again: the time since its last checkpoint, or since its start.
   */
  'lostTime': (_google_protobuf_Duration__Output | null);
  /**
   * The same as GPU time, over all tasks that stop.
   */
  'lostGpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * Whether it has a checkpoint of this run to go on from.
   */
  'hasCheckpoint': (boolean);
  /**
   * True when it only gives back surplus tasks and goes on with the others.
   */
  'goesOn': (boolean);
  /**
   * Where it would go on after that, as far as the plan looks; empty = it would be pending.
   */
  'restarts': (_sluice_v1_PlannedPlacement__Output)[];
  /**
   * True when that would not happen at once: other work has to leave first.
   */
  'later': (boolean);
}

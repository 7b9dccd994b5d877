// Original file: sluice/v1/queue.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';

/**
 * What becomes of work whose GPUs do nothing (below 5 %), by what agents measured. Neither set = nothing, whatever the queue above says.
 */
export interface IdleGpuPolicy {
  /**
   * After so long its owner is warned: an event, and a notice of NOTIFY_ON_IDLE. Unset with the other one set = 15 minutes before it,
   * or after half of it, whichever is later.
   */
  'warnAfter'?: (_google_protobuf_Duration | null);
  /**
   * After so long the GPUs are taken back: idle surplus tasks of elastic work, which gets no more of them in this attempt; else all
   * tasks, once all are idle, and the work is cancelled. Never sooner after the warning than both times differ. Unset = never.
   */
  'reclaimAfter'?: (_google_protobuf_Duration | null);
}

/**
 * What becomes of work whose GPUs do nothing (below 5 %), by what agents measured. Neither set = nothing, whatever the queue above says.
 */
export interface IdleGpuPolicy__Output {
  /**
   * After so long its owner is warned: an event, and a notice of NOTIFY_ON_IDLE. Unset with the other one set = 15 minutes before it,
   * or after half of it, whichever is later.
   */
  'warnAfter': (_google_protobuf_Duration__Output | null);
  /**
   * After so long the GPUs are taken back: idle surplus tasks of elastic work, which gets no more of them in this attempt; else all
   * tasks, once all are idle, and the work is cancelled. Never sooner after the warning than both times differ. Unset = never.
   */
  'reclaimAfter': (_google_protobuf_Duration__Output | null);
}

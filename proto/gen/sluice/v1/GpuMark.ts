// Original file: sluice/v1/node.proto

import type { GpuHealth as _sluice_v1_GpuHealth, GpuHealth__Output as _sluice_v1_GpuHealth__Output } from '../../sluice/v1/GpuHealth.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';

/**
 * One reason why a GPU is not simply healthy. Kept over restarts.
 */
export interface GpuMark {
  /**
   * "xid_79", "recovery_action", "ecc_uncorrected", "repeated_faults", "nvlink_peer", "operator", ...
   */
  'code'?: (string);
  /**
   * Suspect, draining or quarantined.
   */
  'health'?: (_sluice_v1_GpuHealth);
  'time'?: (_google_protobuf_Timestamp | null);
  'message'?: (string);
  /**
   * Who said so; empty = the scheduler, by its policy.
   */
  'actor'?: (string);
  /**
   * When it ends by itself. Unset = not by time.
   */
  'untilTime'?: (_google_protobuf_Timestamp | null);
  /**
   * What ends it: "person", "reboot", "report" (its agent reads it no more), "time".
   */
  'endsWith'?: (string);
}

/**
 * One reason why a GPU is not simply healthy. Kept over restarts.
 */
export interface GpuMark__Output {
  /**
   * "xid_79", "recovery_action", "ecc_uncorrected", "repeated_faults", "nvlink_peer", "operator", ...
   */
  'code': (string);
  /**
   * Suspect, draining or quarantined.
   */
  'health': (_sluice_v1_GpuHealth__Output);
  'time': (_google_protobuf_Timestamp__Output | null);
  'message': (string);
  /**
   * Who said so; empty = the scheduler, by its policy.
   */
  'actor': (string);
  /**
   * When it ends by itself. Unset = not by time.
   */
  'untilTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * What ends it: "person", "reboot", "report" (its agent reads it no more), "time".
   */
  'endsWith': (string);
}

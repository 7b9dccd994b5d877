// Original file: sluice/v1/workload.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { EarlySignal as _sluice_v1_EarlySignal, EarlySignal__Output as _sluice_v1_EarlySignal__Output } from '../../sluice/v1/EarlySignal.js';

export interface CheckpointPolicy {
  /**
   * Time from the stop signal to the kill. Capped by the cluster.
   */
  'grace'?: (_google_protobuf_Duration | null);
  /**
   * Where checkpoints are written, on storage that every node sees. Empty = the agent's own folder for the workload.
   */
  'directory'?: (string);
  /**
   * Sent before the stop signal, so that there is time to save. Absent = none is.
   */
  'earlySignal'?: (_sluice_v1_EarlySignal | null);
}

export interface CheckpointPolicy__Output {
  /**
   * Time from the stop signal to the kill. Capped by the cluster.
   */
  'grace': (_google_protobuf_Duration__Output | null);
  /**
   * Where checkpoints are written, on storage that every node sees. Empty = the agent's own folder for the workload.
   */
  'directory': (string);
  /**
   * Sent before the stop signal, so that there is time to save. Absent = none is.
   */
  'earlySignal': (_sluice_v1_EarlySignal__Output | null);
}

// Original file: sluice/v1/plan.proto

import type { PlannedPlacement as _sluice_v1_PlannedPlacement, PlannedPlacement__Output as _sluice_v1_PlannedPlacement__Output } from '../../sluice/v1/PlannedPlacement.js';
import type { Long } from '@grpc/proto-loader';

/**
 * A pending workload that would start.
 */
export interface PlannedStartedWorkload {
  'number'?: (number | string | Long);
  'name'?: (string);
  'queue'?: (string);
  'gpus'?: (number | string);
  'placements'?: (_sluice_v1_PlannedPlacement)[];
  /**
   * Whether it would have to wait until displaced workloads have left.
   */
  'afterVictims'?: (boolean);
}

/**
 * A pending workload that would start.
 */
export interface PlannedStartedWorkload__Output {
  'number': (number);
  'name': (string);
  'queue': (string);
  'gpus': (number);
  'placements': (_sluice_v1_PlannedPlacement__Output)[];
  /**
   * Whether it would have to wait until displaced workloads have left.
   */
  'afterVictims': (boolean);
}

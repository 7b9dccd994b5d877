// Original file: sluice/v1/plan.proto

import type { PlannedWorkload as _sluice_v1_PlannedWorkload, PlannedWorkload__Output as _sluice_v1_PlannedWorkload__Output } from '../../sluice/v1/PlannedWorkload.js';
import type { DisplacedWorkload as _sluice_v1_DisplacedWorkload, DisplacedWorkload__Output as _sluice_v1_DisplacedWorkload__Output } from '../../sluice/v1/DisplacedWorkload.js';
import type { Long } from '@grpc/proto-loader';

export interface PlanWorkloadResponse {
  /**
   * In the order of the specs.
   */
  'workloads'?: (_sluice_v1_PlannedWorkload)[];
  /**
   * Who would be displaced for them, in the order in which that would be decided; at most 1,000.
   */
  'displaced'?: (_sluice_v1_DisplacedWorkload)[];
  /**
   * How many in all.
   */
  'displacedWorkloads'?: (number);
  /**
   * The state of the cluster that this is the answer for.
   */
  'revision'?: (number | string | Long);
}

export interface PlanWorkloadResponse__Output {
  /**
   * In the order of the specs.
   */
  'workloads': (_sluice_v1_PlannedWorkload__Output)[];
  /**
   * Who would be displaced for them, in the order in which that would be decided; at most 1,000.
   */
  'displaced': (_sluice_v1_DisplacedWorkload__Output)[];
  /**
   * How many in all.
   */
  'displacedWorkloads': (number);
  /**
   * The state of the cluster that this is the answer for.
   */
  'revision': (number);
}

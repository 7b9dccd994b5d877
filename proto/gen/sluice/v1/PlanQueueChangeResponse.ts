// Original file: sluice/v1/plan.proto

import type { PlannedQueueShare as _sluice_v1_PlannedQueueShare, PlannedQueueShare__Output as _sluice_v1_PlannedQueueShare__Output } from '../../sluice/v1/PlannedQueueShare.js';
import type { DisplacedWorkload as _sluice_v1_DisplacedWorkload, DisplacedWorkload__Output as _sluice_v1_DisplacedWorkload__Output } from '../../sluice/v1/DisplacedWorkload.js';
import type { PlannedStartedWorkload as _sluice_v1_PlannedStartedWorkload, PlannedStartedWorkload__Output as _sluice_v1_PlannedStartedWorkload__Output } from '../../sluice/v1/PlannedStartedWorkload.js';
import type { PlannedPendingWorkload as _sluice_v1_PlannedPendingWorkload, PlannedPendingWorkload__Output as _sluice_v1_PlannedPendingWorkload__Output } from '../../sluice/v1/PlannedPendingWorkload.js';
import type { Long } from '@grpc/proto-loader';

export interface PlanQueueChangeResponse {
  /**
   * The queue itself and those of which a figure would change, parents before children.
   */
  'queues'?: (_sluice_v1_PlannedQueueShare)[];
  /**
   * In the order in which that would be decided; at most 1,000.
   */
  'displaced'?: (_sluice_v1_DisplacedWorkload)[];
  /**
   * At most 1,000.
   */
  'started'?: (_sluice_v1_PlannedStartedWorkload)[];
  /**
   * At most 1,000, of the first 1,000 pending workloads.
   */
  'pending'?: (_sluice_v1_PlannedPendingWorkload)[];
  /**
   * How many would be displaced, and would start, in all.
   */
  'displacedWorkloads'?: (number);
  'startedWorkloads'?: (number);
  /**
   * As CreateQueue and UpdateQueue would give them.
   */
  'warnings'?: (string)[];
  /**
   * False when the search was longer than a what-if may take: what is told here would happen, and maybe more.
   */
  'complete'?: (boolean);
  'revision'?: (number | string | Long);
}

export interface PlanQueueChangeResponse__Output {
  /**
   * The queue itself and those of which a figure would change, parents before children.
   */
  'queues': (_sluice_v1_PlannedQueueShare__Output)[];
  /**
   * In the order in which that would be decided; at most 1,000.
   */
  'displaced': (_sluice_v1_DisplacedWorkload__Output)[];
  /**
   * At most 1,000.
   */
  'started': (_sluice_v1_PlannedStartedWorkload__Output)[];
  /**
   * At most 1,000, of the first 1,000 pending workloads.
   */
  'pending': (_sluice_v1_PlannedPendingWorkload__Output)[];
  /**
   * How many would be displaced, and would start, in all.
   */
  'displacedWorkloads': (number);
  'startedWorkloads': (number);
  /**
   * As CreateQueue and UpdateQueue would give them.
   */
  'warnings': (string)[];
  /**
   * False when the search was longer than a what-if may take: what is told here would happen, and maybe more.
   */
  'complete': (boolean);
  'revision': (number);
}

// Original file: sluice/v1/plan.proto

import type { QueueSpec as _sluice_v1_QueueSpec, QueueSpec__Output as _sluice_v1_QueueSpec__Output } from '../../sluice/v1/QueueSpec.js';
import type { QueueUpdate as _sluice_v1_QueueUpdate, QueueUpdate__Output as _sluice_v1_QueueUpdate__Output } from '../../sluice/v1/QueueUpdate.js';

export interface PlanQueueChangeRequest {
  /**
   * A new queue, as for CreateQueue.
   */
  'create'?: (_sluice_v1_QueueSpec | null);
  /**
   * As for UpdateQueue.
   */
  'update'?: (_sluice_v1_QueueUpdate | null);
  /**
   * The name of a queue to delete, as for DeleteQueue.
   */
  'delete'?: (string);
  'change'?: "create"|"update"|"delete";
}

export interface PlanQueueChangeRequest__Output {
  /**
   * A new queue, as for CreateQueue.
   */
  'create'?: (_sluice_v1_QueueSpec__Output | null);
  /**
   * As for UpdateQueue.
   */
  'update'?: (_sluice_v1_QueueUpdate__Output | null);
  /**
   * The name of a queue to delete, as for DeleteQueue.
   */
  'delete'?: (string);
  'change'?: "create"|"update"|"delete";
}

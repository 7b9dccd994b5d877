// Original file: sluice/v1/queue.proto

import type { QueueSpec as _sluice_v1_QueueSpec, QueueSpec__Output as _sluice_v1_QueueSpec__Output } from '../../sluice/v1/QueueSpec.js';
import type { QueueUse as _sluice_v1_QueueUse, QueueUse__Output as _sluice_v1_QueueUse__Output } from '../../sluice/v1/QueueUse.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { BudgetUse as _sluice_v1_BudgetUse, BudgetUse__Output as _sluice_v1_BudgetUse__Output } from '../../sluice/v1/BudgetUse.js';

export interface Queue {
  'spec'?: (_sluice_v1_QueueSpec | null);
  'use'?: (_sluice_v1_QueueUse | null);
  'createTime'?: (_google_protobuf_Timestamp | null);
  /**
   * Unset = it has no budget.
   */
  'budgetUse'?: (_sluice_v1_BudgetUse | null);
}

export interface Queue__Output {
  'spec': (_sluice_v1_QueueSpec__Output | null);
  'use': (_sluice_v1_QueueUse__Output | null);
  'createTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * Unset = it has no budget.
   */
  'budgetUse': (_sluice_v1_BudgetUse__Output | null);
}

// Original file: sluice/v1/queue.proto

import type { QueueSpec as _sluice_v1_QueueSpec, QueueSpec__Output as _sluice_v1_QueueSpec__Output } from '../../sluice/v1/QueueSpec.js';

export interface CreateQueueRequest {
  'queue'?: (_sluice_v1_QueueSpec | null);
  /**
   * Only check; nothing is changed.
   */
  'validateOnly'?: (boolean);
}

export interface CreateQueueRequest__Output {
  'queue': (_sluice_v1_QueueSpec__Output | null);
  /**
   * Only check; nothing is changed.
   */
  'validateOnly': (boolean);
}

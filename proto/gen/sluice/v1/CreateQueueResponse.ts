// Original file: sluice/v1/queue.proto

import type { Queue as _sluice_v1_Queue, Queue__Output as _sluice_v1_Queue__Output } from '../../sluice/v1/Queue.js';

export interface CreateQueueResponse {
  'queue'?: (_sluice_v1_Queue | null);
  /**
   * Accepted, yet worth knowing: for example a guarantee above today's capacity.
   */
  'warnings'?: (string)[];
}

export interface CreateQueueResponse__Output {
  'queue': (_sluice_v1_Queue__Output | null);
  /**
   * Accepted, yet worth knowing: for example a guarantee above today's capacity.
   */
  'warnings': (string)[];
}

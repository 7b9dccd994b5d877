// Original file: sluice/v1/queue.proto

import type { Queue as _sluice_v1_Queue, Queue__Output as _sluice_v1_Queue__Output } from '../../sluice/v1/Queue.js';

export interface UpdateQueueResponse {
  'queue'?: (_sluice_v1_Queue | null);
  'warnings'?: (string)[];
}

export interface UpdateQueueResponse__Output {
  'queue': (_sluice_v1_Queue__Output | null);
  'warnings': (string)[];
}

// Original file: sluice/v1/queue.proto

import type { Queue as _sluice_v1_Queue, Queue__Output as _sluice_v1_Queue__Output } from '../../sluice/v1/Queue.js';

export interface ListQueuesResponse {
  'queues'?: (_sluice_v1_Queue)[];
  'nextPageToken'?: (string);
}

export interface ListQueuesResponse__Output {
  'queues': (_sluice_v1_Queue__Output)[];
  'nextPageToken': (string);
}

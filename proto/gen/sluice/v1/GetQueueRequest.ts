// Original file: sluice/v1/queue.proto


export interface GetQueueRequest {
  'name'?: (string);
}

export interface GetQueueRequest__Output {
  'name': (string);
}

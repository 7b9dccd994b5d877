// Original file: sluice/v1/queue.proto


export interface DeleteQueueRequest {
  'name'?: (string);
}

export interface DeleteQueueRequest__Output {
  'name': (string);
}

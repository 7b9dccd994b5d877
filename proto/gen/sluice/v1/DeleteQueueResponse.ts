// Original file: sluice/v1/queue.proto


export interface DeleteQueueResponse {
}

export interface DeleteQueueResponse__Output {
}

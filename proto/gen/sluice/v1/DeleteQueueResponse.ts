// Original file: /work/main/proto/sluice/v1/queue.proto


export interface DeleteQueueResponse {
}

export interface DeleteQueueResponse__Output {
}

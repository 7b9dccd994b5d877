import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { FieldMask as _google_protobuf_FieldMask, FieldMask__Output as _google_protobuf_FieldMask__Output } from './google/protobuf/FieldMask.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { CreateQueueRequest as _sluice_v1_CreateQueueRequest, CreateQueueRequest__Output as _sluice_v1_CreateQueueRequest__Output } from './sluice/v1/CreateQueueRequest.js';
import type { CreateQueueResponse as _sluice_v1_CreateQueueResponse, CreateQueueResponse__Output as _sluice_v1_CreateQueueResponse__Output } from './sluice/v1/CreateQueueResponse.js';
import type { DeleteQueueRequest as _sluice_v1_DeleteQueueRequest, DeleteQueueRequest__Output as _sluice_v1_DeleteQueueRequest__Output } from './sluice/v1/DeleteQueueRequest.js';
import type { DeleteQueueResponse as _sluice_v1_DeleteQueueResponse, DeleteQueueResponse__Output as _sluice_v1_DeleteQueueResponse__Output } from './sluice/v1/DeleteQueueResponse.js';
import type { GetQueueRequest as _sluice_v1_GetQueueRequest, GetQueueRequest__Output as _sluice_v1_GetQueueRequest__Output } from './sluice/v1/GetQueueRequest.js';
import type { GetQueueResponse as _sluice_v1_GetQueueResponse, GetQueueResponse__Output as _sluice_v1_GetQueueResponse__Output } from './sluice/v1/GetQueueResponse.js';
import type { ListQueuesRequest as _sluice_v1_ListQueuesRequest, ListQueuesRequest__Output as _sluice_v1_ListQueuesRequest__Output } from './sluice/v1/ListQueuesRequest.js';
import type { ListQueuesResponse as _sluice_v1_ListQueuesResponse, ListQueuesResponse__Output as _sluice_v1_ListQueuesResponse__Output } from './sluice/v1/ListQueuesResponse.js';
import type { Queue as _sluice_v1_Queue, Queue__Output as _sluice_v1_Queue__Output } from './sluice/v1/Queue.js';
import type { QueueServiceClient as _sluice_v1_QueueServiceClient, QueueServiceDefinition as _sluice_v1_QueueServiceDefinition } from './sluice/v1/QueueService.js';
import type { QueueSpec as _sluice_v1_QueueSpec, QueueSpec__Output as _sluice_v1_QueueSpec__Output } from './sluice/v1/QueueSpec.js';
import type { QueueUse as _sluice_v1_QueueUse, QueueUse__Output as _sluice_v1_QueueUse__Output } from './sluice/v1/QueueUse.js';
import type { UpdateQueueRequest as _sluice_v1_UpdateQueueRequest, UpdateQueueRequest__Output as _sluice_v1_UpdateQueueRequest__Output } from './sluice/v1/UpdateQueueRequest.js';
import type { UpdateQueueResponse as _sluice_v1_UpdateQueueResponse, UpdateQueueResponse__Output as _sluice_v1_UpdateQueueResponse__Output } from './sluice/v1/UpdateQueueResponse.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      FieldMask: MessageTypeDefinition<_google_protobuf_FieldMask, _google_protobuf_FieldMask__Output>
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  sluice: {
    v1: {
      CreateQueueRequest: MessageTypeDefinition<_sluice_v1_CreateQueueRequest, _sluice_v1_CreateQueueRequest__Output>
      CreateQueueResponse: MessageTypeDefinition<_sluice_v1_CreateQueueResponse, _sluice_v1_CreateQueueResponse__Output>
      DeleteQueueRequest: MessageTypeDefinition<_sluice_v1_DeleteQueueRequest, _sluice_v1_DeleteQueueRequest__Output>
      DeleteQueueResponse: MessageTypeDefinition<_sluice_v1_DeleteQueueResponse, _sluice_v1_DeleteQueueResponse__Output>
      GetQueueRequest: MessageTypeDefinition<_sluice_v1_GetQueueRequest, _sluice_v1_GetQueueRequest__Output>
      GetQueueResponse: MessageTypeDefinition<_sluice_v1_GetQueueResponse, _sluice_v1_GetQueueResponse__Output>
      ListQueuesRequest: MessageTypeDefinition<_sluice_v1_ListQueuesRequest, _sluice_v1_ListQueuesRequest__Output>
      ListQueuesResponse: MessageTypeDefinition<_sluice_v1_ListQueuesResponse, _sluice_v1_ListQueuesResponse__Output>
      Queue: MessageTypeDefinition<_sluice_v1_Queue, _sluice_v1_Queue__Output>
      /**
       * Creates, changes, deletes and lists queues.
       */
      QueueService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_QueueServiceClient> & { service: _sluice_v1_QueueServiceDefinition }
      QueueSpec: MessageTypeDefinition<_sluice_v1_QueueSpec, _sluice_v1_QueueSpec__Output>
      QueueUse: MessageTypeDefinition<_sluice_v1_QueueUse, _sluice_v1_QueueUse__Output>
      UpdateQueueRequest: MessageTypeDefinition<_sluice_v1_UpdateQueueRequest, _sluice_v1_UpdateQueueRequest__Output>
      UpdateQueueResponse: MessageTypeDefinition<_sluice_v1_UpdateQueueResponse, _sluice_v1_UpdateQueueResponse__Output>
    }
  }
}


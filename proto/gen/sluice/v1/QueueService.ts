// Original file: sluice/v1/queue.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CreateQueueRequest as _sluice_v1_CreateQueueRequest, CreateQueueRequest__Output as _sluice_v1_CreateQueueRequest__Output } from '../../sluice/v1/CreateQueueRequest.js';
import type { CreateQueueResponse as _sluice_v1_CreateQueueResponse, CreateQueueResponse__Output as _sluice_v1_CreateQueueResponse__Output } from '../../sluice/v1/CreateQueueResponse.js';
import type { DeleteQueueRequest as _sluice_v1_DeleteQueueRequest, DeleteQueueRequest__Output as _sluice_v1_DeleteQueueRequest__Output } from '../../sluice/v1/DeleteQueueRequest.js';
import type { DeleteQueueResponse as _sluice_v1_DeleteQueueResponse, DeleteQueueResponse__Output as _sluice_v1_DeleteQueueResponse__Output } from '../../sluice/v1/DeleteQueueResponse.js';
import type { GetQueueRequest as _sluice_v1_GetQueueRequest, GetQueueRequest__Output as _sluice_v1_GetQueueRequest__Output } from '../../sluice/v1/GetQueueRequest.js';
import type { GetQueueResponse as _sluice_v1_GetQueueResponse, GetQueueResponse__Output as _sluice_v1_GetQueueResponse__Output } from '../../sluice/v1/GetQueueResponse.js';
import type { ListQueuesRequest as _sluice_v1_ListQueuesRequest, ListQueuesRequest__Output as _sluice_v1_ListQueuesRequest__Output } from '../../sluice/v1/ListQueuesRequest.js';
import type { ListQueuesResponse as _sluice_v1_ListQueuesResponse, ListQueuesResponse__Output as _sluice_v1_ListQueuesResponse__Output } from '../../sluice/v1/ListQueuesResponse.js';
import type { UpdateQueueRequest as _sluice_v1_UpdateQueueRequest, UpdateQueueRequest__Output as _sluice_v1_UpdateQueueRequest__Output } from '../../sluice/v1/UpdateQueueRequest.js';
import type { UpdateQueueResponse as _sluice_v1_UpdateQueueResponse, UpdateQueueResponse__Output as _sluice_v1_UpdateQueueResponse__Output } from '../../sluice/v1/UpdateQueueResponse.js';

/**
 * Creates, changes, deletes and lists queues. All but reading is for administrators.
 */
export interface QueueServiceClient extends grpc.Client {
  CreateQueue(argument: _sluice_v1_CreateQueueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CreateQueueResponse__Output>): grpc.ClientUnaryCall;
  CreateQueue(argument: _sluice_v1_CreateQueueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CreateQueueResponse__Output>): grpc.ClientUnaryCall;
  CreateQueue(argument: _sluice_v1_CreateQueueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CreateQueueResponse__Output>): grpc.ClientUnaryCall;
  CreateQueue(argument: _sluice_v1_CreateQueueRequest, callback: grpc.requestCallback<_sluice_v1_CreateQueueResponse__Output>): grpc.ClientUnaryCall;
  createQueue(argument: _sluice_v1_CreateQueueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CreateQueueResponse__Output>): grpc.ClientUnaryCall;
  createQueue(argument: _sluice_v1_CreateQueueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CreateQueueResponse__Output>): grpc.ClientUnaryCall;
  createQueue(argument: _sluice_v1_CreateQueueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CreateQueueResponse__Output>): grpc.ClientUnaryCall;
  createQueue(argument: _sluice_v1_CreateQueueRequest, callback: grpc.requestCallback<_sluice_v1_CreateQueueResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Deletes a queue that has no children and no unfinished workloads.
   */
  DeleteQueue(argument: _sluice_v1_DeleteQueueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DeleteQueueResponse__Output>): grpc.ClientUnaryCall;
  DeleteQueue(argument: _sluice_v1_DeleteQueueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_DeleteQueueResponse__Output>): grpc.ClientUnaryCall;
  DeleteQueue(argument: _sluice_v1_DeleteQueueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DeleteQueueResponse__Output>): grpc.ClientUnaryCall;
  DeleteQueue(argument: _sluice_v1_DeleteQueueRequest, callback: grpc.requestCallback<_sluice_v1_DeleteQueueResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Deletes a queue that has no children and no unfinished workloads.
   */
  deleteQueue(argument: _sluice_v1_DeleteQueueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DeleteQueueResponse__Output>): grpc.ClientUnaryCall;
  deleteQueue(argument: _sluice_v1_DeleteQueueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_DeleteQueueResponse__Output>): grpc.ClientUnaryCall;
  deleteQueue(argument: _sluice_v1_DeleteQueueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_DeleteQueueResponse__Output>): grpc.ClientUnaryCall;
  deleteQueue(argument: _sluice_v1_DeleteQueueRequest, callback: grpc.requestCallback<_sluice_v1_DeleteQueueResponse__Output>): grpc.ClientUnaryCall;
  
  GetQueue(argument: _sluice_v1_GetQueueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetQueueResponse__Output>): grpc.ClientUnaryCall;
  GetQueue(argument: _sluice_v1_GetQueueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetQueueResponse__Output>): grpc.ClientUnaryCall;
  GetQueue(argument: _sluice_v1_GetQueueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetQueueResponse__Output>): grpc.ClientUnaryCall;
  GetQueue(argument: _sluice_v1_GetQueueRequest, callback: grpc.requestCallback<_sluice_v1_GetQueueResponse__Output>): grpc.ClientUnaryCall;
  getQueue(argument: _sluice_v1_GetQueueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetQueueResponse__Output>): grpc.ClientUnaryCall;
  getQueue(argument: _sluice_v1_GetQueueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetQueueResponse__Output>): grpc.ClientUnaryCall;
  getQueue(argument: _sluice_v1_GetQueueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetQueueResponse__Output>): grpc.ClientUnaryCall;
  getQueue(argument: _sluice_v1_GetQueueRequest, callback: grpc.requestCallback<_sluice_v1_GetQueueResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Lists queues, parents before children, with fair share and use.
   */
  ListQueues(argument: _sluice_v1_ListQueuesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListQueuesResponse__Output>): grpc.ClientUnaryCall;
  ListQueues(argument: _sluice_v1_ListQueuesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListQueuesResponse__Output>): grpc.ClientUnaryCall;
  ListQueues(argument: _sluice_v1_ListQueuesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListQueuesResponse__Output>): grpc.ClientUnaryCall;
  ListQueues(argument: _sluice_v1_ListQueuesRequest, callback: grpc.requestCallback<_sluice_v1_ListQueuesResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Lists queues, parents before children, with fair share and use.
   */
  listQueues(argument: _sluice_v1_ListQueuesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListQueuesResponse__Output>): grpc.ClientUnaryCall;
  listQueues(argument: _sluice_v1_ListQueuesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListQueuesResponse__Output>): grpc.ClientUnaryCall;
  listQueues(argument: _sluice_v1_ListQueuesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListQueuesResponse__Output>): grpc.ClientUnaryCall;
  listQueues(argument: _sluice_v1_ListQueuesRequest, callback: grpc.requestCallback<_sluice_v1_ListQueuesResponse__Output>): grpc.ClientUnaryCall;
  
  UpdateQueue(argument: _sluice_v1_UpdateQueueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UpdateQueueResponse__Output>): grpc.ClientUnaryCall;
  UpdateQueue(argument: _sluice_v1_UpdateQueueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_UpdateQueueResponse__Output>): grpc.ClientUnaryCall;
  UpdateQueue(argument: _sluice_v1_UpdateQueueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UpdateQueueResponse__Output>): grpc.ClientUnaryCall;
  UpdateQueue(argument: _sluice_v1_UpdateQueueRequest, callback: grpc.requestCallback<_sluice_v1_UpdateQueueResponse__Output>): grpc.ClientUnaryCall;
  updateQueue(argument: _sluice_v1_UpdateQueueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UpdateQueueResponse__Output>): grpc.ClientUnaryCall;
  updateQueue(argument: _sluice_v1_UpdateQueueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_UpdateQueueResponse__Output>): grpc.ClientUnaryCall;
  updateQueue(argument: _sluice_v1_UpdateQueueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UpdateQueueResponse__Output>): grpc.ClientUnaryCall;
  updateQueue(argument: _sluice_v1_UpdateQueueRequest, callback: grpc.requestCallback<_sluice_v1_UpdateQueueResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Creates, changes, deletes and lists queues. All but reading is for administrators.
 */
export interface QueueServiceHandlers extends grpc.UntypedServiceImplementation {
  CreateQueue: grpc.handleUnaryCall<_sluice_v1_CreateQueueRequest__Output, _sluice_v1_CreateQueueResponse>;
  
  /**
   * Deletes a queue that has no children and no unfinished workloads.
   */
  DeleteQueue: grpc.handleUnaryCall<_sluice_v1_DeleteQueueRequest__Output, _sluice_v1_DeleteQueueResponse>;
  
  GetQueue: grpc.handleUnaryCall<_sluice_v1_GetQueueRequest__Output, _sluice_v1_GetQueueResponse>;
  
  /**
   * Lists queues, parents before children, with fair share and use.
   */
  ListQueues: grpc.handleUnaryCall<_sluice_v1_ListQueuesRequest__Output, _sluice_v1_ListQueuesResponse>;
  
  UpdateQueue: grpc.handleUnaryCall<_sluice_v1_UpdateQueueRequest__Output, _sluice_v1_UpdateQueueResponse>;
  
}

export interface QueueServiceDefinition extends grpc.ServiceDefinition {
  CreateQueue: MethodDefinition<_sluice_v1_CreateQueueRequest, _sluice_v1_CreateQueueResponse, _sluice_v1_CreateQueueRequest__Output, _sluice_v1_CreateQueueResponse__Output>
  DeleteQueue: MethodDefinition<_sluice_v1_DeleteQueueRequest, _sluice_v1_DeleteQueueResponse, _sluice_v1_DeleteQueueRequest__Output, _sluice_v1_DeleteQueueResponse__Output>
  GetQueue: MethodDefinition<_sluice_v1_GetQueueRequest, _sluice_v1_GetQueueResponse, _sluice_v1_GetQueueRequest__Output, _sluice_v1_GetQueueResponse__Output>
  ListQueues: MethodDefinition<_sluice_v1_ListQueuesRequest, _sluice_v1_ListQueuesResponse, _sluice_v1_ListQueuesRequest__Output, _sluice_v1_ListQueuesResponse__Output>
  UpdateQueue: MethodDefinition<_sluice_v1_UpdateQueueRequest, _sluice_v1_UpdateQueueResponse, _sluice_v1_UpdateQueueRequest__Output, _sluice_v1_UpdateQueueResponse__Output>
}

// Original file: sluice/v1/node.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CordonNodeRequest as _sluice_v1_CordonNodeRequest, CordonNodeRequest__Output as _sluice_v1_CordonNodeRequest__Output } from '../../sluice/v1/CordonNodeRequest.js';
import type { CordonNodeResponse as _sluice_v1_CordonNodeResponse, CordonNodeResponse__Output as _sluice_v1_CordonNodeResponse__Output } from '../../sluice/v1/CordonNodeResponse.js';
import type { GetNodeRequest as _sluice_v1_GetNodeRequest, GetNodeRequest__Output as _sluice_v1_GetNodeRequest__Output } from '../../sluice/v1/GetNodeRequest.js';
import type { GetNodeResponse as _sluice_v1_GetNodeResponse, GetNodeResponse__Output as _sluice_v1_GetNodeResponse__Output } from '../../sluice/v1/GetNodeResponse.js';
import type { ListNodesRequest as _sluice_v1_ListNodesRequest, ListNodesRequest__Output as _sluice_v1_ListNodesRequest__Output } from '../../sluice/v1/ListNodesRequest.js';
import type { ListNodesResponse as _sluice_v1_ListNodesResponse, ListNodesResponse__Output as _sluice_v1_ListNodesResponse__Output } from '../../sluice/v1/ListNodesResponse.js';
import type { UncordonNodeRequest as _sluice_v1_UncordonNodeRequest, UncordonNodeRequest__Output as _sluice_v1_UncordonNodeRequest__Output } from '../../sluice/v1/UncordonNodeRequest.js';
import type { UncordonNodeResponse as _sluice_v1_UncordonNodeResponse, UncordonNodeResponse__Output as _sluice_v1_UncordonNodeResponse__Output } from '../../sluice/v1/UncordonNodeResponse.js';
import type { WatchNodesRequest as _sluice_v1_WatchNodesRequest, WatchNodesRequest__Output as _sluice_v1_WatchNodesRequest__Output } from '../../sluice/v1/WatchNodesRequest.js';
import type { WatchNodesResponse as _sluice_v1_WatchNodesResponse, WatchNodesResponse__Output as _sluice_v1_WatchNodesResponse__Output } from '../../sluice/v1/WatchNodesResponse.js';

/**
 * Lists, watches, cordons and uncordons nodes.
 */
export interface NodeServiceClient extends grpc.Client {
  /**
   * Keeps new work off a node. What runs there goes on.
   */
  CordonNode(argument: _sluice_v1_CordonNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  CordonNode(argument: _sluice_v1_CordonNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  CordonNode(argument: _sluice_v1_CordonNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  CordonNode(argument: _sluice_v1_CordonNodeRequest, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Keeps new work off a node. What runs there goes on.
   */
  cordonNode(argument: _sluice_v1_CordonNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  cordonNode(argument: _sluice_v1_CordonNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  cordonNode(argument: _sluice_v1_CordonNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  cordonNode(argument: _sluice_v1_CordonNodeRequest, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  
  GetNode(argument: _sluice_v1_GetNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  GetNode(argument: _sluice_v1_GetNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  GetNode(argument: _sluice_v1_GetNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  GetNode(argument: _sluice_v1_GetNodeRequest, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  getNode(argument: _sluice_v1_GetNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  getNode(argument: _sluice_v1_GetNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  getNode(argument: _sluice_v1_GetNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  getNode(argument: _sluice_v1_GetNodeRequest, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  
  ListNodes(argument: _sluice_v1_ListNodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _sluice_v1_ListNodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _sluice_v1_ListNodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _sluice_v1_ListNodesRequest, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _sluice_v1_ListNodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _sluice_v1_ListNodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _sluice_v1_ListNodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _sluice_v1_ListNodesRequest, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  
  UncordonNode(argument: _sluice_v1_UncordonNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  UncordonNode(argument: _sluice_v1_UncordonNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  UncordonNode(argument: _sluice_v1_UncordonNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  UncordonNode(argument: _sluice_v1_UncordonNodeRequest, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  uncordonNode(argument: _sluice_v1_UncordonNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  uncordonNode(argument: _sluice_v1_UncordonNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  uncordonNode(argument: _sluice_v1_UncordonNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  uncordonNode(argument: _sluice_v1_UncordonNodeRequest, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Streams changes of nodes. Starts with the present state.
   */
  WatchNodes(argument: _sluice_v1_WatchNodesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchNodesResponse__Output>;
  WatchNodes(argument: _sluice_v1_WatchNodesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchNodesResponse__Output>;
  /**
   * Streams changes of nodes. Starts with the present state.
   */
  watchNodes(argument: _sluice_v1_WatchNodesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchNodesResponse__Output>;
  watchNodes(argument: _sluice_v1_WatchNodesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchNodesResponse__Output>;
  
}

/**
 * Lists, watches, cordons and uncordons nodes.
 */
export interface NodeServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Keeps new work off a node. What runs there goes on.
   */
  CordonNode: grpc.handleUnaryCall<_sluice_v1_CordonNodeRequest__Output, _sluice_v1_CordonNodeResponse>;
  
  GetNode: grpc.handleUnaryCall<_sluice_v1_GetNodeRequest__Output, _sluice_v1_GetNodeResponse>;
  
  ListNodes: grpc.handleUnaryCall<_sluice_v1_ListNodesRequest__Output, _sluice_v1_ListNodesResponse>;
  
  UncordonNode: grpc.handleUnaryCall<_sluice_v1_UncordonNodeRequest__Output, _sluice_v1_UncordonNodeResponse>;
  
  /**
   * Streams changes of nodes. Starts with the present state.
   */
  WatchNodes: grpc.handleServerStreamingCall<_sluice_v1_WatchNodesRequest__Output, _sluice_v1_WatchNodesResponse>;
  
}

export interface NodeServiceDefinition extends grpc.ServiceDefinition {
  CordonNode: MethodDefinition<_sluice_v1_CordonNodeRequest, _sluice_v1_CordonNodeResponse, _sluice_v1_CordonNodeRequest__Output, _sluice_v1_CordonNodeResponse__Output>
  GetNode: MethodDefinition<_sluice_v1_GetNodeRequest, _sluice_v1_GetNodeResponse, _sluice_v1_GetNodeRequest__Output, _sluice_v1_GetNodeResponse__Output>
  ListNodes: MethodDefinition<_sluice_v1_ListNodesRequest, _sluice_v1_ListNodesResponse, _sluice_v1_ListNodesRequest__Output, _sluice_v1_ListNodesResponse__Output>
  UncordonNode: MethodDefinition<_sluice_v1_UncordonNodeRequest, _sluice_v1_UncordonNodeResponse, _sluice_v1_UncordonNodeRequest__Output, _sluice_v1_UncordonNodeResponse__Output>
  WatchNodes: MethodDefinition<_sluice_v1_WatchNodesRequest, _sluice_v1_WatchNodesResponse, _sluice_v1_WatchNodesRequest__Output, _sluice_v1_WatchNodesResponse__Output>
}

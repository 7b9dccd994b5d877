// Original file: sluice/v1/stats.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetWorkloadStatsRequest as _sluice_v1_GetWorkloadStatsRequest, GetWorkloadStatsRequest__Output as _sluice_v1_GetWorkloadStatsRequest__Output } from '../../sluice/v1/GetWorkloadStatsRequest.js';
import type { GetWorkloadStatsResponse as _sluice_v1_GetWorkloadStatsResponse, GetWorkloadStatsResponse__Output as _sluice_v1_GetWorkloadStatsResponse__Output } from '../../sluice/v1/GetWorkloadStatsResponse.js';
import type { ListWorkloadStatsRequest as _sluice_v1_ListWorkloadStatsRequest, ListWorkloadStatsRequest__Output as _sluice_v1_ListWorkloadStatsRequest__Output } from '../../sluice/v1/ListWorkloadStatsRequest.js';
import type { ListWorkloadStatsResponse as _sluice_v1_ListWorkloadStatsResponse, ListWorkloadStatsResponse__Output as _sluice_v1_ListWorkloadStatsResponse__Output } from '../../sluice/v1/ListWorkloadStatsResponse.js';

/**
 * Tells what workloads used of what they were granted.
 */
export interface StatsServiceClient extends grpc.Client {
  /**
   * One workload: its present attempt, or its last one, task by task.
   */
  GetWorkloadStats(argument: _sluice_v1_GetWorkloadStatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  GetWorkloadStats(argument: _sluice_v1_GetWorkloadStatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  GetWorkloadStats(argument: _sluice_v1_GetWorkloadStatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  GetWorkloadStats(argument: _sluice_v1_GetWorkloadStatsRequest, callback: grpc.requestCallback<_sluice_v1_GetWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * One workload: its present attempt, or its last one, task by task.
   */
  getWorkloadStats(argument: _sluice_v1_GetWorkloadStatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  getWorkloadStats(argument: _sluice_v1_GetWorkloadStatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  getWorkloadStats(argument: _sluice_v1_GetWorkloadStatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  getWorkloadStats(argument: _sluice_v1_GetWorkloadStatsRequest, callback: grpc.requestCallback<_sluice_v1_GetWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Those that ran, the latest first, without their tasks.
   */
  ListWorkloadStats(argument: _sluice_v1_ListWorkloadStatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  ListWorkloadStats(argument: _sluice_v1_ListWorkloadStatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  ListWorkloadStats(argument: _sluice_v1_ListWorkloadStatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  ListWorkloadStats(argument: _sluice_v1_ListWorkloadStatsRequest, callback: grpc.requestCallback<_sluice_v1_ListWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Those that ran, the latest first, without their tasks.
   */
  listWorkloadStats(argument: _sluice_v1_ListWorkloadStatsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  listWorkloadStats(argument: _sluice_v1_ListWorkloadStatsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  listWorkloadStats(argument: _sluice_v1_ListWorkloadStatsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  listWorkloadStats(argument: _sluice_v1_ListWorkloadStatsRequest, callback: grpc.requestCallback<_sluice_v1_ListWorkloadStatsResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Tells what workloads used of what they were granted.
 */
export interface StatsServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * One workload: its present attempt, or its last one, task by task.
   */
  GetWorkloadStats: grpc.handleUnaryCall<_sluice_v1_GetWorkloadStatsRequest__Output, _sluice_v1_GetWorkloadStatsResponse>;
  
  /**
   * Those that ran, the latest first, without their tasks.
   */
  ListWorkloadStats: grpc.handleUnaryCall<_sluice_v1_ListWorkloadStatsRequest__Output, _sluice_v1_ListWorkloadStatsResponse>;
  
}

export interface StatsServiceDefinition extends grpc.ServiceDefinition {
  GetWorkloadStats: MethodDefinition<_sluice_v1_GetWorkloadStatsRequest, _sluice_v1_GetWorkloadStatsResponse, _sluice_v1_GetWorkloadStatsRequest__Output, _sluice_v1_GetWorkloadStatsResponse__Output>
  ListWorkloadStats: MethodDefinition<_sluice_v1_ListWorkloadStatsRequest, _sluice_v1_ListWorkloadStatsResponse, _sluice_v1_ListWorkloadStatsRequest__Output, _sluice_v1_ListWorkloadStatsResponse__Output>
}

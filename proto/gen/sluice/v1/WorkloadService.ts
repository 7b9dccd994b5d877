// Original file: sluice/v1/workload.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CancelWorkloadsRequest as _sluice_v1_CancelWorkloadsRequest, CancelWorkloadsRequest__Output as _sluice_v1_CancelWorkloadsRequest__Output } from '../../sluice/v1/CancelWorkloadsRequest.js';
import type { CancelWorkloadsResponse as _sluice_v1_CancelWorkloadsResponse, CancelWorkloadsResponse__Output as _sluice_v1_CancelWorkloadsResponse__Output } from '../../sluice/v1/CancelWorkloadsResponse.js';
import type { ExplainWorkloadRequest as _sluice_v1_ExplainWorkloadRequest, ExplainWorkloadRequest__Output as _sluice_v1_ExplainWorkloadRequest__Output } from '../../sluice/v1/ExplainWorkloadRequest.js';
import type { ExplainWorkloadResponse as _sluice_v1_ExplainWorkloadResponse, ExplainWorkloadResponse__Output as _sluice_v1_ExplainWorkloadResponse__Output } from '../../sluice/v1/ExplainWorkloadResponse.js';
import type { GetWorkloadRequest as _sluice_v1_GetWorkloadRequest, GetWorkloadRequest__Output as _sluice_v1_GetWorkloadRequest__Output } from '../../sluice/v1/GetWorkloadRequest.js';
import type { GetWorkloadResponse as _sluice_v1_GetWorkloadResponse, GetWorkloadResponse__Output as _sluice_v1_GetWorkloadResponse__Output } from '../../sluice/v1/GetWorkloadResponse.js';
import type { ListWorkloadsRequest as _sluice_v1_ListWorkloadsRequest, ListWorkloadsRequest__Output as _sluice_v1_ListWorkloadsRequest__Output } from '../../sluice/v1/ListWorkloadsRequest.js';
import type { ListWorkloadsResponse as _sluice_v1_ListWorkloadsResponse, ListWorkloadsResponse__Output as _sluice_v1_ListWorkloadsResponse__Output } from '../../sluice/v1/ListWorkloadsResponse.js';
import type { SubmitWorkloadsRequest as _sluice_v1_SubmitWorkloadsRequest, SubmitWorkloadsRequest__Output as _sluice_v1_SubmitWorkloadsRequest__Output } from '../../sluice/v1/SubmitWorkloadsRequest.js';
import type { SubmitWorkloadsResponse as _sluice_v1_SubmitWorkloadsResponse, SubmitWorkloadsResponse__Output as _sluice_v1_SubmitWorkloadsResponse__Output } from '../../sluice/v1/SubmitWorkloadsResponse.js';
import type { WatchWorkloadsRequest as _sluice_v1_WatchWorkloadsRequest, WatchWorkloadsRequest__Output as _sluice_v1_WatchWorkloadsRequest__Output } from '../../sluice/v1/WatchWorkloadsRequest.js';
import type { WatchWorkloadsResponse as _sluice_v1_WatchWorkloadsResponse, WatchWorkloadsResponse__Output as _sluice_v1_WatchWorkloadsResponse__Output } from '../../sluice/v1/WatchWorkloadsResponse.js';

/**
 * Submits, reads, watches, explains and cancels workloads.
 */
export interface WorkloadServiceClient extends grpc.Client {
  /**
   * Asks workloads to end. Pending ones end at once, running ones after their stop signal and grace.
   */
  CancelWorkloads(argument: _sluice_v1_CancelWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CancelWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  CancelWorkloads(argument: _sluice_v1_CancelWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CancelWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  CancelWorkloads(argument: _sluice_v1_CancelWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CancelWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  CancelWorkloads(argument: _sluice_v1_CancelWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_CancelWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Asks workloads to end. Pending ones end at once, running ones after their stop signal and grace.
   */
  cancelWorkloads(argument: _sluice_v1_CancelWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CancelWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  cancelWorkloads(argument: _sluice_v1_CancelWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CancelWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  cancelWorkloads(argument: _sluice_v1_CancelWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CancelWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  cancelWorkloads(argument: _sluice_v1_CancelWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_CancelWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Says why a workload is pending: the binding constraint with its numbers.
   */
  ExplainWorkload(argument: _sluice_v1_ExplainWorkloadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ExplainWorkloadResponse__Output>): grpc.ClientUnaryCall;
  ExplainWorkload(argument: _sluice_v1_ExplainWorkloadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ExplainWorkloadResponse__Output>): grpc.ClientUnaryCall;
  ExplainWorkload(argument: _sluice_v1_ExplainWorkloadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ExplainWorkloadResponse__Output>): grpc.ClientUnaryCall;
  ExplainWorkload(argument: _sluice_v1_ExplainWorkloadRequest, callback: grpc.requestCallback<_sluice_v1_ExplainWorkloadResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Says why a workload is pending: the binding constraint with its numbers.
   */
  explainWorkload(argument: _sluice_v1_ExplainWorkloadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ExplainWorkloadResponse__Output>): grpc.ClientUnaryCall;
  explainWorkload(argument: _sluice_v1_ExplainWorkloadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ExplainWorkloadResponse__Output>): grpc.ClientUnaryCall;
  explainWorkload(argument: _sluice_v1_ExplainWorkloadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ExplainWorkloadResponse__Output>): grpc.ClientUnaryCall;
  explainWorkload(argument: _sluice_v1_ExplainWorkloadRequest, callback: grpc.requestCallback<_sluice_v1_ExplainWorkloadResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Reads one workload by number or by name (the newest of that name).
   */
  GetWorkload(argument: _sluice_v1_GetWorkloadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetWorkloadResponse__Output>): grpc.ClientUnaryCall;
  GetWorkload(argument: _sluice_v1_GetWorkloadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetWorkloadResponse__Output>): grpc.ClientUnaryCall;
  GetWorkload(argument: _sluice_v1_GetWorkloadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetWorkloadResponse__Output>): grpc.ClientUnaryCall;
  GetWorkload(argument: _sluice_v1_GetWorkloadRequest, callback: grpc.requestCallback<_sluice_v1_GetWorkloadResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Reads one workload by number or by name (the newest of that name).
   */
  getWorkload(argument: _sluice_v1_GetWorkloadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetWorkloadResponse__Output>): grpc.ClientUnaryCall;
  getWorkload(argument: _sluice_v1_GetWorkloadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetWorkloadResponse__Output>): grpc.ClientUnaryCall;
  getWorkload(argument: _sluice_v1_GetWorkloadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetWorkloadResponse__Output>): grpc.ClientUnaryCall;
  getWorkload(argument: _sluice_v1_GetWorkloadRequest, callback: grpc.requestCallback<_sluice_v1_GetWorkloadResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Lists workloads, newest first, in pages.
   */
  ListWorkloads(argument: _sluice_v1_ListWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  ListWorkloads(argument: _sluice_v1_ListWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  ListWorkloads(argument: _sluice_v1_ListWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  ListWorkloads(argument: _sluice_v1_ListWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_ListWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Lists workloads, newest first, in pages.
   */
  listWorkloads(argument: _sluice_v1_ListWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  listWorkloads(argument: _sluice_v1_ListWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  listWorkloads(argument: _sluice_v1_ListWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  listWorkloads(argument: _sluice_v1_ListWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_ListWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Submits one or many workloads in one durable step: all are accepted or none. Safe to repeat with the same request_id.
   */
  SubmitWorkloads(argument: _sluice_v1_SubmitWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_SubmitWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  SubmitWorkloads(argument: _sluice_v1_SubmitWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_SubmitWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  SubmitWorkloads(argument: _sluice_v1_SubmitWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_SubmitWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  SubmitWorkloads(argument: _sluice_v1_SubmitWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_SubmitWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Submits one or many workloads in one durable step: all are accepted or none. Safe to repeat with the same request_id.
   */
  submitWorkloads(argument: _sluice_v1_SubmitWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_SubmitWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  submitWorkloads(argument: _sluice_v1_SubmitWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_SubmitWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  submitWorkloads(argument: _sluice_v1_SubmitWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_SubmitWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  submitWorkloads(argument: _sluice_v1_SubmitWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_SubmitWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Streams changes of workloads. Starts with the present state unless a revision to resume from is given.
   */
  WatchWorkloads(argument: _sluice_v1_WatchWorkloadsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchWorkloadsResponse__Output>;
  WatchWorkloads(argument: _sluice_v1_WatchWorkloadsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchWorkloadsResponse__Output>;
  /**
   * Streams changes of workloads. Starts with the present state unless a revision to resume from is given.
   */
  watchWorkloads(argument: _sluice_v1_WatchWorkloadsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchWorkloadsResponse__Output>;
  watchWorkloads(argument: _sluice_v1_WatchWorkloadsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchWorkloadsResponse__Output>;
  
}

/**
 * Submits, reads, watches, explains and cancels workloads.
 */
export interface WorkloadServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Asks workloads to end. Pending ones end at once, running ones after their stop signal and grace.
   */
  CancelWorkloads: grpc.handleUnaryCall<_sluice_v1_CancelWorkloadsRequest__Output, _sluice_v1_CancelWorkloadsResponse>;
  
  /**
   * Says why a workload is pending: the binding constraint with its numbers.
   */
  ExplainWorkload: grpc.handleUnaryCall<_sluice_v1_ExplainWorkloadRequest__Output, _sluice_v1_ExplainWorkloadResponse>;
  
  /**
   * Reads one workload by number or by name (the newest of that name).
   */
  GetWorkload: grpc.handleUnaryCall<_sluice_v1_GetWorkloadRequest__Output, _sluice_v1_GetWorkloadResponse>;
  
  /**
   * Lists workloads, newest first, in pages.
   */
  ListWorkloads: grpc.handleUnaryCall<_sluice_v1_ListWorkloadsRequest__Output, _sluice_v1_ListWorkloadsResponse>;
  
  /**
   * Submits one or many workloads in one durable step: all are accepted or none. Safe to repeat with the same request_id.
   */
  SubmitWorkloads: grpc.handleUnaryCall<_sluice_v1_SubmitWorkloadsRequest__Output, _sluice_v1_SubmitWorkloadsResponse>;
  
  /**
   * Streams changes of workloads. Starts with the present state unless a revision to resume from is given.
   */
  WatchWorkloads: grpc.handleServerStreamingCall<_sluice_v1_WatchWorkloadsRequest__Output, _sluice_v1_WatchWorkloadsResponse>;
  
}

export interface WorkloadServiceDefinition extends grpc.ServiceDefinition {
  CancelWorkloads: MethodDefinition<_sluice_v1_CancelWorkloadsRequest, _sluice_v1_CancelWorkloadsResponse, _sluice_v1_CancelWorkloadsRequest__Output, _sluice_v1_CancelWorkloadsResponse__Output>
  ExplainWorkload: MethodDefinition<_sluice_v1_ExplainWorkloadRequest, _sluice_v1_ExplainWorkloadResponse, _sluice_v1_ExplainWorkloadRequest__Output, _sluice_v1_ExplainWorkloadResponse__Output>
  GetWorkload: MethodDefinition<_sluice_v1_GetWorkloadRequest, _sluice_v1_GetWorkloadResponse, _sluice_v1_GetWorkloadRequest__Output, _sluice_v1_GetWorkloadResponse__Output>
  ListWorkloads: MethodDefinition<_sluice_v1_ListWorkloadsRequest, _sluice_v1_ListWorkloadsResponse, _sluice_v1_ListWorkloadsRequest__Output, _sluice_v1_ListWorkloadsResponse__Output>
  SubmitWorkloads: MethodDefinition<_sluice_v1_SubmitWorkloadsRequest, _sluice_v1_SubmitWorkloadsResponse, _sluice_v1_SubmitWorkloadsRequest__Output, _sluice_v1_SubmitWorkloadsResponse__Output>
  WatchWorkloads: MethodDefinition<_sluice_v1_WatchWorkloadsRequest, _sluice_v1_WatchWorkloadsResponse, _sluice_v1_WatchWorkloadsRequest__Output, _sluice_v1_WatchWorkloadsResponse__Output>
}

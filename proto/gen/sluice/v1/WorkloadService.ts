// Original file: sluice/v1/workload.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CancelWorkloadsRequest as _sluice_v1_CancelWorkloadsRequest, CancelWorkloadsRequest__Output as _sluice_v1_CancelWorkloadsRequest__Output } from '../../sluice/v1/CancelWorkloadsRequest.js';
import type { CancelWorkloadsResponse as _sluice_v1_CancelWorkloadsResponse, CancelWorkloadsResponse__Output as _sluice_v1_CancelWorkloadsResponse__Output } from '../../sluice/v1/CancelWorkloadsResponse.js';
import type { ExplainWorkloadRequest as _sluice_v1_ExplainWorkloadRequest, ExplainWorkloadRequest__Output as _sluice_v1_ExplainWorkloadRequest__Output } from '../../sluice/v1/ExplainWorkloadRequest.js';
import type { ExplainWorkloadResponse as _sluice_v1_ExplainWorkloadResponse, ExplainWorkloadResponse__Output as _sluice_v1_ExplainWorkloadResponse__Output } from '../../sluice/v1/ExplainWorkloadResponse.js';
import type { GetWorkloadRequest as _sluice_v1_GetWorkloadRequest, GetWorkloadRequest__Output as _sluice_v1_GetWorkloadRequest__Output } from '../../sluice/v1/GetWorkloadRequest.js';
import type { GetWorkloadResponse as _sluice_v1_GetWorkloadResponse, GetWorkloadResponse__Output as _sluice_v1_GetWorkloadResponse__Output } from '../../sluice/v1/GetWorkloadResponse.js';
import type { HoldWorkloadsRequest as _sluice_v1_HoldWorkloadsRequest, HoldWorkloadsRequest__Output as _sluice_v1_HoldWorkloadsRequest__Output } from '../../sluice/v1/HoldWorkloadsRequest.js';
import type { HoldWorkloadsResponse as _sluice_v1_HoldWorkloadsResponse, HoldWorkloadsResponse__Output as _sluice_v1_HoldWorkloadsResponse__Output } from '../../sluice/v1/HoldWorkloadsResponse.js';
import type { ListWorkloadsRequest as _sluice_v1_ListWorkloadsRequest, ListWorkloadsRequest__Output as _sluice_v1_ListWorkloadsRequest__Output } from '../../sluice/v1/ListWorkloadsRequest.js';
import type { ListWorkloadsResponse as _sluice_v1_ListWorkloadsResponse, ListWorkloadsResponse__Output as _sluice_v1_ListWorkloadsResponse__Output } from '../../sluice/v1/ListWorkloadsResponse.js';
import type { PrioritizeWorkloadsRequest as _sluice_v1_PrioritizeWorkloadsRequest, PrioritizeWorkloadsRequest__Output as _sluice_v1_PrioritizeWorkloadsRequest__Output } from '../../sluice/v1/PrioritizeWorkloadsRequest.js';
import type { PrioritizeWorkloadsResponse as _sluice_v1_PrioritizeWorkloadsResponse, PrioritizeWorkloadsResponse__Output as _sluice_v1_PrioritizeWorkloadsResponse__Output } from '../../sluice/v1/PrioritizeWorkloadsResponse.js';
import type { ReleaseWorkloadsRequest as _sluice_v1_ReleaseWorkloadsRequest, ReleaseWorkloadsRequest__Output as _sluice_v1_ReleaseWorkloadsRequest__Output } from '../../sluice/v1/ReleaseWorkloadsRequest.js';
import type { ReleaseWorkloadsResponse as _sluice_v1_ReleaseWorkloadsResponse, ReleaseWorkloadsResponse__Output as _sluice_v1_ReleaseWorkloadsResponse__Output } from '../../sluice/v1/ReleaseWorkloadsResponse.js';
import type { RequeueWorkloadsRequest as _sluice_v1_RequeueWorkloadsRequest, RequeueWorkloadsRequest__Output as _sluice_v1_RequeueWorkloadsRequest__Output } from '../../sluice/v1/RequeueWorkloadsRequest.js';
import type { RequeueWorkloadsResponse as _sluice_v1_RequeueWorkloadsResponse, RequeueWorkloadsResponse__Output as _sluice_v1_RequeueWorkloadsResponse__Output } from '../../sluice/v1/RequeueWorkloadsResponse.js';
import type { SubmitWorkloadsRequest as _sluice_v1_SubmitWorkloadsRequest, SubmitWorkloadsRequest__Output as _sluice_v1_SubmitWorkloadsRequest__Output } from '../../sluice/v1/SubmitWorkloadsRequest.js';
import type { SubmitWorkloadsResponse as _sluice_v1_SubmitWorkloadsResponse, SubmitWorkloadsResponse__Output as _sluice_v1_SubmitWorkloadsResponse__Output } from '../../sluice/v1/SubmitWorkloadsResponse.js';
import type { WatchWorkloadsRequest as _sluice_v1_WatchWorkloadsRequest, WatchWorkloadsRequest__Output as _sluice_v1_WatchWorkloadsRequest__Output } from '../../sluice/v1/WatchWorkloadsRequest.js';
import type { WatchWorkloadsResponse as _sluice_v1_WatchWorkloadsResponse, WatchWorkloadsResponse__Output as _sluice_v1_WatchWorkloadsResponse__Output } from '../../sluice/v1/WatchWorkloadsResponse.js';

/**
 * Submits, reads, watches, explains and cancels workloads. Where tokens are asked for, only the owner of a workload and administrators change it, and
 * see environment and notify of its spec.
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
   * Holds workloads back: they are not started until they are released. What runs goes on. What an administrator holds of others only an
   * administrator releases.
   */
  HoldWorkloads(argument: _sluice_v1_HoldWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_HoldWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  HoldWorkloads(argument: _sluice_v1_HoldWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_HoldWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  HoldWorkloads(argument: _sluice_v1_HoldWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_HoldWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  HoldWorkloads(argument: _sluice_v1_HoldWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_HoldWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Holds workloads back: they are not started until they are released. What runs goes on. What an administrator holds of others only an
   * administrator releases.
   */
  holdWorkloads(argument: _sluice_v1_HoldWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_HoldWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  holdWorkloads(argument: _sluice_v1_HoldWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_HoldWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  holdWorkloads(argument: _sluice_v1_HoldWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_HoldWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  holdWorkloads(argument: _sluice_v1_HoldWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_HoldWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  
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
   * Changes the priority of workloads that have not ended.
   */
  PrioritizeWorkloads(argument: _sluice_v1_PrioritizeWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PrioritizeWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  PrioritizeWorkloads(argument: _sluice_v1_PrioritizeWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_PrioritizeWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  PrioritizeWorkloads(argument: _sluice_v1_PrioritizeWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PrioritizeWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  PrioritizeWorkloads(argument: _sluice_v1_PrioritizeWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_PrioritizeWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Changes the priority of workloads that have not ended.
   */
  prioritizeWorkloads(argument: _sluice_v1_PrioritizeWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PrioritizeWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  prioritizeWorkloads(argument: _sluice_v1_PrioritizeWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_PrioritizeWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  prioritizeWorkloads(argument: _sluice_v1_PrioritizeWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PrioritizeWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  prioritizeWorkloads(argument: _sluice_v1_PrioritizeWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_PrioritizeWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Ends a hold. PERMISSION_DENIED (HELD_BY_ADMIN) when one of them is an administrator's and the caller is none: then none is released.
   */
  ReleaseWorkloads(argument: _sluice_v1_ReleaseWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  ReleaseWorkloads(argument: _sluice_v1_ReleaseWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ReleaseWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  ReleaseWorkloads(argument: _sluice_v1_ReleaseWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  ReleaseWorkloads(argument: _sluice_v1_ReleaseWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_ReleaseWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Ends a hold. PERMISSION_DENIED (HELD_BY_ADMIN) when one of them is an administrator's and the caller is none: then none is released.
   */
  releaseWorkloads(argument: _sluice_v1_ReleaseWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  releaseWorkloads(argument: _sluice_v1_ReleaseWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ReleaseWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  releaseWorkloads(argument: _sluice_v1_ReleaseWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  releaseWorkloads(argument: _sluice_v1_ReleaseWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_ReleaseWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Stops what runs, with its grace, and lets it wait for GPUs again.
   */
  RequeueWorkloads(argument: _sluice_v1_RequeueWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RequeueWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  RequeueWorkloads(argument: _sluice_v1_RequeueWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_RequeueWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  RequeueWorkloads(argument: _sluice_v1_RequeueWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RequeueWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  RequeueWorkloads(argument: _sluice_v1_RequeueWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_RequeueWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Stops what runs, with its grace, and lets it wait for GPUs again.
   */
  requeueWorkloads(argument: _sluice_v1_RequeueWorkloadsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RequeueWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  requeueWorkloads(argument: _sluice_v1_RequeueWorkloadsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_RequeueWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  requeueWorkloads(argument: _sluice_v1_RequeueWorkloadsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RequeueWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  requeueWorkloads(argument: _sluice_v1_RequeueWorkloadsRequest, callback: grpc.requestCallback<_sluice_v1_RequeueWorkloadsResponse__Output>): grpc.ClientUnaryCall;
  
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
 * Submits, reads, watches, explains and cancels workloads. Where tokens are asked for, only the owner of a workload and administrators change it, and
 * see environment and notify of its spec.
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
   * Holds workloads back: they are not started until they are released. What runs goes on. What an administrator holds of others only an
   * administrator releases.
   */
  HoldWorkloads: grpc.handleUnaryCall<_sluice_v1_HoldWorkloadsRequest__Output, _sluice_v1_HoldWorkloadsResponse>;
  
  /**
   * Lists workloads, newest first, in pages.
   */
  ListWorkloads: grpc.handleUnaryCall<_sluice_v1_ListWorkloadsRequest__Output, _sluice_v1_ListWorkloadsResponse>;
  
  /**
   * Changes the priority of workloads that have not ended.
   */
  PrioritizeWorkloads: grpc.handleUnaryCall<_sluice_v1_PrioritizeWorkloadsRequest__Output, _sluice_v1_PrioritizeWorkloadsResponse>;
  
  /**
   * Ends a hold. PERMISSION_DENIED (HELD_BY_ADMIN) when one of them is an administrator's and the caller is none: then none is released.
   */
  ReleaseWorkloads: grpc.handleUnaryCall<_sluice_v1_ReleaseWorkloadsRequest__Output, _sluice_v1_ReleaseWorkloadsResponse>;
  
  /**
   * Stops what runs, with its grace, and lets it wait for GPUs again.
   */
  RequeueWorkloads: grpc.handleUnaryCall<_sluice_v1_RequeueWorkloadsRequest__Output, _sluice_v1_RequeueWorkloadsResponse>;
  
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
  HoldWorkloads: MethodDefinition<_sluice_v1_HoldWorkloadsRequest, _sluice_v1_HoldWorkloadsResponse, _sluice_v1_HoldWorkloadsRequest__Output, _sluice_v1_HoldWorkloadsResponse__Output>
  ListWorkloads: MethodDefinition<_sluice_v1_ListWorkloadsRequest, _sluice_v1_ListWorkloadsResponse, _sluice_v1_ListWorkloadsRequest__Output, _sluice_v1_ListWorkloadsResponse__Output>
  PrioritizeWorkloads: MethodDefinition<_sluice_v1_PrioritizeWorkloadsRequest, _sluice_v1_PrioritizeWorkloadsResponse, _sluice_v1_PrioritizeWorkloadsRequest__Output, _sluice_v1_PrioritizeWorkloadsResponse__Output>
  ReleaseWorkloads: MethodDefinition<_sluice_v1_ReleaseWorkloadsRequest, _sluice_v1_ReleaseWorkloadsResponse, _sluice_v1_ReleaseWorkloadsRequest__Output, _sluice_v1_ReleaseWorkloadsResponse__Output>
  RequeueWorkloads: MethodDefinition<_sluice_v1_RequeueWorkloadsRequest, _sluice_v1_RequeueWorkloadsResponse, _sluice_v1_RequeueWorkloadsRequest__Output, _sluice_v1_RequeueWorkloadsResponse__Output>
  SubmitWorkloads: MethodDefinition<_sluice_v1_SubmitWorkloadsRequest, _sluice_v1_SubmitWorkloadsResponse, _sluice_v1_SubmitWorkloadsRequest__Output, _sluice_v1_SubmitWorkloadsResponse__Output>
  WatchWorkloads: MethodDefinition<_sluice_v1_WatchWorkloadsRequest, _sluice_v1_WatchWorkloadsResponse, _sluice_v1_WatchWorkloadsRequest__Output, _sluice_v1_WatchWorkloadsResponse__Output>
}

// Original file: sluice/v1/plan.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { PlanQueueChangeRequest as _sluice_v1_PlanQueueChangeRequest, PlanQueueChangeRequest__Output as _sluice_v1_PlanQueueChangeRequest__Output } from '../../sluice/v1/PlanQueueChangeRequest.js';
import type { PlanQueueChangeResponse as _sluice_v1_PlanQueueChangeResponse, PlanQueueChangeResponse__Output as _sluice_v1_PlanQueueChangeResponse__Output } from '../../sluice/v1/PlanQueueChangeResponse.js';
import type { PlanWorkloadRequest as _sluice_v1_PlanWorkloadRequest, PlanWorkloadRequest__Output as _sluice_v1_PlanWorkloadRequest__Output } from '../../sluice/v1/PlanWorkloadRequest.js';
import type { PlanWorkloadResponse as _sluice_v1_PlanWorkloadResponse, PlanWorkloadResponse__Output as _sluice_v1_PlanWorkloadResponse__Output } from '../../sluice/v1/PlanWorkloadResponse.js';

/**
 * Answers what would follow from a change, by letting the scheduling engine decide on it and taking all of it back.
 */
export interface PlanServiceClient extends grpc.Client {
  /**
   * What would start, move or stop if a queue were created, changed or deleted now.
   */
  PlanQueueChange(argument: _sluice_v1_PlanQueueChangeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PlanQueueChangeResponse__Output>): grpc.ClientUnaryCall;
  PlanQueueChange(argument: _sluice_v1_PlanQueueChangeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_PlanQueueChangeResponse__Output>): grpc.ClientUnaryCall;
  PlanQueueChange(argument: _sluice_v1_PlanQueueChangeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PlanQueueChangeResponse__Output>): grpc.ClientUnaryCall;
  PlanQueueChange(argument: _sluice_v1_PlanQueueChangeRequest, callback: grpc.requestCallback<_sluice_v1_PlanQueueChangeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * What would start, move or stop if a queue were created, changed or deleted now.
   */
  planQueueChange(argument: _sluice_v1_PlanQueueChangeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PlanQueueChangeResponse__Output>): grpc.ClientUnaryCall;
  planQueueChange(argument: _sluice_v1_PlanQueueChangeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_PlanQueueChangeResponse__Output>): grpc.ClientUnaryCall;
  planQueueChange(argument: _sluice_v1_PlanQueueChangeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PlanQueueChangeResponse__Output>): grpc.ClientUnaryCall;
  planQueueChange(argument: _sluice_v1_PlanQueueChangeRequest, callback: grpc.requestCallback<_sluice_v1_PlanQueueChangeResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Where and when workloads would start if they were submitted now, and who would be displaced.
   */
  PlanWorkload(argument: _sluice_v1_PlanWorkloadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PlanWorkloadResponse__Output>): grpc.ClientUnaryCall;
  PlanWorkload(argument: _sluice_v1_PlanWorkloadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_PlanWorkloadResponse__Output>): grpc.ClientUnaryCall;
  PlanWorkload(argument: _sluice_v1_PlanWorkloadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PlanWorkloadResponse__Output>): grpc.ClientUnaryCall;
  PlanWorkload(argument: _sluice_v1_PlanWorkloadRequest, callback: grpc.requestCallback<_sluice_v1_PlanWorkloadResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Where and when workloads would start if they were submitted now, and who would be displaced.
   */
  planWorkload(argument: _sluice_v1_PlanWorkloadRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PlanWorkloadResponse__Output>): grpc.ClientUnaryCall;
  planWorkload(argument: _sluice_v1_PlanWorkloadRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_PlanWorkloadResponse__Output>): grpc.ClientUnaryCall;
  planWorkload(argument: _sluice_v1_PlanWorkloadRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_PlanWorkloadResponse__Output>): grpc.ClientUnaryCall;
  planWorkload(argument: _sluice_v1_PlanWorkloadRequest, callback: grpc.requestCallback<_sluice_v1_PlanWorkloadResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Answers what would follow from a change, by letting the scheduling engine decide on it and taking all of it back.
 */
export interface PlanServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * What would start, move or stop if a queue were created, changed or deleted now.
   */
  PlanQueueChange: grpc.handleUnaryCall<_sluice_v1_PlanQueueChangeRequest__Output, _sluice_v1_PlanQueueChangeResponse>;
  
  /**
   * Where and when workloads would start if they were submitted now, and who would be displaced.
   */
  PlanWorkload: grpc.handleUnaryCall<_sluice_v1_PlanWorkloadRequest__Output, _sluice_v1_PlanWorkloadResponse>;
  
}

export interface PlanServiceDefinition extends grpc.ServiceDefinition {
  PlanQueueChange: MethodDefinition<_sluice_v1_PlanQueueChangeRequest, _sluice_v1_PlanQueueChangeResponse, _sluice_v1_PlanQueueChangeRequest__Output, _sluice_v1_PlanQueueChangeResponse__Output>
  PlanWorkload: MethodDefinition<_sluice_v1_PlanWorkloadRequest, _sluice_v1_PlanWorkloadResponse, _sluice_v1_PlanWorkloadRequest__Output, _sluice_v1_PlanWorkloadResponse__Output>
}

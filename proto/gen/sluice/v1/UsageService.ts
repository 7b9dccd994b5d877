// Original file: sluice/v1/usage.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetUsageRequest as _sluice_v1_GetUsageRequest, GetUsageRequest__Output as _sluice_v1_GetUsageRequest__Output } from '../../sluice/v1/GetUsageRequest.js';
import type { GetUsageResponse as _sluice_v1_GetUsageResponse, GetUsageResponse__Output as _sluice_v1_GetUsageResponse__Output } from '../../sluice/v1/GetUsageResponse.js';

/**
 * Tells what queues and users have used.
 */
export interface UsageServiceClient extends grpc.Client {
  GetUsage(argument: _sluice_v1_GetUsageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetUsageResponse__Output>): grpc.ClientUnaryCall;
  GetUsage(argument: _sluice_v1_GetUsageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetUsageResponse__Output>): grpc.ClientUnaryCall;
  GetUsage(argument: _sluice_v1_GetUsageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetUsageResponse__Output>): grpc.ClientUnaryCall;
  GetUsage(argument: _sluice_v1_GetUsageRequest, callback: grpc.requestCallback<_sluice_v1_GetUsageResponse__Output>): grpc.ClientUnaryCall;
  getUsage(argument: _sluice_v1_GetUsageRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetUsageResponse__Output>): grpc.ClientUnaryCall;
  getUsage(argument: _sluice_v1_GetUsageRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetUsageResponse__Output>): grpc.ClientUnaryCall;
  getUsage(argument: _sluice_v1_GetUsageRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetUsageResponse__Output>): grpc.ClientUnaryCall;
  getUsage(argument: _sluice_v1_GetUsageRequest, callback: grpc.requestCallback<_sluice_v1_GetUsageResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Tells what queues and users have used.
 */
export interface UsageServiceHandlers extends grpc.UntypedServiceImplementation {
  GetUsage: grpc.handleUnaryCall<_sluice_v1_GetUsageRequest__Output, _sluice_v1_GetUsageResponse>;
  
}

export interface UsageServiceDefinition extends grpc.ServiceDefinition {
  GetUsage: MethodDefinition<_sluice_v1_GetUsageRequest, _sluice_v1_GetUsageResponse, _sluice_v1_GetUsageRequest__Output, _sluice_v1_GetUsageResponse__Output>
}

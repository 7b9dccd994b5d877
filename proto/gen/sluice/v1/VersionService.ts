// Original file: sluice/v1/version.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { GetVersionRequest as _sluice_v1_GetVersionRequest, GetVersionRequest__Output as _sluice_v1_GetVersionRequest__Output } from '../../sluice/v1/GetVersionRequest.js';
import type { GetVersionResponse as _sluice_v1_GetVersionResponse, GetVersionResponse__Output as _sluice_v1_GetVersionResponse__Output } from '../../sluice/v1/GetVersionResponse.js';

/**
 * Says which daemon answers and of which cluster.
 */
export interface VersionServiceClient extends grpc.Client {
  GetVersion(argument: _sluice_v1_GetVersionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  GetVersion(argument: _sluice_v1_GetVersionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  GetVersion(argument: _sluice_v1_GetVersionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  GetVersion(argument: _sluice_v1_GetVersionRequest, callback: grpc.requestCallback<_sluice_v1_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  getVersion(argument: _sluice_v1_GetVersionRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  getVersion(argument: _sluice_v1_GetVersionRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  getVersion(argument: _sluice_v1_GetVersionRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  getVersion(argument: _sluice_v1_GetVersionRequest, callback: grpc.requestCallback<_sluice_v1_GetVersionResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Says which daemon answers and of which cluster.
 */
export interface VersionServiceHandlers extends grpc.UntypedServiceImplementation {
  GetVersion: grpc.handleUnaryCall<_sluice_v1_GetVersionRequest__Output, _sluice_v1_GetVersionResponse>;
  
}

export interface VersionServiceDefinition extends grpc.ServiceDefinition {
  GetVersion: MethodDefinition<_sluice_v1_GetVersionRequest, _sluice_v1_GetVersionResponse, _sluice_v1_GetVersionRequest__Output, _sluice_v1_GetVersionResponse__Output>
}

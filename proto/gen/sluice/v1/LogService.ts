// Original file: sluice/v1/log.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ReadLogsRequest as _sluice_v1_ReadLogsRequest, ReadLogsRequest__Output as _sluice_v1_ReadLogsRequest__Output } from '../../sluice/v1/ReadLogsRequest.js';
import type { ReadLogsResponse as _sluice_v1_ReadLogsResponse, ReadLogsResponse__Output as _sluice_v1_ReadLogsResponse__Output } from '../../sluice/v1/ReadLogsResponse.js';

/**
 * Reads and follows the logs of tasks.
 */
export interface LogServiceClient extends grpc.Client {
  /**
   * Streams the log of one task: of the present attempt, or of the last one. With follow it goes on until the workload
   * ends, over restarts of the workload. What a reader has is told by offsets, so that one that comes back goes on there.
   * For the owner of the workload and administrators.
   */
  ReadLogs(argument: _sluice_v1_ReadLogsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_ReadLogsResponse__Output>;
  ReadLogs(argument: _sluice_v1_ReadLogsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_ReadLogsResponse__Output>;
  /**
   * Streams the log of one task: of the present attempt, or of the last one. With follow it goes on until the workload
   * ends, over restarts of the workload. What a reader has is told by offsets, so that one that comes back goes on there.
   * For the owner of the workload and administrators.
   */
  readLogs(argument: _sluice_v1_ReadLogsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_ReadLogsResponse__Output>;
  readLogs(argument: _sluice_v1_ReadLogsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_ReadLogsResponse__Output>;
  
}

/**
 * Reads and follows the logs of tasks.
 */
export interface LogServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Streams the log of one task: of the present attempt, or of the last one. With follow it goes on until the workload
   * ends, over restarts of the workload. What a reader has is told by offsets, so that one that comes back goes on there.
   * For the owner of the workload and administrators.
   */
  ReadLogs: grpc.handleServerStreamingCall<_sluice_v1_ReadLogsRequest__Output, _sluice_v1_ReadLogsResponse>;
  
}

export interface LogServiceDefinition extends grpc.ServiceDefinition {
  ReadLogs: MethodDefinition<_sluice_v1_ReadLogsRequest, _sluice_v1_ReadLogsResponse, _sluice_v1_ReadLogsRequest__Output, _sluice_v1_ReadLogsResponse__Output>
}

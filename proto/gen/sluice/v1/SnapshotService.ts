// Original file: sluice/v1/snapshot.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { SaveSnapshotRequest as _sluice_v1_SaveSnapshotRequest, SaveSnapshotRequest__Output as _sluice_v1_SaveSnapshotRequest__Output } from '../../sluice/v1/SaveSnapshotRequest.js';
import type { SaveSnapshotResponse as _sluice_v1_SaveSnapshotResponse, SaveSnapshotResponse__Output as _sluice_v1_SaveSnapshotResponse__Output } from '../../sluice/v1/SaveSnapshotResponse.js';

/**
 * Saves snapshots while the scheduler goes on. Restoring needs no scheduler and so has no call.
 */
export interface SnapshotServiceClient extends grpc.Client {
  /**
   * Streams a snapshot file, which begins with what it is and ends with its checksum. For administrators: it holds what
   * all users submitted, with its environment.
   */
  SaveSnapshot(argument: _sluice_v1_SaveSnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_SaveSnapshotResponse__Output>;
  SaveSnapshot(argument: _sluice_v1_SaveSnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_SaveSnapshotResponse__Output>;
  /**
   * Streams a snapshot file, which begins with what it is and ends with its checksum. For administrators: it holds what
   * all users submitted, with its environment.
   */
  saveSnapshot(argument: _sluice_v1_SaveSnapshotRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_SaveSnapshotResponse__Output>;
  saveSnapshot(argument: _sluice_v1_SaveSnapshotRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_SaveSnapshotResponse__Output>;
  
}

/**
 * Saves snapshots while the scheduler goes on. Restoring needs no scheduler and so has no call.
 */
export interface SnapshotServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Streams a snapshot file, which begins with what it is and ends with its checksum. For administrators: it holds what
   * all users submitted, with its environment.
   */
  SaveSnapshot: grpc.handleServerStreamingCall<_sluice_v1_SaveSnapshotRequest__Output, _sluice_v1_SaveSnapshotResponse>;
  
}

export interface SnapshotServiceDefinition extends grpc.ServiceDefinition {
  SaveSnapshot: MethodDefinition<_sluice_v1_SaveSnapshotRequest, _sluice_v1_SaveSnapshotResponse, _sluice_v1_SaveSnapshotRequest__Output, _sluice_v1_SaveSnapshotResponse__Output>
}

import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { SaveSnapshotRequest as _sluice_v1_SaveSnapshotRequest, SaveSnapshotRequest__Output as _sluice_v1_SaveSnapshotRequest__Output } from './sluice/v1/SaveSnapshotRequest.js';
import type { SaveSnapshotResponse as _sluice_v1_SaveSnapshotResponse, SaveSnapshotResponse__Output as _sluice_v1_SaveSnapshotResponse__Output } from './sluice/v1/SaveSnapshotResponse.js';
import type { SnapshotServiceClient as _sluice_v1_SnapshotServiceClient, SnapshotServiceDefinition as _sluice_v1_SnapshotServiceDefinition } from './sluice/v1/SnapshotService.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  sluice: {
    v1: {
      SaveSnapshotRequest: MessageTypeDefinition<_sluice_v1_SaveSnapshotRequest, _sluice_v1_SaveSnapshotRequest__Output>
      SaveSnapshotResponse: MessageTypeDefinition<_sluice_v1_SaveSnapshotResponse, _sluice_v1_SaveSnapshotResponse__Output>
      /**
       * Saves snapshots while the scheduler goes on. Restoring needs no scheduler and so has no call.
       */
      SnapshotService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_SnapshotServiceClient> & { service: _sluice_v1_SnapshotServiceDefinition }
    }
  }
}


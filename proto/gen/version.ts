import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { GetVersionRequest as _sluice_v1_GetVersionRequest, GetVersionRequest__Output as _sluice_v1_GetVersionRequest__Output } from './sluice/v1/GetVersionRequest.js';
import type { GetVersionResponse as _sluice_v1_GetVersionResponse, GetVersionResponse__Output as _sluice_v1_GetVersionResponse__Output } from './sluice/v1/GetVersionResponse.js';
import type { VersionServiceClient as _sluice_v1_VersionServiceClient, VersionServiceDefinition as _sluice_v1_VersionServiceDefinition } from './sluice/v1/VersionService.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  sluice: {
    v1: {
      GetVersionRequest: MessageTypeDefinition<_sluice_v1_GetVersionRequest, _sluice_v1_GetVersionRequest__Output>
      GetVersionResponse: MessageTypeDefinition<_sluice_v1_GetVersionResponse, _sluice_v1_GetVersionResponse__Output>
      /**
       * Says which daemon answers and of which cluster.
       */
      VersionService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_VersionServiceClient> & { service: _sluice_v1_VersionServiceDefinition }
    }
  }
}


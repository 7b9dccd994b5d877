import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { LogServiceClient as _sluice_v1_LogServiceClient, LogServiceDefinition as _sluice_v1_LogServiceDefinition } from './sluice/v1/LogService.js';
import type { LogTime as _sluice_v1_LogTime, LogTime__Output as _sluice_v1_LogTime__Output } from './sluice/v1/LogTime.js';
import type { ReadLogsRequest as _sluice_v1_ReadLogsRequest, ReadLogsRequest__Output as _sluice_v1_ReadLogsRequest__Output } from './sluice/v1/ReadLogsRequest.js';
import type { ReadLogsResponse as _sluice_v1_ReadLogsResponse, ReadLogsResponse__Output as _sluice_v1_ReadLogsResponse__Output } from './sluice/v1/ReadLogsResponse.js';

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
      /**
       * Reads and follows the logs of tasks.
       */
      LogService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_LogServiceClient> & { service: _sluice_v1_LogServiceDefinition }
      LogStream: EnumTypeDefinition
      LogTime: MessageTypeDefinition<_sluice_v1_LogTime, _sluice_v1_LogTime__Output>
      ReadLogsRequest: MessageTypeDefinition<_sluice_v1_ReadLogsRequest, _sluice_v1_ReadLogsRequest__Output>
      ReadLogsResponse: MessageTypeDefinition<_sluice_v1_ReadLogsResponse, _sluice_v1_ReadLogsResponse__Output>
    }
  }
}


import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { GetUsageRequest as _sluice_v1_GetUsageRequest, GetUsageRequest__Output as _sluice_v1_GetUsageRequest__Output } from './sluice/v1/GetUsageRequest.js';
import type { GetUsageResponse as _sluice_v1_GetUsageResponse, GetUsageResponse__Output as _sluice_v1_GetUsageResponse__Output } from './sluice/v1/GetUsageResponse.js';
import type { Usage as _sluice_v1_Usage, Usage__Output as _sluice_v1_Usage__Output } from './sluice/v1/Usage.js';
import type { UsageServiceClient as _sluice_v1_UsageServiceClient, UsageServiceDefinition as _sluice_v1_UsageServiceDefinition } from './sluice/v1/UsageService.js';
import type { WaitTimes as _sluice_v1_WaitTimes, WaitTimes__Output as _sluice_v1_WaitTimes__Output } from './sluice/v1/WaitTimes.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Duration: MessageTypeDefinition<_google_protobuf_Duration, _google_protobuf_Duration__Output>
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  sluice: {
    v1: {
      GetUsageRequest: MessageTypeDefinition<_sluice_v1_GetUsageRequest, _sluice_v1_GetUsageRequest__Output>
      GetUsageResponse: MessageTypeDefinition<_sluice_v1_GetUsageResponse, _sluice_v1_GetUsageResponse__Output>
      Usage: MessageTypeDefinition<_sluice_v1_Usage, _sluice_v1_Usage__Output>
      UsageDimension: EnumTypeDefinition
      /**
       * Tells what queues and users have used.
       */
      UsageService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_UsageServiceClient> & { service: _sluice_v1_UsageServiceDefinition }
      WaitTimes: MessageTypeDefinition<_sluice_v1_WaitTimes, _sluice_v1_WaitTimes__Output>
    }
  }
}


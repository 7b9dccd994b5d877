import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { ClusterServiceClient as _sluice_v1_ClusterServiceClient, ClusterServiceDefinition as _sluice_v1_ClusterServiceDefinition } from './sluice/v1/ClusterService.js';
import type { EndRecoveryRequest as _sluice_v1_EndRecoveryRequest, EndRecoveryRequest__Output as _sluice_v1_EndRecoveryRequest__Output } from './sluice/v1/EndRecoveryRequest.js';
import type { EndRecoveryResponse as _sluice_v1_EndRecoveryResponse, EndRecoveryResponse__Output as _sluice_v1_EndRecoveryResponse__Output } from './sluice/v1/EndRecoveryResponse.js';
import type { GetStatusRequest as _sluice_v1_GetStatusRequest, GetStatusRequest__Output as _sluice_v1_GetStatusRequest__Output } from './sluice/v1/GetStatusRequest.js';
import type { GetStatusResponse as _sluice_v1_GetStatusResponse, GetStatusResponse__Output as _sluice_v1_GetStatusResponse__Output } from './sluice/v1/GetStatusResponse.js';
import type { Incident as _sluice_v1_Incident, Incident__Output as _sluice_v1_Incident__Output } from './sluice/v1/Incident.js';
import type { ReleaseBrakeRequest as _sluice_v1_ReleaseBrakeRequest, ReleaseBrakeRequest__Output as _sluice_v1_ReleaseBrakeRequest__Output } from './sluice/v1/ReleaseBrakeRequest.js';
import type { ReleaseBrakeResponse as _sluice_v1_ReleaseBrakeResponse, ReleaseBrakeResponse__Output as _sluice_v1_ReleaseBrakeResponse__Output } from './sluice/v1/ReleaseBrakeResponse.js';
import type { Standby as _sluice_v1_Standby, Standby__Output as _sluice_v1_Standby__Output } from './sluice/v1/Standby.js';
import type { StepDownRequest as _sluice_v1_StepDownRequest, StepDownRequest__Output as _sluice_v1_StepDownRequest__Output } from './sluice/v1/StepDownRequest.js';
import type { StepDownResponse as _sluice_v1_StepDownResponse, StepDownResponse__Output as _sluice_v1_StepDownResponse__Output } from './sluice/v1/StepDownResponse.js';
import type { Waiting as _sluice_v1_Waiting, Waiting__Output as _sluice_v1_Waiting__Output } from './sluice/v1/Waiting.js';

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
      /**
       * Tells the state of the scheduler, and ends what holds it back.
       */
      ClusterService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_ClusterServiceClient> & { service: _sluice_v1_ClusterServiceDefinition }
      EndRecoveryRequest: MessageTypeDefinition<_sluice_v1_EndRecoveryRequest, _sluice_v1_EndRecoveryRequest__Output>
      EndRecoveryResponse: MessageTypeDefinition<_sluice_v1_EndRecoveryResponse, _sluice_v1_EndRecoveryResponse__Output>
      GetStatusRequest: MessageTypeDefinition<_sluice_v1_GetStatusRequest, _sluice_v1_GetStatusRequest__Output>
      GetStatusResponse: MessageTypeDefinition<_sluice_v1_GetStatusResponse, _sluice_v1_GetStatusResponse__Output>
      Incident: MessageTypeDefinition<_sluice_v1_Incident, _sluice_v1_Incident__Output>
      ReleaseBrakeRequest: MessageTypeDefinition<_sluice_v1_ReleaseBrakeRequest, _sluice_v1_ReleaseBrakeRequest__Output>
      ReleaseBrakeResponse: MessageTypeDefinition<_sluice_v1_ReleaseBrakeResponse, _sluice_v1_ReleaseBrakeResponse__Output>
      Standby: MessageTypeDefinition<_sluice_v1_Standby, _sluice_v1_Standby__Output>
      StepDownRequest: MessageTypeDefinition<_sluice_v1_StepDownRequest, _sluice_v1_StepDownRequest__Output>
      StepDownResponse: MessageTypeDefinition<_sluice_v1_StepDownResponse, _sluice_v1_StepDownResponse__Output>
      Waiting: MessageTypeDefinition<_sluice_v1_Waiting, _sluice_v1_Waiting__Output>
      WaitingFor: EnumTypeDefinition
    }
  }
}


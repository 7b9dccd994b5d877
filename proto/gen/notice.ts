import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.js';
import type { NoticeServiceClient as _sluice_v1_NoticeServiceClient, NoticeServiceDefinition as _sluice_v1_NoticeServiceDefinition } from './sluice/v1/NoticeService.js';
import type { SendTestNoticeRequest as _sluice_v1_SendTestNoticeRequest, SendTestNoticeRequest__Output as _sluice_v1_SendTestNoticeRequest__Output } from './sluice/v1/SendTestNoticeRequest.js';
import type { SendTestNoticeResponse as _sluice_v1_SendTestNoticeResponse, SendTestNoticeResponse__Output as _sluice_v1_SendTestNoticeResponse__Output } from './sluice/v1/SendTestNoticeResponse.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Duration: MessageTypeDefinition<_google_protobuf_Duration, _google_protobuf_Duration__Output>
    }
  }
  sluice: {
    v1: {
      /**
       * Tries out where notices go.
       */
      NoticeService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_NoticeServiceClient> & { service: _sluice_v1_NoticeServiceDefinition }
      SendTestNoticeRequest: MessageTypeDefinition<_sluice_v1_SendTestNoticeRequest, _sluice_v1_SendTestNoticeRequest__Output>
      SendTestNoticeResponse: MessageTypeDefinition<_sluice_v1_SendTestNoticeResponse, _sluice_v1_SendTestNoticeResponse__Output>
    }
  }
}


// Original file: sluice/v1/notice.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { SendTestNoticeRequest as _sluice_v1_SendTestNoticeRequest, SendTestNoticeRequest__Output as _sluice_v1_SendTestNoticeRequest__Output } from '../../sluice/v1/SendTestNoticeRequest.js';
import type { SendTestNoticeResponse as _sluice_v1_SendTestNoticeResponse, SendTestNoticeResponse__Output as _sluice_v1_SendTestNoticeResponse__Output } from '../../sluice/v1/SendTestNoticeResponse.js';

/**
 * Tries out where notices go.
 */
export interface NoticeServiceClient extends grpc.Client {
  /**
   * Sends one test notice, once, and tells how that went.
   */
  SendTestNotice(argument: _sluice_v1_SendTestNoticeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_SendTestNoticeResponse__Output>): grpc.ClientUnaryCall;
  SendTestNotice(argument: _sluice_v1_SendTestNoticeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_SendTestNoticeResponse__Output>): grpc.ClientUnaryCall;
  SendTestNotice(argument: _sluice_v1_SendTestNoticeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_SendTestNoticeResponse__Output>): grpc.ClientUnaryCall;
  SendTestNotice(argument: _sluice_v1_SendTestNoticeRequest, callback: grpc.requestCallback<_sluice_v1_SendTestNoticeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Sends one test notice, once, and tells how that went.
   */
  sendTestNotice(argument: _sluice_v1_SendTestNoticeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_SendTestNoticeResponse__Output>): grpc.ClientUnaryCall;
  sendTestNotice(argument: _sluice_v1_SendTestNoticeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_SendTestNoticeResponse__Output>): grpc.ClientUnaryCall;
  sendTestNotice(argument: _sluice_v1_SendTestNoticeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_SendTestNoticeResponse__Output>): grpc.ClientUnaryCall;
  sendTestNotice(argument: _sluice_v1_SendTestNoticeRequest, callback: grpc.requestCallback<_sluice_v1_SendTestNoticeResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Tries out where notices go.
 */
export interface NoticeServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Sends one test notice, once, and tells how that went.
   */
  SendTestNotice: grpc.handleUnaryCall<_sluice_v1_SendTestNoticeRequest__Output, _sluice_v1_SendTestNoticeResponse>;
  
}

export interface NoticeServiceDefinition extends grpc.ServiceDefinition {
  SendTestNotice: MethodDefinition<_sluice_v1_SendTestNoticeRequest, _sluice_v1_SendTestNoticeResponse, _sluice_v1_SendTestNoticeRequest__Output, _sluice_v1_SendTestNoticeResponse__Output>
}

// Original file: sluice/v1/agent.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ConnectRequest as _sluice_v1_ConnectRequest, ConnectRequest__Output as _sluice_v1_ConnectRequest__Output } from '../../sluice/v1/ConnectRequest.js';
import type { ConnectResponse as _sluice_v1_ConnectResponse, ConnectResponse__Output as _sluice_v1_ConnectResponse__Output } from '../../sluice/v1/ConnectResponse.js';

/**
 * For node agents only.
 */
export interface AgentServiceClient extends grpc.Client {
  /**
   * One stream a node. The agent speaks first, with hello.
   */
  Connect(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_ConnectRequest, _sluice_v1_ConnectResponse__Output>;
  Connect(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_ConnectRequest, _sluice_v1_ConnectResponse__Output>;
  /**
   * One stream a node. The agent speaks first, with hello.
   */
  connect(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_ConnectRequest, _sluice_v1_ConnectResponse__Output>;
  connect(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_ConnectRequest, _sluice_v1_ConnectResponse__Output>;
  
}

/**
 * For node agents only.
 */
export interface AgentServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * One stream a node. The agent speaks first, with hello.
   */
  Connect: grpc.handleBidiStreamingCall<_sluice_v1_ConnectRequest__Output, _sluice_v1_ConnectResponse>;
  
}

export interface AgentServiceDefinition extends grpc.ServiceDefinition {
  Connect: MethodDefinition<_sluice_v1_ConnectRequest, _sluice_v1_ConnectResponse, _sluice_v1_ConnectRequest__Output, _sluice_v1_ConnectResponse__Output>
}

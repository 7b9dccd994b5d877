// Original file: sluice/v1/agent.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ConnectRequest as _sluice_v1_ConnectRequest, ConnectRequest__Output as _sluice_v1_ConnectRequest__Output } from '../../sluice/v1/ConnectRequest.js';
import type { ConnectResponse as _sluice_v1_ConnectResponse, ConnectResponse__Output as _sluice_v1_ConnectResponse__Output } from '../../sluice/v1/ConnectResponse.js';
import type { RelayRequest as _sluice_v1_RelayRequest, RelayRequest__Output as _sluice_v1_RelayRequest__Output } from '../../sluice/v1/RelayRequest.js';
import type { RelayResponse as _sluice_v1_RelayResponse, RelayResponse__Output as _sluice_v1_RelayResponse__Output } from '../../sluice/v1/RelayResponse.js';

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
  
  /**
   * The agent's end of one exec that the scheduler opened: a stream of its own, so that what it carries neither waits for
   * what nodes and scheduler have to say to each other, nor makes that wait.
   */
  Relay(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_RelayRequest, _sluice_v1_RelayResponse__Output>;
  Relay(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_RelayRequest, _sluice_v1_RelayResponse__Output>;
  /**
   * The agent's end of one exec that the scheduler opened: a stream of its own, so that what it carries neither waits for
   * what nodes and scheduler have to say to each other, nor makes that wait.
   */
  relay(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_RelayRequest, _sluice_v1_RelayResponse__Output>;
  relay(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_RelayRequest, _sluice_v1_RelayResponse__Output>;
  
}

/**
 * For node agents only.
 */
export interface AgentServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * One stream a node. The agent speaks first, with hello.
   */
  Connect: grpc.handleBidiStreamingCall<_sluice_v1_ConnectRequest__Output, _sluice_v1_ConnectResponse>;
  
  /**
   * The agent's end of one exec that the scheduler opened: a stream of its own, so that what it carries neither waits for
   * what nodes and scheduler have to say to each other, nor makes that wait.
   */
  Relay: grpc.handleBidiStreamingCall<_sluice_v1_RelayRequest__Output, _sluice_v1_RelayResponse>;
  
}

export interface AgentServiceDefinition extends grpc.ServiceDefinition {
  Connect: MethodDefinition<_sluice_v1_ConnectRequest, _sluice_v1_ConnectResponse, _sluice_v1_ConnectRequest__Output, _sluice_v1_ConnectResponse__Output>
  Relay: MethodDefinition<_sluice_v1_RelayRequest, _sluice_v1_RelayResponse, _sluice_v1_RelayRequest__Output, _sluice_v1_RelayResponse__Output>
}

// Original file: sluice/v1/cluster.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { EndRecoveryRequest as _sluice_v1_EndRecoveryRequest, EndRecoveryRequest__Output as _sluice_v1_EndRecoveryRequest__Output } from '../../sluice/v1/EndRecoveryRequest.js';
import type { EndRecoveryResponse as _sluice_v1_EndRecoveryResponse, EndRecoveryResponse__Output as _sluice_v1_EndRecoveryResponse__Output } from '../../sluice/v1/EndRecoveryResponse.js';
import type { GetStatusRequest as _sluice_v1_GetStatusRequest, GetStatusRequest__Output as _sluice_v1_GetStatusRequest__Output } from '../../sluice/v1/GetStatusRequest.js';
import type { GetStatusResponse as _sluice_v1_GetStatusResponse, GetStatusResponse__Output as _sluice_v1_GetStatusResponse__Output } from '../../sluice/v1/GetStatusResponse.js';
import type { ReleaseBrakeRequest as _sluice_v1_ReleaseBrakeRequest, ReleaseBrakeRequest__Output as _sluice_v1_ReleaseBrakeRequest__Output } from '../../sluice/v1/ReleaseBrakeRequest.js';
import type { ReleaseBrakeResponse as _sluice_v1_ReleaseBrakeResponse, ReleaseBrakeResponse__Output as _sluice_v1_ReleaseBrakeResponse__Output } from '../../sluice/v1/ReleaseBrakeResponse.js';
import type { StepDownRequest as _sluice_v1_StepDownRequest, StepDownRequest__Output as _sluice_v1_StepDownRequest__Output } from '../../sluice/v1/StepDownRequest.js';
import type { StepDownResponse as _sluice_v1_StepDownResponse, StepDownResponse__Output as _sluice_v1_StepDownResponse__Output } from '../../sluice/v1/StepDownResponse.js';

/**
 * Tells the state of the scheduler, and ends what holds it back.
 */
export interface ClusterServiceClient extends grpc.Client {
  /**
   * Lets work be placed after a loss of history, although not every node was heard: what silent nodes run may then run
   * twice. For administrators.
   */
  EndRecovery(argument: _sluice_v1_EndRecoveryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_EndRecoveryResponse__Output>): grpc.ClientUnaryCall;
  EndRecovery(argument: _sluice_v1_EndRecoveryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_EndRecoveryResponse__Output>): grpc.ClientUnaryCall;
  EndRecovery(argument: _sluice_v1_EndRecoveryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_EndRecoveryResponse__Output>): grpc.ClientUnaryCall;
  EndRecovery(argument: _sluice_v1_EndRecoveryRequest, callback: grpc.requestCallback<_sluice_v1_EndRecoveryResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Lets work be placed after a loss of history, although not every node was heard: what silent nodes run may then run
   * twice. For administrators.
   */
  endRecovery(argument: _sluice_v1_EndRecoveryRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_EndRecoveryResponse__Output>): grpc.ClientUnaryCall;
  endRecovery(argument: _sluice_v1_EndRecoveryRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_EndRecoveryResponse__Output>): grpc.ClientUnaryCall;
  endRecovery(argument: _sluice_v1_EndRecoveryRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_EndRecoveryResponse__Output>): grpc.ClientUnaryCall;
  endRecovery(argument: _sluice_v1_EndRecoveryRequest, callback: grpc.requestCallback<_sluice_v1_EndRecoveryResponse__Output>): grpc.ClientUnaryCall;
  
  GetStatus(argument: _sluice_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _sluice_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _sluice_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  GetStatus(argument: _sluice_v1_GetStatusRequest, callback: grpc.requestCallback<_sluice_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _sluice_v1_GetStatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _sluice_v1_GetStatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _sluice_v1_GetStatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  getStatus(argument: _sluice_v1_GetStatusRequest, callback: grpc.requestCallback<_sluice_v1_GetStatusResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Gives up what silent nodes ran, once their fence times have passed, although many fell silent at once. For
   * administrators.
   */
  ReleaseBrake(argument: _sluice_v1_ReleaseBrakeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseBrakeResponse__Output>): grpc.ClientUnaryCall;
  ReleaseBrake(argument: _sluice_v1_ReleaseBrakeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ReleaseBrakeResponse__Output>): grpc.ClientUnaryCall;
  ReleaseBrake(argument: _sluice_v1_ReleaseBrakeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseBrakeResponse__Output>): grpc.ClientUnaryCall;
  ReleaseBrake(argument: _sluice_v1_ReleaseBrakeRequest, callback: grpc.requestCallback<_sluice_v1_ReleaseBrakeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Gives up what silent nodes ran, once their fence times have passed, although many fell silent at once. For
   * administrators.
   */
  releaseBrake(argument: _sluice_v1_ReleaseBrakeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseBrakeResponse__Output>): grpc.ClientUnaryCall;
  releaseBrake(argument: _sluice_v1_ReleaseBrakeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ReleaseBrakeResponse__Output>): grpc.ClientUnaryCall;
  releaseBrake(argument: _sluice_v1_ReleaseBrakeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseBrakeResponse__Output>): grpc.ClientUnaryCall;
  releaseBrake(argument: _sluice_v1_ReleaseBrakeRequest, callback: grpc.requestCallback<_sluice_v1_ReleaseBrakeResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Ends the term of the daemon that leads: it writes and answers what is under way, and another one of the same store leads
   * at once. For administrators.
   */
  StepDown(argument: _sluice_v1_StepDownRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_StepDownResponse__Output>): grpc.ClientUnaryCall;
  StepDown(argument: _sluice_v1_StepDownRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_StepDownResponse__Output>): grpc.ClientUnaryCall;
  StepDown(argument: _sluice_v1_StepDownRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_StepDownResponse__Output>): grpc.ClientUnaryCall;
  StepDown(argument: _sluice_v1_StepDownRequest, callback: grpc.requestCallback<_sluice_v1_StepDownResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Ends the term of the daemon that leads: it writes and answers what is under way, and another one of the same store leads
   * at once. For administrators.
   */
  stepDown(argument: _sluice_v1_StepDownRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_StepDownResponse__Output>): grpc.ClientUnaryCall;
  stepDown(argument: _sluice_v1_StepDownRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_StepDownResponse__Output>): grpc.ClientUnaryCall;
  stepDown(argument: _sluice_v1_StepDownRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_StepDownResponse__Output>): grpc.ClientUnaryCall;
  stepDown(argument: _sluice_v1_StepDownRequest, callback: grpc.requestCallback<_sluice_v1_StepDownResponse__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Tells the state of the scheduler, and ends what holds it back.
 */
export interface ClusterServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Lets work be placed after a loss of history, although not every node was heard: what silent nodes run may then run
   * twice. For administrators.
   */
  EndRecovery: grpc.handleUnaryCall<_sluice_v1_EndRecoveryRequest__Output, _sluice_v1_EndRecoveryResponse>;
  
  GetStatus: grpc.handleUnaryCall<_sluice_v1_GetStatusRequest__Output, _sluice_v1_GetStatusResponse>;
  
  /**
   * Gives up what silent nodes ran, once their fence times have passed, although many fell silent at once. For
   * administrators.
   */
  ReleaseBrake: grpc.handleUnaryCall<_sluice_v1_ReleaseBrakeRequest__Output, _sluice_v1_ReleaseBrakeResponse>;
  
  /**
   * Ends the term of the daemon that leads: it writes and answers what is under way, and another one of the same store leads
   * at once. For administrators.
   */
  StepDown: grpc.handleUnaryCall<_sluice_v1_StepDownRequest__Output, _sluice_v1_StepDownResponse>;
  
}

export interface ClusterServiceDefinition extends grpc.ServiceDefinition {
  EndRecovery: MethodDefinition<_sluice_v1_EndRecoveryRequest, _sluice_v1_EndRecoveryResponse, _sluice_v1_EndRecoveryRequest__Output, _sluice_v1_EndRecoveryResponse__Output>
  GetStatus: MethodDefinition<_sluice_v1_GetStatusRequest, _sluice_v1_GetStatusResponse, _sluice_v1_GetStatusRequest__Output, _sluice_v1_GetStatusResponse__Output>
  ReleaseBrake: MethodDefinition<_sluice_v1_ReleaseBrakeRequest, _sluice_v1_ReleaseBrakeResponse, _sluice_v1_ReleaseBrakeRequest__Output, _sluice_v1_ReleaseBrakeResponse__Output>
  StepDown: MethodDefinition<_sluice_v1_StepDownRequest, _sluice_v1_StepDownResponse, _sluice_v1_StepDownRequest__Output, _sluice_v1_StepDownResponse__Output>
}

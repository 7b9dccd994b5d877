// Original file: sluice/v1/exec.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ExecRequest as _sluice_v1_ExecRequest, ExecRequest__Output as _sluice_v1_ExecRequest__Output } from '../../sluice/v1/ExecRequest.js';
import type { ExecResponse as _sluice_v1_ExecResponse, ExecResponse__Output as _sluice_v1_ExecResponse__Output } from '../../sluice/v1/ExecResponse.js';

/**
 * For the owner of a workload and for administrators.
 */
export interface ExecServiceClient extends grpc.Client {
  /**
   * Runs a program inside a running task: in its control group, as its user, with its environment (the granted GPUs
   * included), from its working folder. It ends with the task, and when either side of the stream ends. The client speaks
   * first, with start.
   */
  Exec(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_ExecRequest, _sluice_v1_ExecResponse__Output>;
  Exec(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_ExecRequest, _sluice_v1_ExecResponse__Output>;
  /**
   * Runs a program inside a running task: in its control group, as its user, with its environment (the granted GPUs
   * included), from its working folder. It ends with the task, and when either side of the stream ends. The client speaks
   * first, with start.
   */
  exec(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_ExecRequest, _sluice_v1_ExecResponse__Output>;
  exec(options?: grpc.CallOptions): grpc.ClientDuplexStream<_sluice_v1_ExecRequest, _sluice_v1_ExecResponse__Output>;
  
}

/**
 * For the owner of a workload and for administrators.
 */
export interface ExecServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Runs a program inside a running task: in its control group, as its user, with its environment (the granted GPUs
   * included), from its working folder. It ends with the task, and when either side of the stream ends. The client speaks
   * first, with start.
   */
  Exec: grpc.handleBidiStreamingCall<_sluice_v1_ExecRequest__Output, _sluice_v1_ExecResponse>;
  
}

export interface ExecServiceDefinition extends grpc.ServiceDefinition {
  Exec: MethodDefinition<_sluice_v1_ExecRequest, _sluice_v1_ExecResponse, _sluice_v1_ExecRequest__Output, _sluice_v1_ExecResponse__Output>
}

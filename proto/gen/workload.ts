import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { Allocation as _sluice_v1_Allocation, Allocation__Output as _sluice_v1_Allocation__Output } from './sluice/v1/Allocation.js';
import type { BuiltinProgram as _sluice_v1_BuiltinProgram, BuiltinProgram__Output as _sluice_v1_BuiltinProgram__Output } from './sluice/v1/BuiltinProgram.js';
import type { CancelWorkloadsRequest as _sluice_v1_CancelWorkloadsRequest, CancelWorkloadsRequest__Output as _sluice_v1_CancelWorkloadsRequest__Output } from './sluice/v1/CancelWorkloadsRequest.js';
import type { CancelWorkloadsResponse as _sluice_v1_CancelWorkloadsResponse, CancelWorkloadsResponse__Output as _sluice_v1_CancelWorkloadsResponse__Output } from './sluice/v1/CancelWorkloadsResponse.js';
import type { Checkpoint as _sluice_v1_Checkpoint, Checkpoint__Output as _sluice_v1_Checkpoint__Output } from './sluice/v1/Checkpoint.js';
import type { CheckpointPolicy as _sluice_v1_CheckpointPolicy, CheckpointPolicy__Output as _sluice_v1_CheckpointPolicy__Output } from './sluice/v1/CheckpointPolicy.js';
import type { Command as _sluice_v1_Command, Command__Output as _sluice_v1_Command__Output } from './sluice/v1/Command.js';
import type { Endpoint as _sluice_v1_Endpoint, Endpoint__Output as _sluice_v1_Endpoint__Output } from './sluice/v1/Endpoint.js';
import type { EnvironmentVariable as _sluice_v1_EnvironmentVariable, EnvironmentVariable__Output as _sluice_v1_EnvironmentVariable__Output } from './sluice/v1/EnvironmentVariable.js';
import type { Exit as _sluice_v1_Exit, Exit__Output as _sluice_v1_Exit__Output } from './sluice/v1/Exit.js';
import type { ExplainWorkloadRequest as _sluice_v1_ExplainWorkloadRequest, ExplainWorkloadRequest__Output as _sluice_v1_ExplainWorkloadRequest__Output } from './sluice/v1/ExplainWorkloadRequest.js';
import type { ExplainWorkloadResponse as _sluice_v1_ExplainWorkloadResponse, ExplainWorkloadResponse__Output as _sluice_v1_ExplainWorkloadResponse__Output } from './sluice/v1/ExplainWorkloadResponse.js';
import type { ExplanationLine as _sluice_v1_ExplanationLine, ExplanationLine__Output as _sluice_v1_ExplanationLine__Output } from './sluice/v1/ExplanationLine.js';
import type { GetWorkloadRequest as _sluice_v1_GetWorkloadRequest, GetWorkloadRequest__Output as _sluice_v1_GetWorkloadRequest__Output } from './sluice/v1/GetWorkloadRequest.js';
import type { GetWorkloadResponse as _sluice_v1_GetWorkloadResponse, GetWorkloadResponse__Output as _sluice_v1_GetWorkloadResponse__Output } from './sluice/v1/GetWorkloadResponse.js';
import type { GrantedGpu as _sluice_v1_GrantedGpu, GrantedGpu__Output as _sluice_v1_GrantedGpu__Output } from './sluice/v1/GrantedGpu.js';
import type { ListWorkloadsRequest as _sluice_v1_ListWorkloadsRequest, ListWorkloadsRequest__Output as _sluice_v1_ListWorkloadsRequest__Output } from './sluice/v1/ListWorkloadsRequest.js';
import type { ListWorkloadsResponse as _sluice_v1_ListWorkloadsResponse, ListWorkloadsResponse__Output as _sluice_v1_ListWorkloadsResponse__Output } from './sluice/v1/ListWorkloadsResponse.js';
import type { StopOrder as _sluice_v1_StopOrder, StopOrder__Output as _sluice_v1_StopOrder__Output } from './sluice/v1/StopOrder.js';
import type { SubmitWorkloadsRequest as _sluice_v1_SubmitWorkloadsRequest, SubmitWorkloadsRequest__Output as _sluice_v1_SubmitWorkloadsRequest__Output } from './sluice/v1/SubmitWorkloadsRequest.js';
import type { SubmitWorkloadsResponse as _sluice_v1_SubmitWorkloadsResponse, SubmitWorkloadsResponse__Output as _sluice_v1_SubmitWorkloadsResponse__Output } from './sluice/v1/SubmitWorkloadsResponse.js';
import type { SubmittedWorkload as _sluice_v1_SubmittedWorkload, SubmittedWorkload__Output as _sluice_v1_SubmittedWorkload__Output } from './sluice/v1/SubmittedWorkload.js';
import type { TaskResources as _sluice_v1_TaskResources, TaskResources__Output as _sluice_v1_TaskResources__Output } from './sluice/v1/TaskResources.js';
import type { WatchWorkloadsRequest as _sluice_v1_WatchWorkloadsRequest, WatchWorkloadsRequest__Output as _sluice_v1_WatchWorkloadsRequest__Output } from './sluice/v1/WatchWorkloadsRequest.js';
import type { WatchWorkloadsResponse as _sluice_v1_WatchWorkloadsResponse, WatchWorkloadsResponse__Output as _sluice_v1_WatchWorkloadsResponse__Output } from './sluice/v1/WatchWorkloadsResponse.js';
import type { Workload as _sluice_v1_Workload, Workload__Output as _sluice_v1_Workload__Output } from './sluice/v1/Workload.js';
import type { WorkloadEvent as _sluice_v1_WorkloadEvent, WorkloadEvent__Output as _sluice_v1_WorkloadEvent__Output } from './sluice/v1/WorkloadEvent.js';
import type { WorkloadServiceClient as _sluice_v1_WorkloadServiceClient, WorkloadServiceDefinition as _sluice_v1_WorkloadServiceDefinition } from './sluice/v1/WorkloadService.js';
import type { WorkloadSpec as _sluice_v1_WorkloadSpec, WorkloadSpec__Output as _sluice_v1_WorkloadSpec__Output } from './sluice/v1/WorkloadSpec.js';

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
      Allocation: MessageTypeDefinition<_sluice_v1_Allocation, _sluice_v1_Allocation__Output>
      AllocationState: EnumTypeDefinition
      BuiltinProgram: MessageTypeDefinition<_sluice_v1_BuiltinProgram, _sluice_v1_BuiltinProgram__Output>
      CancelWorkloadsRequest: MessageTypeDefinition<_sluice_v1_CancelWorkloadsRequest, _sluice_v1_CancelWorkloadsRequest__Output>
      CancelWorkloadsResponse: MessageTypeDefinition<_sluice_v1_CancelWorkloadsResponse, _sluice_v1_CancelWorkloadsResponse__Output>
      Checkpoint: MessageTypeDefinition<_sluice_v1_Checkpoint, _sluice_v1_Checkpoint__Output>
      CheckpointPolicy: MessageTypeDefinition<_sluice_v1_CheckpointPolicy, _sluice_v1_CheckpointPolicy__Output>
      Command: MessageTypeDefinition<_sluice_v1_Command, _sluice_v1_Command__Output>
      Endpoint: MessageTypeDefinition<_sluice_v1_Endpoint, _sluice_v1_Endpoint__Output>
      EnvironmentVariable: MessageTypeDefinition<_sluice_v1_EnvironmentVariable, _sluice_v1_EnvironmentVariable__Output>
      Exit: MessageTypeDefinition<_sluice_v1_Exit, _sluice_v1_Exit__Output>
      ExplainWorkloadRequest: MessageTypeDefinition<_sluice_v1_ExplainWorkloadRequest, _sluice_v1_ExplainWorkloadRequest__Output>
      ExplainWorkloadResponse: MessageTypeDefinition<_sluice_v1_ExplainWorkloadResponse, _sluice_v1_ExplainWorkloadResponse__Output>
      ExplanationLine: MessageTypeDefinition<_sluice_v1_ExplanationLine, _sluice_v1_ExplanationLine__Output>
      GetWorkloadRequest: MessageTypeDefinition<_sluice_v1_GetWorkloadRequest, _sluice_v1_GetWorkloadRequest__Output>
      GetWorkloadResponse: MessageTypeDefinition<_sluice_v1_GetWorkloadResponse, _sluice_v1_GetWorkloadResponse__Output>
      GrantedGpu: MessageTypeDefinition<_sluice_v1_GrantedGpu, _sluice_v1_GrantedGpu__Output>
      ListWorkloadsRequest: MessageTypeDefinition<_sluice_v1_ListWorkloadsRequest, _sluice_v1_ListWorkloadsRequest__Output>
      ListWorkloadsResponse: MessageTypeDefinition<_sluice_v1_ListWorkloadsResponse, _sluice_v1_ListWorkloadsResponse__Output>
      StopOrder: MessageTypeDefinition<_sluice_v1_StopOrder, _sluice_v1_StopOrder__Output>
      StopReason: EnumTypeDefinition
      SubmitWorkloadsRequest: MessageTypeDefinition<_sluice_v1_SubmitWorkloadsRequest, _sluice_v1_SubmitWorkloadsRequest__Output>
      SubmitWorkloadsResponse: MessageTypeDefinition<_sluice_v1_SubmitWorkloadsResponse, _sluice_v1_SubmitWorkloadsResponse__Output>
      SubmittedWorkload: MessageTypeDefinition<_sluice_v1_SubmittedWorkload, _sluice_v1_SubmittedWorkload__Output>
      TaskResources: MessageTypeDefinition<_sluice_v1_TaskResources, _sluice_v1_TaskResources__Output>
      WatchWorkloadsRequest: MessageTypeDefinition<_sluice_v1_WatchWorkloadsRequest, _sluice_v1_WatchWorkloadsRequest__Output>
      WatchWorkloadsResponse: MessageTypeDefinition<_sluice_v1_WatchWorkloadsResponse, _sluice_v1_WatchWorkloadsResponse__Output>
      Workload: MessageTypeDefinition<_sluice_v1_Workload, _sluice_v1_Workload__Output>
      WorkloadEvent: MessageTypeDefinition<_sluice_v1_WorkloadEvent, _sluice_v1_WorkloadEvent__Output>
      WorkloadKind: EnumTypeDefinition
      /**
       * Submits, reads, watches, explains and cancels workloads.
       */
      WorkloadService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_WorkloadServiceClient> & { service: _sluice_v1_WorkloadServiceDefinition }
      WorkloadSpec: MessageTypeDefinition<_sluice_v1_WorkloadSpec, _sluice_v1_WorkloadSpec__Output>
      WorkloadState: EnumTypeDefinition
    }
  }
}


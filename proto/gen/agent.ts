import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { AgentHello as _sluice_v1_AgentHello, AgentHello__Output as _sluice_v1_AgentHello__Output } from './sluice/v1/AgentHello.js';
import type { AgentServiceClient as _sluice_v1_AgentServiceClient, AgentServiceDefinition as _sluice_v1_AgentServiceDefinition } from './sluice/v1/AgentService.js';
import type { Allocation as _sluice_v1_Allocation, Allocation__Output as _sluice_v1_Allocation__Output } from './sluice/v1/Allocation.js';
import type { ArrayIndex as _sluice_v1_ArrayIndex, ArrayIndex__Output as _sluice_v1_ArrayIndex__Output } from './sluice/v1/ArrayIndex.js';
import type { ArrayPlace as _sluice_v1_ArrayPlace, ArrayPlace__Output as _sluice_v1_ArrayPlace__Output } from './sluice/v1/ArrayPlace.js';
import type { ArraySpec as _sluice_v1_ArraySpec, ArraySpec__Output as _sluice_v1_ArraySpec__Output } from './sluice/v1/ArraySpec.js';
import type { Attach as _sluice_v1_Attach, Attach__Output as _sluice_v1_Attach__Output } from './sluice/v1/Attach.js';
import type { BuiltinProgram as _sluice_v1_BuiltinProgram, BuiltinProgram__Output as _sluice_v1_BuiltinProgram__Output } from './sluice/v1/BuiltinProgram.js';
import type { CancelMaintenanceRequest as _sluice_v1_CancelMaintenanceRequest, CancelMaintenanceRequest__Output as _sluice_v1_CancelMaintenanceRequest__Output } from './sluice/v1/CancelMaintenanceRequest.js';
import type { CancelMaintenanceResponse as _sluice_v1_CancelMaintenanceResponse, CancelMaintenanceResponse__Output as _sluice_v1_CancelMaintenanceResponse__Output } from './sluice/v1/CancelMaintenanceResponse.js';
import type { CancelWorkloadsRequest as _sluice_v1_CancelWorkloadsRequest, CancelWorkloadsRequest__Output as _sluice_v1_CancelWorkloadsRequest__Output } from './sluice/v1/CancelWorkloadsRequest.js';
import type { CancelWorkloadsResponse as _sluice_v1_CancelWorkloadsResponse, CancelWorkloadsResponse__Output as _sluice_v1_CancelWorkloadsResponse__Output } from './sluice/v1/CancelWorkloadsResponse.js';
import type { Checkpoint as _sluice_v1_Checkpoint, Checkpoint__Output as _sluice_v1_Checkpoint__Output } from './sluice/v1/Checkpoint.js';
import type { CheckpointPolicy as _sluice_v1_CheckpointPolicy, CheckpointPolicy__Output as _sluice_v1_CheckpointPolicy__Output } from './sluice/v1/CheckpointPolicy.js';
import type { Command as _sluice_v1_Command, Command__Output as _sluice_v1_Command__Output } from './sluice/v1/Command.js';
import type { ConnectRequest as _sluice_v1_ConnectRequest, ConnectRequest__Output as _sluice_v1_ConnectRequest__Output } from './sluice/v1/ConnectRequest.js';
import type { ConnectResponse as _sluice_v1_ConnectResponse, ConnectResponse__Output as _sluice_v1_ConnectResponse__Output } from './sluice/v1/ConnectResponse.js';
import type { CopyIn as _sluice_v1_CopyIn, CopyIn__Output as _sluice_v1_CopyIn__Output } from './sluice/v1/CopyIn.js';
import type { CopyOut as _sluice_v1_CopyOut, CopyOut__Output as _sluice_v1_CopyOut__Output } from './sluice/v1/CopyOut.js';
import type { CordonNodeRequest as _sluice_v1_CordonNodeRequest, CordonNodeRequest__Output as _sluice_v1_CordonNodeRequest__Output } from './sluice/v1/CordonNodeRequest.js';
import type { CordonNodeResponse as _sluice_v1_CordonNodeResponse, CordonNodeResponse__Output as _sluice_v1_CordonNodeResponse__Output } from './sluice/v1/CordonNodeResponse.js';
import type { CreateMaintenanceRequest as _sluice_v1_CreateMaintenanceRequest, CreateMaintenanceRequest__Output as _sluice_v1_CreateMaintenanceRequest__Output } from './sluice/v1/CreateMaintenanceRequest.js';
import type { CreateMaintenanceResponse as _sluice_v1_CreateMaintenanceResponse, CreateMaintenanceResponse__Output as _sluice_v1_CreateMaintenanceResponse__Output } from './sluice/v1/CreateMaintenanceResponse.js';
import type { Dependency as _sluice_v1_Dependency, Dependency__Output as _sluice_v1_Dependency__Output } from './sluice/v1/Dependency.js';
import type { DesiredAllocation as _sluice_v1_DesiredAllocation, DesiredAllocation__Output as _sluice_v1_DesiredAllocation__Output } from './sluice/v1/DesiredAllocation.js';
import type { DesiredAllocations as _sluice_v1_DesiredAllocations, DesiredAllocations__Output as _sluice_v1_DesiredAllocations__Output } from './sluice/v1/DesiredAllocations.js';
import type { EarlySignal as _sluice_v1_EarlySignal, EarlySignal__Output as _sluice_v1_EarlySignal__Output } from './sluice/v1/EarlySignal.js';
import type { Endpoint as _sluice_v1_Endpoint, Endpoint__Output as _sluice_v1_Endpoint__Output } from './sluice/v1/Endpoint.js';
import type { EnvironmentVariable as _sluice_v1_EnvironmentVariable, EnvironmentVariable__Output as _sluice_v1_EnvironmentVariable__Output } from './sluice/v1/EnvironmentVariable.js';
import type { ExecEnd as _sluice_v1_ExecEnd, ExecEnd__Output as _sluice_v1_ExecEnd__Output } from './sluice/v1/ExecEnd.js';
import type { ExecOpen as _sluice_v1_ExecOpen, ExecOpen__Output as _sluice_v1_ExecOpen__Output } from './sluice/v1/ExecOpen.js';
import type { ExecRequest as _sluice_v1_ExecRequest, ExecRequest__Output as _sluice_v1_ExecRequest__Output } from './sluice/v1/ExecRequest.js';
import type { ExecResponse as _sluice_v1_ExecResponse, ExecResponse__Output as _sluice_v1_ExecResponse__Output } from './sluice/v1/ExecResponse.js';
import type { ExecServiceClient as _sluice_v1_ExecServiceClient, ExecServiceDefinition as _sluice_v1_ExecServiceDefinition } from './sluice/v1/ExecService.js';
import type { ExecStart as _sluice_v1_ExecStart, ExecStart__Output as _sluice_v1_ExecStart__Output } from './sluice/v1/ExecStart.js';
import type { ExecStarted as _sluice_v1_ExecStarted, ExecStarted__Output as _sluice_v1_ExecStarted__Output } from './sluice/v1/ExecStarted.js';
import type { Exit as _sluice_v1_Exit, Exit__Output as _sluice_v1_Exit__Output } from './sluice/v1/Exit.js';
import type { ExplainWorkloadRequest as _sluice_v1_ExplainWorkloadRequest, ExplainWorkloadRequest__Output as _sluice_v1_ExplainWorkloadRequest__Output } from './sluice/v1/ExplainWorkloadRequest.js';
import type { ExplainWorkloadResponse as _sluice_v1_ExplainWorkloadResponse, ExplainWorkloadResponse__Output as _sluice_v1_ExplainWorkloadResponse__Output } from './sluice/v1/ExplainWorkloadResponse.js';
import type { ExplanationLine as _sluice_v1_ExplanationLine, ExplanationLine__Output as _sluice_v1_ExplanationLine__Output } from './sluice/v1/ExplanationLine.js';
import type { FenceNodeRequest as _sluice_v1_FenceNodeRequest, FenceNodeRequest__Output as _sluice_v1_FenceNodeRequest__Output } from './sluice/v1/FenceNodeRequest.js';
import type { FenceNodeResponse as _sluice_v1_FenceNodeResponse, FenceNodeResponse__Output as _sluice_v1_FenceNodeResponse__Output } from './sluice/v1/FenceNodeResponse.js';
import type { Finding as _sluice_v1_Finding, Finding__Output as _sluice_v1_Finding__Output } from './sluice/v1/Finding.js';
import type { GetNodeRequest as _sluice_v1_GetNodeRequest, GetNodeRequest__Output as _sluice_v1_GetNodeRequest__Output } from './sluice/v1/GetNodeRequest.js';
import type { GetNodeResponse as _sluice_v1_GetNodeResponse, GetNodeResponse__Output as _sluice_v1_GetNodeResponse__Output } from './sluice/v1/GetNodeResponse.js';
import type { GetWorkloadRequest as _sluice_v1_GetWorkloadRequest, GetWorkloadRequest__Output as _sluice_v1_GetWorkloadRequest__Output } from './sluice/v1/GetWorkloadRequest.js';
import type { GetWorkloadResponse as _sluice_v1_GetWorkloadResponse, GetWorkloadResponse__Output as _sluice_v1_GetWorkloadResponse__Output } from './sluice/v1/GetWorkloadResponse.js';
import type { GetWorkloadStatsRequest as _sluice_v1_GetWorkloadStatsRequest, GetWorkloadStatsRequest__Output as _sluice_v1_GetWorkloadStatsRequest__Output } from './sluice/v1/GetWorkloadStatsRequest.js';
import type { GetWorkloadStatsResponse as _sluice_v1_GetWorkloadStatsResponse, GetWorkloadStatsResponse__Output as _sluice_v1_GetWorkloadStatsResponse__Output } from './sluice/v1/GetWorkloadStatsResponse.js';
import type { Gpu as _sluice_v1_Gpu, Gpu__Output as _sluice_v1_Gpu__Output } from './sluice/v1/Gpu.js';
import type { GpuHolder as _sluice_v1_GpuHolder, GpuHolder__Output as _sluice_v1_GpuHolder__Output } from './sluice/v1/GpuHolder.js';
import type { GpuMark as _sluice_v1_GpuMark, GpuMark__Output as _sluice_v1_GpuMark__Output } from './sluice/v1/GpuMark.js';
import type { GpuReset as _sluice_v1_GpuReset, GpuReset__Output as _sluice_v1_GpuReset__Output } from './sluice/v1/GpuReset.js';
import type { GpuSymptom as _sluice_v1_GpuSymptom, GpuSymptom__Output as _sluice_v1_GpuSymptom__Output } from './sluice/v1/GpuSymptom.js';
import type { GpuTelemetry as _sluice_v1_GpuTelemetry, GpuTelemetry__Output as _sluice_v1_GpuTelemetry__Output } from './sluice/v1/GpuTelemetry.js';
import type { GpuUse as _sluice_v1_GpuUse, GpuUse__Output as _sluice_v1_GpuUse__Output } from './sluice/v1/GpuUse.js';
import type { GrantedGpu as _sluice_v1_GrantedGpu, GrantedGpu__Output as _sluice_v1_GrantedGpu__Output } from './sluice/v1/GrantedGpu.js';
import type { HealthAck as _sluice_v1_HealthAck, HealthAck__Output as _sluice_v1_HealthAck__Output } from './sluice/v1/HealthAck.js';
import type { HealthEvent as _sluice_v1_HealthEvent, HealthEvent__Output as _sluice_v1_HealthEvent__Output } from './sluice/v1/HealthEvent.js';
import type { HealthReport as _sluice_v1_HealthReport, HealthReport__Output as _sluice_v1_HealthReport__Output } from './sluice/v1/HealthReport.js';
import type { Heartbeat as _sluice_v1_Heartbeat, Heartbeat__Output as _sluice_v1_Heartbeat__Output } from './sluice/v1/Heartbeat.js';
import type { HeartbeatReply as _sluice_v1_HeartbeatReply, HeartbeatReply__Output as _sluice_v1_HeartbeatReply__Output } from './sluice/v1/HeartbeatReply.js';
import type { HoldWorkloadsRequest as _sluice_v1_HoldWorkloadsRequest, HoldWorkloadsRequest__Output as _sluice_v1_HoldWorkloadsRequest__Output } from './sluice/v1/HoldWorkloadsRequest.js';
import type { HoldWorkloadsResponse as _sluice_v1_HoldWorkloadsResponse, HoldWorkloadsResponse__Output as _sluice_v1_HoldWorkloadsResponse__Output } from './sluice/v1/HoldWorkloadsResponse.js';
import type { InputEnd as _sluice_v1_InputEnd, InputEnd__Output as _sluice_v1_InputEnd__Output } from './sluice/v1/InputEnd.js';
import type { InventoryReport as _sluice_v1_InventoryReport, InventoryReport__Output as _sluice_v1_InventoryReport__Output } from './sluice/v1/InventoryReport.js';
import type { ListMaintenancesRequest as _sluice_v1_ListMaintenancesRequest, ListMaintenancesRequest__Output as _sluice_v1_ListMaintenancesRequest__Output } from './sluice/v1/ListMaintenancesRequest.js';
import type { ListMaintenancesResponse as _sluice_v1_ListMaintenancesResponse, ListMaintenancesResponse__Output as _sluice_v1_ListMaintenancesResponse__Output } from './sluice/v1/ListMaintenancesResponse.js';
import type { ListNodesRequest as _sluice_v1_ListNodesRequest, ListNodesRequest__Output as _sluice_v1_ListNodesRequest__Output } from './sluice/v1/ListNodesRequest.js';
import type { ListNodesResponse as _sluice_v1_ListNodesResponse, ListNodesResponse__Output as _sluice_v1_ListNodesResponse__Output } from './sluice/v1/ListNodesResponse.js';
import type { ListWorkloadStatsRequest as _sluice_v1_ListWorkloadStatsRequest, ListWorkloadStatsRequest__Output as _sluice_v1_ListWorkloadStatsRequest__Output } from './sluice/v1/ListWorkloadStatsRequest.js';
import type { ListWorkloadStatsResponse as _sluice_v1_ListWorkloadStatsResponse, ListWorkloadStatsResponse__Output as _sluice_v1_ListWorkloadStatsResponse__Output } from './sluice/v1/ListWorkloadStatsResponse.js';
import type { ListWorkloadsRequest as _sluice_v1_ListWorkloadsRequest, ListWorkloadsRequest__Output as _sluice_v1_ListWorkloadsRequest__Output } from './sluice/v1/ListWorkloadsRequest.js';
import type { ListWorkloadsResponse as _sluice_v1_ListWorkloadsResponse, ListWorkloadsResponse__Output as _sluice_v1_ListWorkloadsResponse__Output } from './sluice/v1/ListWorkloadsResponse.js';
import type { LogCancel as _sluice_v1_LogCancel, LogCancel__Output as _sluice_v1_LogCancel__Output } from './sluice/v1/LogCancel.js';
import type { LogData as _sluice_v1_LogData, LogData__Output as _sluice_v1_LogData__Output } from './sluice/v1/LogData.js';
import type { LogRead as _sluice_v1_LogRead, LogRead__Output as _sluice_v1_LogRead__Output } from './sluice/v1/LogRead.js';
import type { LogServiceClient as _sluice_v1_LogServiceClient, LogServiceDefinition as _sluice_v1_LogServiceDefinition } from './sluice/v1/LogService.js';
import type { LogTime as _sluice_v1_LogTime, LogTime__Output as _sluice_v1_LogTime__Output } from './sluice/v1/LogTime.js';
import type { Maintenance as _sluice_v1_Maintenance, Maintenance__Output as _sluice_v1_Maintenance__Output } from './sluice/v1/Maintenance.js';
import type { MeasuredUse as _sluice_v1_MeasuredUse, MeasuredUse__Output as _sluice_v1_MeasuredUse__Output } from './sluice/v1/MeasuredUse.js';
import type { MigInstance as _sluice_v1_MigInstance, MigInstance__Output as _sluice_v1_MigInstance__Output } from './sluice/v1/MigInstance.js';
import type { Node as _sluice_v1_Node, Node__Output as _sluice_v1_Node__Output } from './sluice/v1/Node.js';
import type { NodeInventory as _sluice_v1_NodeInventory, NodeInventory__Output as _sluice_v1_NodeInventory__Output } from './sluice/v1/NodeInventory.js';
import type { NodeServiceClient as _sluice_v1_NodeServiceClient, NodeServiceDefinition as _sluice_v1_NodeServiceDefinition } from './sluice/v1/NodeService.js';
import type { NotifyRule as _sluice_v1_NotifyRule, NotifyRule__Output as _sluice_v1_NotifyRule__Output } from './sluice/v1/NotifyRule.js';
import type { ObservedAllocation as _sluice_v1_ObservedAllocation, ObservedAllocation__Output as _sluice_v1_ObservedAllocation__Output } from './sluice/v1/ObservedAllocation.js';
import type { ObservedAllocations as _sluice_v1_ObservedAllocations, ObservedAllocations__Output as _sluice_v1_ObservedAllocations__Output } from './sluice/v1/ObservedAllocations.js';
import type { Origin as _sluice_v1_Origin, Origin__Output as _sluice_v1_Origin__Output } from './sluice/v1/Origin.js';
import type { OriginRequest as _sluice_v1_OriginRequest, OriginRequest__Output as _sluice_v1_OriginRequest__Output } from './sluice/v1/OriginRequest.js';
import type { PrioritizeWorkloadsRequest as _sluice_v1_PrioritizeWorkloadsRequest, PrioritizeWorkloadsRequest__Output as _sluice_v1_PrioritizeWorkloadsRequest__Output } from './sluice/v1/PrioritizeWorkloadsRequest.js';
import type { PrioritizeWorkloadsResponse as _sluice_v1_PrioritizeWorkloadsResponse, PrioritizeWorkloadsResponse__Output as _sluice_v1_PrioritizeWorkloadsResponse__Output } from './sluice/v1/PrioritizeWorkloadsResponse.js';
import type { QuarantineGpuRequest as _sluice_v1_QuarantineGpuRequest, QuarantineGpuRequest__Output as _sluice_v1_QuarantineGpuRequest__Output } from './sluice/v1/QuarantineGpuRequest.js';
import type { QuarantineGpuResponse as _sluice_v1_QuarantineGpuResponse, QuarantineGpuResponse__Output as _sluice_v1_QuarantineGpuResponse__Output } from './sluice/v1/QuarantineGpuResponse.js';
import type { ReadLogsRequest as _sluice_v1_ReadLogsRequest, ReadLogsRequest__Output as _sluice_v1_ReadLogsRequest__Output } from './sluice/v1/ReadLogsRequest.js';
import type { ReadLogsResponse as _sluice_v1_ReadLogsResponse, ReadLogsResponse__Output as _sluice_v1_ReadLogsResponse__Output } from './sluice/v1/ReadLogsResponse.js';
import type { RelayRequest as _sluice_v1_RelayRequest, RelayRequest__Output as _sluice_v1_RelayRequest__Output } from './sluice/v1/RelayRequest.js';
import type { RelayResponse as _sluice_v1_RelayResponse, RelayResponse__Output as _sluice_v1_RelayResponse__Output } from './sluice/v1/RelayResponse.js';
import type { ReleaseGpuRequest as _sluice_v1_ReleaseGpuRequest, ReleaseGpuRequest__Output as _sluice_v1_ReleaseGpuRequest__Output } from './sluice/v1/ReleaseGpuRequest.js';
import type { ReleaseGpuResponse as _sluice_v1_ReleaseGpuResponse, ReleaseGpuResponse__Output as _sluice_v1_ReleaseGpuResponse__Output } from './sluice/v1/ReleaseGpuResponse.js';
import type { ReleaseWorkloadsRequest as _sluice_v1_ReleaseWorkloadsRequest, ReleaseWorkloadsRequest__Output as _sluice_v1_ReleaseWorkloadsRequest__Output } from './sluice/v1/ReleaseWorkloadsRequest.js';
import type { ReleaseWorkloadsResponse as _sluice_v1_ReleaseWorkloadsResponse, ReleaseWorkloadsResponse__Output as _sluice_v1_ReleaseWorkloadsResponse__Output } from './sluice/v1/ReleaseWorkloadsResponse.js';
import type { RemoveGpuRequest as _sluice_v1_RemoveGpuRequest, RemoveGpuRequest__Output as _sluice_v1_RemoveGpuRequest__Output } from './sluice/v1/RemoveGpuRequest.js';
import type { RemoveGpuResponse as _sluice_v1_RemoveGpuResponse, RemoveGpuResponse__Output as _sluice_v1_RemoveGpuResponse__Output } from './sluice/v1/RemoveGpuResponse.js';
import type { RemoveNodeRequest as _sluice_v1_RemoveNodeRequest, RemoveNodeRequest__Output as _sluice_v1_RemoveNodeRequest__Output } from './sluice/v1/RemoveNodeRequest.js';
import type { RemoveNodeResponse as _sluice_v1_RemoveNodeResponse, RemoveNodeResponse__Output as _sluice_v1_RemoveNodeResponse__Output } from './sluice/v1/RemoveNodeResponse.js';
import type { RequeueWorkloadsRequest as _sluice_v1_RequeueWorkloadsRequest, RequeueWorkloadsRequest__Output as _sluice_v1_RequeueWorkloadsRequest__Output } from './sluice/v1/RequeueWorkloadsRequest.js';
import type { RequeueWorkloadsResponse as _sluice_v1_RequeueWorkloadsResponse, RequeueWorkloadsResponse__Output as _sluice_v1_RequeueWorkloadsResponse__Output } from './sluice/v1/RequeueWorkloadsResponse.js';
import type { ResetGpuRequest as _sluice_v1_ResetGpuRequest, ResetGpuRequest__Output as _sluice_v1_ResetGpuRequest__Output } from './sluice/v1/ResetGpuRequest.js';
import type { ResetGpuResponse as _sluice_v1_ResetGpuResponse, ResetGpuResponse__Output as _sluice_v1_ResetGpuResponse__Output } from './sluice/v1/ResetGpuResponse.js';
import type { RetryPolicy as _sluice_v1_RetryPolicy, RetryPolicy__Output as _sluice_v1_RetryPolicy__Output } from './sluice/v1/RetryPolicy.js';
import type { Role as _sluice_v1_Role, Role__Output as _sluice_v1_Role__Output } from './sluice/v1/Role.js';
import type { StatsServiceClient as _sluice_v1_StatsServiceClient, StatsServiceDefinition as _sluice_v1_StatsServiceDefinition } from './sluice/v1/StatsService.js';
import type { StopOrder as _sluice_v1_StopOrder, StopOrder__Output as _sluice_v1_StopOrder__Output } from './sluice/v1/StopOrder.js';
import type { SubmitWorkloadsRequest as _sluice_v1_SubmitWorkloadsRequest, SubmitWorkloadsRequest__Output as _sluice_v1_SubmitWorkloadsRequest__Output } from './sluice/v1/SubmitWorkloadsRequest.js';
import type { SubmitWorkloadsResponse as _sluice_v1_SubmitWorkloadsResponse, SubmitWorkloadsResponse__Output as _sluice_v1_SubmitWorkloadsResponse__Output } from './sluice/v1/SubmitWorkloadsResponse.js';
import type { SubmittedWorkload as _sluice_v1_SubmittedWorkload, SubmittedWorkload__Output as _sluice_v1_SubmittedWorkload__Output } from './sluice/v1/SubmittedWorkload.js';
import type { TaskLaunch as _sluice_v1_TaskLaunch, TaskLaunch__Output as _sluice_v1_TaskLaunch__Output } from './sluice/v1/TaskLaunch.js';
import type { TaskResources as _sluice_v1_TaskResources, TaskResources__Output as _sluice_v1_TaskResources__Output } from './sluice/v1/TaskResources.js';
import type { TaskStats as _sluice_v1_TaskStats, TaskStats__Output as _sluice_v1_TaskStats__Output } from './sluice/v1/TaskStats.js';
import type { TaskUse as _sluice_v1_TaskUse, TaskUse__Output as _sluice_v1_TaskUse__Output } from './sluice/v1/TaskUse.js';
import type { TelemetryOfGpu as _sluice_v1_TelemetryOfGpu, TelemetryOfGpu__Output as _sluice_v1_TelemetryOfGpu__Output } from './sluice/v1/TelemetryOfGpu.js';
import type { TelemetryReport as _sluice_v1_TelemetryReport, TelemetryReport__Output as _sluice_v1_TelemetryReport__Output } from './sluice/v1/TelemetryReport.js';
import type { TerminalNotice as _sluice_v1_TerminalNotice, TerminalNotice__Output as _sluice_v1_TerminalNotice__Output } from './sluice/v1/TerminalNotice.js';
import type { TerminalSize as _sluice_v1_TerminalSize, TerminalSize__Output as _sluice_v1_TerminalSize__Output } from './sluice/v1/TerminalSize.js';
import type { TopologyRule as _sluice_v1_TopologyRule, TopologyRule__Output as _sluice_v1_TopologyRule__Output } from './sluice/v1/TopologyRule.js';
import type { UncordonNodeRequest as _sluice_v1_UncordonNodeRequest, UncordonNodeRequest__Output as _sluice_v1_UncordonNodeRequest__Output } from './sluice/v1/UncordonNodeRequest.js';
import type { UncordonNodeResponse as _sluice_v1_UncordonNodeResponse, UncordonNodeResponse__Output as _sluice_v1_UncordonNodeResponse__Output } from './sluice/v1/UncordonNodeResponse.js';
import type { UseOfTask as _sluice_v1_UseOfTask, UseOfTask__Output as _sluice_v1_UseOfTask__Output } from './sluice/v1/UseOfTask.js';
import type { UseSummary as _sluice_v1_UseSummary, UseSummary__Output as _sluice_v1_UseSummary__Output } from './sluice/v1/UseSummary.js';
import type { WatchNodesRequest as _sluice_v1_WatchNodesRequest, WatchNodesRequest__Output as _sluice_v1_WatchNodesRequest__Output } from './sluice/v1/WatchNodesRequest.js';
import type { WatchNodesResponse as _sluice_v1_WatchNodesResponse, WatchNodesResponse__Output as _sluice_v1_WatchNodesResponse__Output } from './sluice/v1/WatchNodesResponse.js';
import type { WatchWorkloadsRequest as _sluice_v1_WatchWorkloadsRequest, WatchWorkloadsRequest__Output as _sluice_v1_WatchWorkloadsRequest__Output } from './sluice/v1/WatchWorkloadsRequest.js';
import type { WatchWorkloadsResponse as _sluice_v1_WatchWorkloadsResponse, WatchWorkloadsResponse__Output as _sluice_v1_WatchWorkloadsResponse__Output } from './sluice/v1/WatchWorkloadsResponse.js';
import type { Welcome as _sluice_v1_Welcome, Welcome__Output as _sluice_v1_Welcome__Output } from './sluice/v1/Welcome.js';
import type { Workload as _sluice_v1_Workload, Workload__Output as _sluice_v1_Workload__Output } from './sluice/v1/Workload.js';
import type { WorkloadEvent as _sluice_v1_WorkloadEvent, WorkloadEvent__Output as _sluice_v1_WorkloadEvent__Output } from './sluice/v1/WorkloadEvent.js';
import type { WorkloadServiceClient as _sluice_v1_WorkloadServiceClient, WorkloadServiceDefinition as _sluice_v1_WorkloadServiceDefinition } from './sluice/v1/WorkloadService.js';
import type { WorkloadSpec as _sluice_v1_WorkloadSpec, WorkloadSpec__Output as _sluice_v1_WorkloadSpec__Output } from './sluice/v1/WorkloadSpec.js';
import type { WorkloadStats as _sluice_v1_WorkloadStats, WorkloadStats__Output as _sluice_v1_WorkloadStats__Output } from './sluice/v1/WorkloadStats.js';

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
      AgentHello: MessageTypeDefinition<_sluice_v1_AgentHello, _sluice_v1_AgentHello__Output>
      /**
       * For node agents only.
       */
      AgentService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_AgentServiceClient> & { service: _sluice_v1_AgentServiceDefinition }
      Allocation: MessageTypeDefinition<_sluice_v1_Allocation, _sluice_v1_Allocation__Output>
      AllocationState: EnumTypeDefinition
      ArrayIndex: MessageTypeDefinition<_sluice_v1_ArrayIndex, _sluice_v1_ArrayIndex__Output>
      ArrayPlace: MessageTypeDefinition<_sluice_v1_ArrayPlace, _sluice_v1_ArrayPlace__Output>
      ArraySpec: MessageTypeDefinition<_sluice_v1_ArraySpec, _sluice_v1_ArraySpec__Output>
      Attach: MessageTypeDefinition<_sluice_v1_Attach, _sluice_v1_Attach__Output>
      BuiltinProgram: MessageTypeDefinition<_sluice_v1_BuiltinProgram, _sluice_v1_BuiltinProgram__Output>
      CancelMaintenanceRequest: MessageTypeDefinition<_sluice_v1_CancelMaintenanceRequest, _sluice_v1_CancelMaintenanceRequest__Output>
      CancelMaintenanceResponse: MessageTypeDefinition<_sluice_v1_CancelMaintenanceResponse, _sluice_v1_CancelMaintenanceResponse__Output>
      CancelWorkloadsRequest: MessageTypeDefinition<_sluice_v1_CancelWorkloadsRequest, _sluice_v1_CancelWorkloadsRequest__Output>
      CancelWorkloadsResponse: MessageTypeDefinition<_sluice_v1_CancelWorkloadsResponse, _sluice_v1_CancelWorkloadsResponse__Output>
      Checkpoint: MessageTypeDefinition<_sluice_v1_Checkpoint, _sluice_v1_Checkpoint__Output>
      CheckpointPolicy: MessageTypeDefinition<_sluice_v1_CheckpointPolicy, _sluice_v1_CheckpointPolicy__Output>
      Command: MessageTypeDefinition<_sluice_v1_Command, _sluice_v1_Command__Output>
      ConnectRequest: MessageTypeDefinition<_sluice_v1_ConnectRequest, _sluice_v1_ConnectRequest__Output>
      ConnectResponse: MessageTypeDefinition<_sluice_v1_ConnectResponse, _sluice_v1_ConnectResponse__Output>
      CopyIn: MessageTypeDefinition<_sluice_v1_CopyIn, _sluice_v1_CopyIn__Output>
      CopyOut: MessageTypeDefinition<_sluice_v1_CopyOut, _sluice_v1_CopyOut__Output>
      CordonNodeRequest: MessageTypeDefinition<_sluice_v1_CordonNodeRequest, _sluice_v1_CordonNodeRequest__Output>
      CordonNodeResponse: MessageTypeDefinition<_sluice_v1_CordonNodeResponse, _sluice_v1_CordonNodeResponse__Output>
      CreateMaintenanceRequest: MessageTypeDefinition<_sluice_v1_CreateMaintenanceRequest, _sluice_v1_CreateMaintenanceRequest__Output>
      CreateMaintenanceResponse: MessageTypeDefinition<_sluice_v1_CreateMaintenanceResponse, _sluice_v1_CreateMaintenanceResponse__Output>
      Dependency: MessageTypeDefinition<_sluice_v1_Dependency, _sluice_v1_Dependency__Output>
      DependencyCondition: EnumTypeDefinition
      DesiredAllocation: MessageTypeDefinition<_sluice_v1_DesiredAllocation, _sluice_v1_DesiredAllocation__Output>
      DesiredAllocations: MessageTypeDefinition<_sluice_v1_DesiredAllocations, _sluice_v1_DesiredAllocations__Output>
      EarlySignal: MessageTypeDefinition<_sluice_v1_EarlySignal, _sluice_v1_EarlySignal__Output>
      Endpoint: MessageTypeDefinition<_sluice_v1_Endpoint, _sluice_v1_Endpoint__Output>
      EnvironmentVariable: MessageTypeDefinition<_sluice_v1_EnvironmentVariable, _sluice_v1_EnvironmentVariable__Output>
      ExecEnd: MessageTypeDefinition<_sluice_v1_ExecEnd, _sluice_v1_ExecEnd__Output>
      ExecOpen: MessageTypeDefinition<_sluice_v1_ExecOpen, _sluice_v1_ExecOpen__Output>
      ExecRequest: MessageTypeDefinition<_sluice_v1_ExecRequest, _sluice_v1_ExecRequest__Output>
      ExecResponse: MessageTypeDefinition<_sluice_v1_ExecResponse, _sluice_v1_ExecResponse__Output>
      /**
       * For the owner of a workload and for administrators.
       */
      ExecService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_ExecServiceClient> & { service: _sluice_v1_ExecServiceDefinition }
      ExecStart: MessageTypeDefinition<_sluice_v1_ExecStart, _sluice_v1_ExecStart__Output>
      ExecStarted: MessageTypeDefinition<_sluice_v1_ExecStarted, _sluice_v1_ExecStarted__Output>
      Exit: MessageTypeDefinition<_sluice_v1_Exit, _sluice_v1_Exit__Output>
      ExplainWorkloadRequest: MessageTypeDefinition<_sluice_v1_ExplainWorkloadRequest, _sluice_v1_ExplainWorkloadRequest__Output>
      ExplainWorkloadResponse: MessageTypeDefinition<_sluice_v1_ExplainWorkloadResponse, _sluice_v1_ExplainWorkloadResponse__Output>
      ExplanationLine: MessageTypeDefinition<_sluice_v1_ExplanationLine, _sluice_v1_ExplanationLine__Output>
      FenceNodeRequest: MessageTypeDefinition<_sluice_v1_FenceNodeRequest, _sluice_v1_FenceNodeRequest__Output>
      FenceNodeResponse: MessageTypeDefinition<_sluice_v1_FenceNodeResponse, _sluice_v1_FenceNodeResponse__Output>
      Finding: MessageTypeDefinition<_sluice_v1_Finding, _sluice_v1_Finding__Output>
      FindingKind: EnumTypeDefinition
      GetNodeRequest: MessageTypeDefinition<_sluice_v1_GetNodeRequest, _sluice_v1_GetNodeRequest__Output>
      GetNodeResponse: MessageTypeDefinition<_sluice_v1_GetNodeResponse, _sluice_v1_GetNodeResponse__Output>
      GetWorkloadRequest: MessageTypeDefinition<_sluice_v1_GetWorkloadRequest, _sluice_v1_GetWorkloadRequest__Output>
      GetWorkloadResponse: MessageTypeDefinition<_sluice_v1_GetWorkloadResponse, _sluice_v1_GetWorkloadResponse__Output>
      GetWorkloadStatsRequest: MessageTypeDefinition<_sluice_v1_GetWorkloadStatsRequest, _sluice_v1_GetWorkloadStatsRequest__Output>
      GetWorkloadStatsResponse: MessageTypeDefinition<_sluice_v1_GetWorkloadStatsResponse, _sluice_v1_GetWorkloadStatsResponse__Output>
      Gpu: MessageTypeDefinition<_sluice_v1_Gpu, _sluice_v1_Gpu__Output>
      GpuHealth: EnumTypeDefinition
      GpuHolder: MessageTypeDefinition<_sluice_v1_GpuHolder, _sluice_v1_GpuHolder__Output>
      GpuMark: MessageTypeDefinition<_sluice_v1_GpuMark, _sluice_v1_GpuMark__Output>
      GpuReset: MessageTypeDefinition<_sluice_v1_GpuReset, _sluice_v1_GpuReset__Output>
      GpuSymptom: MessageTypeDefinition<_sluice_v1_GpuSymptom, _sluice_v1_GpuSymptom__Output>
      GpuTelemetry: MessageTypeDefinition<_sluice_v1_GpuTelemetry, _sluice_v1_GpuTelemetry__Output>
      GpuUse: MessageTypeDefinition<_sluice_v1_GpuUse, _sluice_v1_GpuUse__Output>
      GrantedGpu: MessageTypeDefinition<_sluice_v1_GrantedGpu, _sluice_v1_GrantedGpu__Output>
      HealthAck: MessageTypeDefinition<_sluice_v1_HealthAck, _sluice_v1_HealthAck__Output>
      HealthEvent: MessageTypeDefinition<_sluice_v1_HealthEvent, _sluice_v1_HealthEvent__Output>
      HealthReport: MessageTypeDefinition<_sluice_v1_HealthReport, _sluice_v1_HealthReport__Output>
      Heartbeat: MessageTypeDefinition<_sluice_v1_Heartbeat, _sluice_v1_Heartbeat__Output>
      HeartbeatReply: MessageTypeDefinition<_sluice_v1_HeartbeatReply, _sluice_v1_HeartbeatReply__Output>
      HoldWorkloadsRequest: MessageTypeDefinition<_sluice_v1_HoldWorkloadsRequest, _sluice_v1_HoldWorkloadsRequest__Output>
      HoldWorkloadsResponse: MessageTypeDefinition<_sluice_v1_HoldWorkloadsResponse, _sluice_v1_HoldWorkloadsResponse__Output>
      InputEnd: MessageTypeDefinition<_sluice_v1_InputEnd, _sluice_v1_InputEnd__Output>
      InventoryReport: MessageTypeDefinition<_sluice_v1_InventoryReport, _sluice_v1_InventoryReport__Output>
      Launcher: EnumTypeDefinition
      ListMaintenancesRequest: MessageTypeDefinition<_sluice_v1_ListMaintenancesRequest, _sluice_v1_ListMaintenancesRequest__Output>
      ListMaintenancesResponse: MessageTypeDefinition<_sluice_v1_ListMaintenancesResponse, _sluice_v1_ListMaintenancesResponse__Output>
      ListNodesRequest: MessageTypeDefinition<_sluice_v1_ListNodesRequest, _sluice_v1_ListNodesRequest__Output>
      ListNodesResponse: MessageTypeDefinition<_sluice_v1_ListNodesResponse, _sluice_v1_ListNodesResponse__Output>
      ListWorkloadStatsRequest: MessageTypeDefinition<_sluice_v1_ListWorkloadStatsRequest, _sluice_v1_ListWorkloadStatsRequest__Output>
      ListWorkloadStatsResponse: MessageTypeDefinition<_sluice_v1_ListWorkloadStatsResponse, _sluice_v1_ListWorkloadStatsResponse__Output>
      ListWorkloadsRequest: MessageTypeDefinition<_sluice_v1_ListWorkloadsRequest, _sluice_v1_ListWorkloadsRequest__Output>
      ListWorkloadsResponse: MessageTypeDefinition<_sluice_v1_ListWorkloadsResponse, _sluice_v1_ListWorkloadsResponse__Output>
      LogCancel: MessageTypeDefinition<_sluice_v1_LogCancel, _sluice_v1_LogCancel__Output>
      LogData: MessageTypeDefinition<_sluice_v1_LogData, _sluice_v1_LogData__Output>
      LogRead: MessageTypeDefinition<_sluice_v1_LogRead, _sluice_v1_LogRead__Output>
      /**
       * Reads and follows the logs of tasks.
       */
      LogService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_LogServiceClient> & { service: _sluice_v1_LogServiceDefinition }
      LogStream: EnumTypeDefinition
      LogTime: MessageTypeDefinition<_sluice_v1_LogTime, _sluice_v1_LogTime__Output>
      Maintenance: MessageTypeDefinition<_sluice_v1_Maintenance, _sluice_v1_Maintenance__Output>
      MeasuredUse: MessageTypeDefinition<_sluice_v1_MeasuredUse, _sluice_v1_MeasuredUse__Output>
      MigInstance: MessageTypeDefinition<_sluice_v1_MigInstance, _sluice_v1_MigInstance__Output>
      Node: MessageTypeDefinition<_sluice_v1_Node, _sluice_v1_Node__Output>
      NodeInventory: MessageTypeDefinition<_sluice_v1_NodeInventory, _sluice_v1_NodeInventory__Output>
      /**
       * Lists, watches, cordons and uncordons nodes, and keeps the calendar of their maintenance.
       */
      NodeService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_NodeServiceClient> & { service: _sluice_v1_NodeServiceDefinition }
      NodeState: EnumTypeDefinition
      NotifyOn: EnumTypeDefinition
      NotifyRule: MessageTypeDefinition<_sluice_v1_NotifyRule, _sluice_v1_NotifyRule__Output>
      ObservedAllocation: MessageTypeDefinition<_sluice_v1_ObservedAllocation, _sluice_v1_ObservedAllocation__Output>
      ObservedAllocations: MessageTypeDefinition<_sluice_v1_ObservedAllocations, _sluice_v1_ObservedAllocations__Output>
      ObservedState: EnumTypeDefinition
      OnDisconnect: EnumTypeDefinition
      Origin: MessageTypeDefinition<_sluice_v1_Origin, _sluice_v1_Origin__Output>
      OriginRequest: MessageTypeDefinition<_sluice_v1_OriginRequest, _sluice_v1_OriginRequest__Output>
      PrioritizeWorkloadsRequest: MessageTypeDefinition<_sluice_v1_PrioritizeWorkloadsRequest, _sluice_v1_PrioritizeWorkloadsRequest__Output>
      PrioritizeWorkloadsResponse: MessageTypeDefinition<_sluice_v1_PrioritizeWorkloadsResponse, _sluice_v1_PrioritizeWorkloadsResponse__Output>
      QuarantineGpuRequest: MessageTypeDefinition<_sluice_v1_QuarantineGpuRequest, _sluice_v1_QuarantineGpuRequest__Output>
      QuarantineGpuResponse: MessageTypeDefinition<_sluice_v1_QuarantineGpuResponse, _sluice_v1_QuarantineGpuResponse__Output>
      ReadLogsRequest: MessageTypeDefinition<_sluice_v1_ReadLogsRequest, _sluice_v1_ReadLogsRequest__Output>
      ReadLogsResponse: MessageTypeDefinition<_sluice_v1_ReadLogsResponse, _sluice_v1_ReadLogsResponse__Output>
      RelayRequest: MessageTypeDefinition<_sluice_v1_RelayRequest, _sluice_v1_RelayRequest__Output>
      RelayResponse: MessageTypeDefinition<_sluice_v1_RelayResponse, _sluice_v1_RelayResponse__Output>
      ReleaseGpuRequest: MessageTypeDefinition<_sluice_v1_ReleaseGpuRequest, _sluice_v1_ReleaseGpuRequest__Output>
      ReleaseGpuResponse: MessageTypeDefinition<_sluice_v1_ReleaseGpuResponse, _sluice_v1_ReleaseGpuResponse__Output>
      ReleaseWorkloadsRequest: MessageTypeDefinition<_sluice_v1_ReleaseWorkloadsRequest, _sluice_v1_ReleaseWorkloadsRequest__Output>
      ReleaseWorkloadsResponse: MessageTypeDefinition<_sluice_v1_ReleaseWorkloadsResponse, _sluice_v1_ReleaseWorkloadsResponse__Output>
      RemoveGpuRequest: MessageTypeDefinition<_sluice_v1_RemoveGpuRequest, _sluice_v1_RemoveGpuRequest__Output>
      RemoveGpuResponse: MessageTypeDefinition<_sluice_v1_RemoveGpuResponse, _sluice_v1_RemoveGpuResponse__Output>
      RemoveNodeRequest: MessageTypeDefinition<_sluice_v1_RemoveNodeRequest, _sluice_v1_RemoveNodeRequest__Output>
      RemoveNodeResponse: MessageTypeDefinition<_sluice_v1_RemoveNodeResponse, _sluice_v1_RemoveNodeResponse__Output>
      RequeueWorkloadsRequest: MessageTypeDefinition<_sluice_v1_RequeueWorkloadsRequest, _sluice_v1_RequeueWorkloadsRequest__Output>
      RequeueWorkloadsResponse: MessageTypeDefinition<_sluice_v1_RequeueWorkloadsResponse, _sluice_v1_RequeueWorkloadsResponse__Output>
      ResetGpuRequest: MessageTypeDefinition<_sluice_v1_ResetGpuRequest, _sluice_v1_ResetGpuRequest__Output>
      ResetGpuResponse: MessageTypeDefinition<_sluice_v1_ResetGpuResponse, _sluice_v1_ResetGpuResponse__Output>
      RetryPolicy: MessageTypeDefinition<_sluice_v1_RetryPolicy, _sluice_v1_RetryPolicy__Output>
      Role: MessageTypeDefinition<_sluice_v1_Role, _sluice_v1_Role__Output>
      /**
       * Tells what workloads used of what they were granted.
       */
      StatsService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_StatsServiceClient> & { service: _sluice_v1_StatsServiceDefinition }
      StopOrder: MessageTypeDefinition<_sluice_v1_StopOrder, _sluice_v1_StopOrder__Output>
      StopReason: EnumTypeDefinition
      SubmitWorkloadsRequest: MessageTypeDefinition<_sluice_v1_SubmitWorkloadsRequest, _sluice_v1_SubmitWorkloadsRequest__Output>
      SubmitWorkloadsResponse: MessageTypeDefinition<_sluice_v1_SubmitWorkloadsResponse, _sluice_v1_SubmitWorkloadsResponse__Output>
      SubmittedWorkload: MessageTypeDefinition<_sluice_v1_SubmittedWorkload, _sluice_v1_SubmittedWorkload__Output>
      TaskLaunch: MessageTypeDefinition<_sluice_v1_TaskLaunch, _sluice_v1_TaskLaunch__Output>
      TaskResources: MessageTypeDefinition<_sluice_v1_TaskResources, _sluice_v1_TaskResources__Output>
      TaskStats: MessageTypeDefinition<_sluice_v1_TaskStats, _sluice_v1_TaskStats__Output>
      TaskUse: MessageTypeDefinition<_sluice_v1_TaskUse, _sluice_v1_TaskUse__Output>
      TelemetryOfGpu: MessageTypeDefinition<_sluice_v1_TelemetryOfGpu, _sluice_v1_TelemetryOfGpu__Output>
      TelemetryReport: MessageTypeDefinition<_sluice_v1_TelemetryReport, _sluice_v1_TelemetryReport__Output>
      TerminalNotice: MessageTypeDefinition<_sluice_v1_TerminalNotice, _sluice_v1_TerminalNotice__Output>
      TerminalSize: MessageTypeDefinition<_sluice_v1_TerminalSize, _sluice_v1_TerminalSize__Output>
      TopologyLevel: EnumTypeDefinition
      TopologyRule: MessageTypeDefinition<_sluice_v1_TopologyRule, _sluice_v1_TopologyRule__Output>
      UncordonNodeRequest: MessageTypeDefinition<_sluice_v1_UncordonNodeRequest, _sluice_v1_UncordonNodeRequest__Output>
      UncordonNodeResponse: MessageTypeDefinition<_sluice_v1_UncordonNodeResponse, _sluice_v1_UncordonNodeResponse__Output>
      UseOfTask: MessageTypeDefinition<_sluice_v1_UseOfTask, _sluice_v1_UseOfTask__Output>
      UseSummary: MessageTypeDefinition<_sluice_v1_UseSummary, _sluice_v1_UseSummary__Output>
      WatchNodesRequest: MessageTypeDefinition<_sluice_v1_WatchNodesRequest, _sluice_v1_WatchNodesRequest__Output>
      WatchNodesResponse: MessageTypeDefinition<_sluice_v1_WatchNodesResponse, _sluice_v1_WatchNodesResponse__Output>
      WatchWorkloadsRequest: MessageTypeDefinition<_sluice_v1_WatchWorkloadsRequest, _sluice_v1_WatchWorkloadsRequest__Output>
      WatchWorkloadsResponse: MessageTypeDefinition<_sluice_v1_WatchWorkloadsResponse, _sluice_v1_WatchWorkloadsResponse__Output>
      Welcome: MessageTypeDefinition<_sluice_v1_Welcome, _sluice_v1_Welcome__Output>
      Workload: MessageTypeDefinition<_sluice_v1_Workload, _sluice_v1_Workload__Output>
      WorkloadEvent: MessageTypeDefinition<_sluice_v1_WorkloadEvent, _sluice_v1_WorkloadEvent__Output>
      WorkloadKind: EnumTypeDefinition
      /**
       * Submits, reads, watches, explains and cancels workloads. Where tokens are asked for, only the owner of a workload and administrators change it, and
       * see environment and notify of its spec.
       */
      WorkloadService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_WorkloadServiceClient> & { service: _sluice_v1_WorkloadServiceDefinition }
      WorkloadSpec: MessageTypeDefinition<_sluice_v1_WorkloadSpec, _sluice_v1_WorkloadSpec__Output>
      WorkloadState: EnumTypeDefinition
      WorkloadStats: MessageTypeDefinition<_sluice_v1_WorkloadStats, _sluice_v1_WorkloadStats__Output>
    }
  }
}


import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from './google/protobuf/Duration.js';
import type { FieldMask as _google_protobuf_FieldMask, FieldMask__Output as _google_protobuf_FieldMask__Output } from './google/protobuf/FieldMask.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from './google/protobuf/Timestamp.js';
import type { BudgetUse as _sluice_v1_BudgetUse, BudgetUse__Output as _sluice_v1_BudgetUse__Output } from './sluice/v1/BudgetUse.js';
import type { CancelMaintenanceRequest as _sluice_v1_CancelMaintenanceRequest, CancelMaintenanceRequest__Output as _sluice_v1_CancelMaintenanceRequest__Output } from './sluice/v1/CancelMaintenanceRequest.js';
import type { CancelMaintenanceResponse as _sluice_v1_CancelMaintenanceResponse, CancelMaintenanceResponse__Output as _sluice_v1_CancelMaintenanceResponse__Output } from './sluice/v1/CancelMaintenanceResponse.js';
import type { CordonNodeRequest as _sluice_v1_CordonNodeRequest, CordonNodeRequest__Output as _sluice_v1_CordonNodeRequest__Output } from './sluice/v1/CordonNodeRequest.js';
import type { CordonNodeResponse as _sluice_v1_CordonNodeResponse, CordonNodeResponse__Output as _sluice_v1_CordonNodeResponse__Output } from './sluice/v1/CordonNodeResponse.js';
import type { CreateMaintenanceRequest as _sluice_v1_CreateMaintenanceRequest, CreateMaintenanceRequest__Output as _sluice_v1_CreateMaintenanceRequest__Output } from './sluice/v1/CreateMaintenanceRequest.js';
import type { CreateMaintenanceResponse as _sluice_v1_CreateMaintenanceResponse, CreateMaintenanceResponse__Output as _sluice_v1_CreateMaintenanceResponse__Output } from './sluice/v1/CreateMaintenanceResponse.js';
import type { CreateQueueRequest as _sluice_v1_CreateQueueRequest, CreateQueueRequest__Output as _sluice_v1_CreateQueueRequest__Output } from './sluice/v1/CreateQueueRequest.js';
import type { CreateQueueResponse as _sluice_v1_CreateQueueResponse, CreateQueueResponse__Output as _sluice_v1_CreateQueueResponse__Output } from './sluice/v1/CreateQueueResponse.js';
import type { DeleteQueueRequest as _sluice_v1_DeleteQueueRequest, DeleteQueueRequest__Output as _sluice_v1_DeleteQueueRequest__Output } from './sluice/v1/DeleteQueueRequest.js';
import type { DeleteQueueResponse as _sluice_v1_DeleteQueueResponse, DeleteQueueResponse__Output as _sluice_v1_DeleteQueueResponse__Output } from './sluice/v1/DeleteQueueResponse.js';
import type { FenceNodeRequest as _sluice_v1_FenceNodeRequest, FenceNodeRequest__Output as _sluice_v1_FenceNodeRequest__Output } from './sluice/v1/FenceNodeRequest.js';
import type { FenceNodeResponse as _sluice_v1_FenceNodeResponse, FenceNodeResponse__Output as _sluice_v1_FenceNodeResponse__Output } from './sluice/v1/FenceNodeResponse.js';
import type { GetNodeRequest as _sluice_v1_GetNodeRequest, GetNodeRequest__Output as _sluice_v1_GetNodeRequest__Output } from './sluice/v1/GetNodeRequest.js';
import type { GetNodeResponse as _sluice_v1_GetNodeResponse, GetNodeResponse__Output as _sluice_v1_GetNodeResponse__Output } from './sluice/v1/GetNodeResponse.js';
import type { GetQueueRequest as _sluice_v1_GetQueueRequest, GetQueueRequest__Output as _sluice_v1_GetQueueRequest__Output } from './sluice/v1/GetQueueRequest.js';
import type { GetQueueResponse as _sluice_v1_GetQueueResponse, GetQueueResponse__Output as _sluice_v1_GetQueueResponse__Output } from './sluice/v1/GetQueueResponse.js';
import type { Gpu as _sluice_v1_Gpu, Gpu__Output as _sluice_v1_Gpu__Output } from './sluice/v1/Gpu.js';
import type { GpuHolder as _sluice_v1_GpuHolder, GpuHolder__Output as _sluice_v1_GpuHolder__Output } from './sluice/v1/GpuHolder.js';
import type { GpuMark as _sluice_v1_GpuMark, GpuMark__Output as _sluice_v1_GpuMark__Output } from './sluice/v1/GpuMark.js';
import type { GpuSymptom as _sluice_v1_GpuSymptom, GpuSymptom__Output as _sluice_v1_GpuSymptom__Output } from './sluice/v1/GpuSymptom.js';
import type { GpuTelemetry as _sluice_v1_GpuTelemetry, GpuTelemetry__Output as _sluice_v1_GpuTelemetry__Output } from './sluice/v1/GpuTelemetry.js';
import type { IdleGpuPolicy as _sluice_v1_IdleGpuPolicy, IdleGpuPolicy__Output as _sluice_v1_IdleGpuPolicy__Output } from './sluice/v1/IdleGpuPolicy.js';
import type { ListMaintenancesRequest as _sluice_v1_ListMaintenancesRequest, ListMaintenancesRequest__Output as _sluice_v1_ListMaintenancesRequest__Output } from './sluice/v1/ListMaintenancesRequest.js';
import type { ListMaintenancesResponse as _sluice_v1_ListMaintenancesResponse, ListMaintenancesResponse__Output as _sluice_v1_ListMaintenancesResponse__Output } from './sluice/v1/ListMaintenancesResponse.js';
import type { ListNodesRequest as _sluice_v1_ListNodesRequest, ListNodesRequest__Output as _sluice_v1_ListNodesRequest__Output } from './sluice/v1/ListNodesRequest.js';
import type { ListNodesResponse as _sluice_v1_ListNodesResponse, ListNodesResponse__Output as _sluice_v1_ListNodesResponse__Output } from './sluice/v1/ListNodesResponse.js';
import type { ListQueuesRequest as _sluice_v1_ListQueuesRequest, ListQueuesRequest__Output as _sluice_v1_ListQueuesRequest__Output } from './sluice/v1/ListQueuesRequest.js';
import type { ListQueuesResponse as _sluice_v1_ListQueuesResponse, ListQueuesResponse__Output as _sluice_v1_ListQueuesResponse__Output } from './sluice/v1/ListQueuesResponse.js';
import type { Maintenance as _sluice_v1_Maintenance, Maintenance__Output as _sluice_v1_Maintenance__Output } from './sluice/v1/Maintenance.js';
import type { MigInstance as _sluice_v1_MigInstance, MigInstance__Output as _sluice_v1_MigInstance__Output } from './sluice/v1/MigInstance.js';
import type { Node as _sluice_v1_Node, Node__Output as _sluice_v1_Node__Output } from './sluice/v1/Node.js';
import type { NodeInventory as _sluice_v1_NodeInventory, NodeInventory__Output as _sluice_v1_NodeInventory__Output } from './sluice/v1/NodeInventory.js';
import type { NodeServiceClient as _sluice_v1_NodeServiceClient, NodeServiceDefinition as _sluice_v1_NodeServiceDefinition } from './sluice/v1/NodeService.js';
import type { QuarantineGpuRequest as _sluice_v1_QuarantineGpuRequest, QuarantineGpuRequest__Output as _sluice_v1_QuarantineGpuRequest__Output } from './sluice/v1/QuarantineGpuRequest.js';
import type { QuarantineGpuResponse as _sluice_v1_QuarantineGpuResponse, QuarantineGpuResponse__Output as _sluice_v1_QuarantineGpuResponse__Output } from './sluice/v1/QuarantineGpuResponse.js';
import type { Queue as _sluice_v1_Queue, Queue__Output as _sluice_v1_Queue__Output } from './sluice/v1/Queue.js';
import type { QueueBudget as _sluice_v1_QueueBudget, QueueBudget__Output as _sluice_v1_QueueBudget__Output } from './sluice/v1/QueueBudget.js';
import type { QueueScope as _sluice_v1_QueueScope, QueueScope__Output as _sluice_v1_QueueScope__Output } from './sluice/v1/QueueScope.js';
import type { QueueServiceClient as _sluice_v1_QueueServiceClient, QueueServiceDefinition as _sluice_v1_QueueServiceDefinition } from './sluice/v1/QueueService.js';
import type { QueueSpec as _sluice_v1_QueueSpec, QueueSpec__Output as _sluice_v1_QueueSpec__Output } from './sluice/v1/QueueSpec.js';
import type { QueueUse as _sluice_v1_QueueUse, QueueUse__Output as _sluice_v1_QueueUse__Output } from './sluice/v1/QueueUse.js';
import type { ReleaseGpuRequest as _sluice_v1_ReleaseGpuRequest, ReleaseGpuRequest__Output as _sluice_v1_ReleaseGpuRequest__Output } from './sluice/v1/ReleaseGpuRequest.js';
import type { ReleaseGpuResponse as _sluice_v1_ReleaseGpuResponse, ReleaseGpuResponse__Output as _sluice_v1_ReleaseGpuResponse__Output } from './sluice/v1/ReleaseGpuResponse.js';
import type { RemoveGpuRequest as _sluice_v1_RemoveGpuRequest, RemoveGpuRequest__Output as _sluice_v1_RemoveGpuRequest__Output } from './sluice/v1/RemoveGpuRequest.js';
import type { RemoveGpuResponse as _sluice_v1_RemoveGpuResponse, RemoveGpuResponse__Output as _sluice_v1_RemoveGpuResponse__Output } from './sluice/v1/RemoveGpuResponse.js';
import type { RemoveNodeRequest as _sluice_v1_RemoveNodeRequest, RemoveNodeRequest__Output as _sluice_v1_RemoveNodeRequest__Output } from './sluice/v1/RemoveNodeRequest.js';
import type { RemoveNodeResponse as _sluice_v1_RemoveNodeResponse, RemoveNodeResponse__Output as _sluice_v1_RemoveNodeResponse__Output } from './sluice/v1/RemoveNodeResponse.js';
import type { ResetGpuRequest as _sluice_v1_ResetGpuRequest, ResetGpuRequest__Output as _sluice_v1_ResetGpuRequest__Output } from './sluice/v1/ResetGpuRequest.js';
import type { ResetGpuResponse as _sluice_v1_ResetGpuResponse, ResetGpuResponse__Output as _sluice_v1_ResetGpuResponse__Output } from './sluice/v1/ResetGpuResponse.js';
import type { ScopeUse as _sluice_v1_ScopeUse, ScopeUse__Output as _sluice_v1_ScopeUse__Output } from './sluice/v1/ScopeUse.js';
import type { ShapeGuarantee as _sluice_v1_ShapeGuarantee, ShapeGuarantee__Output as _sluice_v1_ShapeGuarantee__Output } from './sluice/v1/ShapeGuarantee.js';
import type { ShapeStanding as _sluice_v1_ShapeStanding, ShapeStanding__Output as _sluice_v1_ShapeStanding__Output } from './sluice/v1/ShapeStanding.js';
import type { UncordonNodeRequest as _sluice_v1_UncordonNodeRequest, UncordonNodeRequest__Output as _sluice_v1_UncordonNodeRequest__Output } from './sluice/v1/UncordonNodeRequest.js';
import type { UncordonNodeResponse as _sluice_v1_UncordonNodeResponse, UncordonNodeResponse__Output as _sluice_v1_UncordonNodeResponse__Output } from './sluice/v1/UncordonNodeResponse.js';
import type { UpdateQueueRequest as _sluice_v1_UpdateQueueRequest, UpdateQueueRequest__Output as _sluice_v1_UpdateQueueRequest__Output } from './sluice/v1/UpdateQueueRequest.js';
import type { UpdateQueueResponse as _sluice_v1_UpdateQueueResponse, UpdateQueueResponse__Output as _sluice_v1_UpdateQueueResponse__Output } from './sluice/v1/UpdateQueueResponse.js';
import type { WatchNodesRequest as _sluice_v1_WatchNodesRequest, WatchNodesRequest__Output as _sluice_v1_WatchNodesRequest__Output } from './sluice/v1/WatchNodesRequest.js';
import type { WatchNodesResponse as _sluice_v1_WatchNodesResponse, WatchNodesResponse__Output as _sluice_v1_WatchNodesResponse__Output } from './sluice/v1/WatchNodesResponse.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  google: {
    protobuf: {
      Duration: MessageTypeDefinition<_google_protobuf_Duration, _google_protobuf_Duration__Output>
      FieldMask: MessageTypeDefinition<_google_protobuf_FieldMask, _google_protobuf_FieldMask__Output>
      Timestamp: MessageTypeDefinition<_google_protobuf_Timestamp, _google_protobuf_Timestamp__Output>
    }
  }
  sluice: {
    v1: {
      BudgetAction: EnumTypeDefinition
      BudgetPeriod: EnumTypeDefinition
      BudgetUnit: EnumTypeDefinition
      BudgetUse: MessageTypeDefinition<_sluice_v1_BudgetUse, _sluice_v1_BudgetUse__Output>
      CancelMaintenanceRequest: MessageTypeDefinition<_sluice_v1_CancelMaintenanceRequest, _sluice_v1_CancelMaintenanceRequest__Output>
      CancelMaintenanceResponse: MessageTypeDefinition<_sluice_v1_CancelMaintenanceResponse, _sluice_v1_CancelMaintenanceResponse__Output>
      CordonNodeRequest: MessageTypeDefinition<_sluice_v1_CordonNodeRequest, _sluice_v1_CordonNodeRequest__Output>
      CordonNodeResponse: MessageTypeDefinition<_sluice_v1_CordonNodeResponse, _sluice_v1_CordonNodeResponse__Output>
      CreateMaintenanceRequest: MessageTypeDefinition<_sluice_v1_CreateMaintenanceRequest, _sluice_v1_CreateMaintenanceRequest__Output>
      CreateMaintenanceResponse: MessageTypeDefinition<_sluice_v1_CreateMaintenanceResponse, _sluice_v1_CreateMaintenanceResponse__Output>
      CreateQueueRequest: MessageTypeDefinition<_sluice_v1_CreateQueueRequest, _sluice_v1_CreateQueueRequest__Output>
      CreateQueueResponse: MessageTypeDefinition<_sluice_v1_CreateQueueResponse, _sluice_v1_CreateQueueResponse__Output>
      DeleteQueueRequest: MessageTypeDefinition<_sluice_v1_DeleteQueueRequest, _sluice_v1_DeleteQueueRequest__Output>
      DeleteQueueResponse: MessageTypeDefinition<_sluice_v1_DeleteQueueResponse, _sluice_v1_DeleteQueueResponse__Output>
      FenceNodeRequest: MessageTypeDefinition<_sluice_v1_FenceNodeRequest, _sluice_v1_FenceNodeRequest__Output>
      FenceNodeResponse: MessageTypeDefinition<_sluice_v1_FenceNodeResponse, _sluice_v1_FenceNodeResponse__Output>
      GetNodeRequest: MessageTypeDefinition<_sluice_v1_GetNodeRequest, _sluice_v1_GetNodeRequest__Output>
      GetNodeResponse: MessageTypeDefinition<_sluice_v1_GetNodeResponse, _sluice_v1_GetNodeResponse__Output>
      GetQueueRequest: MessageTypeDefinition<_sluice_v1_GetQueueRequest, _sluice_v1_GetQueueRequest__Output>
      GetQueueResponse: MessageTypeDefinition<_sluice_v1_GetQueueResponse, _sluice_v1_GetQueueResponse__Output>
      Gpu: MessageTypeDefinition<_sluice_v1_Gpu, _sluice_v1_Gpu__Output>
      GpuHealth: EnumTypeDefinition
      GpuHolder: MessageTypeDefinition<_sluice_v1_GpuHolder, _sluice_v1_GpuHolder__Output>
      GpuMark: MessageTypeDefinition<_sluice_v1_GpuMark, _sluice_v1_GpuMark__Output>
      GpuSymptom: MessageTypeDefinition<_sluice_v1_GpuSymptom, _sluice_v1_GpuSymptom__Output>
      GpuTelemetry: MessageTypeDefinition<_sluice_v1_GpuTelemetry, _sluice_v1_GpuTelemetry__Output>
      IdleGpuPolicy: MessageTypeDefinition<_sluice_v1_IdleGpuPolicy, _sluice_v1_IdleGpuPolicy__Output>
      ListMaintenancesRequest: MessageTypeDefinition<_sluice_v1_ListMaintenancesRequest, _sluice_v1_ListMaintenancesRequest__Output>
      ListMaintenancesResponse: MessageTypeDefinition<_sluice_v1_ListMaintenancesResponse, _sluice_v1_ListMaintenancesResponse__Output>
      ListNodesRequest: MessageTypeDefinition<_sluice_v1_ListNodesRequest, _sluice_v1_ListNodesRequest__Output>
      ListNodesResponse: MessageTypeDefinition<_sluice_v1_ListNodesResponse, _sluice_v1_ListNodesResponse__Output>
      ListQueuesRequest: MessageTypeDefinition<_sluice_v1_ListQueuesRequest, _sluice_v1_ListQueuesRequest__Output>
      ListQueuesResponse: MessageTypeDefinition<_sluice_v1_ListQueuesResponse, _sluice_v1_ListQueuesResponse__Output>
      Maintenance: MessageTypeDefinition<_sluice_v1_Maintenance, _sluice_v1_Maintenance__Output>
      MigInstance: MessageTypeDefinition<_sluice_v1_MigInstance, _sluice_v1_MigInstance__Output>
      Node: MessageTypeDefinition<_sluice_v1_Node, _sluice_v1_Node__Output>
      NodeInventory: MessageTypeDefinition<_sluice_v1_NodeInventory, _sluice_v1_NodeInventory__Output>
      /**
       * Lists, watches, cordons and uncordons nodes, and keeps the calendar of their maintenance.
       */
      NodeService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_NodeServiceClient> & { service: _sluice_v1_NodeServiceDefinition }
      NodeState: EnumTypeDefinition
      QuarantineGpuRequest: MessageTypeDefinition<_sluice_v1_QuarantineGpuRequest, _sluice_v1_QuarantineGpuRequest__Output>
      QuarantineGpuResponse: MessageTypeDefinition<_sluice_v1_QuarantineGpuResponse, _sluice_v1_QuarantineGpuResponse__Output>
      Queue: MessageTypeDefinition<_sluice_v1_Queue, _sluice_v1_Queue__Output>
      QueueBudget: MessageTypeDefinition<_sluice_v1_QueueBudget, _sluice_v1_QueueBudget__Output>
      QueueScope: MessageTypeDefinition<_sluice_v1_QueueScope, _sluice_v1_QueueScope__Output>
      /**
       * Creates, changes, deletes and lists queues. All but reading is for administrators.
       */
      QueueService: SubtypeConstructor<typeof grpc.Client, _sluice_v1_QueueServiceClient> & { service: _sluice_v1_QueueServiceDefinition }
      QueueSpec: MessageTypeDefinition<_sluice_v1_QueueSpec, _sluice_v1_QueueSpec__Output>
      QueueUse: MessageTypeDefinition<_sluice_v1_QueueUse, _sluice_v1_QueueUse__Output>
      ReleaseGpuRequest: MessageTypeDefinition<_sluice_v1_ReleaseGpuRequest, _sluice_v1_ReleaseGpuRequest__Output>
      ReleaseGpuResponse: MessageTypeDefinition<_sluice_v1_ReleaseGpuResponse, _sluice_v1_ReleaseGpuResponse__Output>
      RemoveGpuRequest: MessageTypeDefinition<_sluice_v1_RemoveGpuRequest, _sluice_v1_RemoveGpuRequest__Output>
      RemoveGpuResponse: MessageTypeDefinition<_sluice_v1_RemoveGpuResponse, _sluice_v1_RemoveGpuResponse__Output>
      RemoveNodeRequest: MessageTypeDefinition<_sluice_v1_RemoveNodeRequest, _sluice_v1_RemoveNodeRequest__Output>
      RemoveNodeResponse: MessageTypeDefinition<_sluice_v1_RemoveNodeResponse, _sluice_v1_RemoveNodeResponse__Output>
      ResetGpuRequest: MessageTypeDefinition<_sluice_v1_ResetGpuRequest, _sluice_v1_ResetGpuRequest__Output>
      ResetGpuResponse: MessageTypeDefinition<_sluice_v1_ResetGpuResponse, _sluice_v1_ResetGpuResponse__Output>
      ScopeUse: MessageTypeDefinition<_sluice_v1_ScopeUse, _sluice_v1_ScopeUse__Output>
      ShapeGuarantee: MessageTypeDefinition<_sluice_v1_ShapeGuarantee, _sluice_v1_ShapeGuarantee__Output>
      ShapeStanding: MessageTypeDefinition<_sluice_v1_ShapeStanding, _sluice_v1_ShapeStanding__Output>
      TopologyLevel: EnumTypeDefinition
      UncordonNodeRequest: MessageTypeDefinition<_sluice_v1_UncordonNodeRequest, _sluice_v1_UncordonNodeRequest__Output>
      UncordonNodeResponse: MessageTypeDefinition<_sluice_v1_UncordonNodeResponse, _sluice_v1_UncordonNodeResponse__Output>
      UpdateQueueRequest: MessageTypeDefinition<_sluice_v1_UpdateQueueRequest, _sluice_v1_UpdateQueueRequest__Output>
      UpdateQueueResponse: MessageTypeDefinition<_sluice_v1_UpdateQueueResponse, _sluice_v1_UpdateQueueResponse__Output>
      WatchNodesRequest: MessageTypeDefinition<_sluice_v1_WatchNodesRequest, _sluice_v1_WatchNodesRequest__Output>
      WatchNodesResponse: MessageTypeDefinition<_sluice_v1_WatchNodesResponse, _sluice_v1_WatchNodesResponse__Output>
    }
  }
}


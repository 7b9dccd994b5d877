// Original file: sluice/v1/node.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { CancelMaintenanceRequest as _sluice_v1_CancelMaintenanceRequest, CancelMaintenanceRequest__Output as _sluice_v1_CancelMaintenanceRequest__Output } from '../../sluice/v1/CancelMaintenanceRequest.js';
import type { CancelMaintenanceResponse as _sluice_v1_CancelMaintenanceResponse, CancelMaintenanceResponse__Output as _sluice_v1_CancelMaintenanceResponse__Output } from '../../sluice/v1/CancelMaintenanceResponse.js';
import type { CordonNodeRequest as _sluice_v1_CordonNodeRequest, CordonNodeRequest__Output as _sluice_v1_CordonNodeRequest__Output } from '../../sluice/v1/CordonNodeRequest.js';
import type { CordonNodeResponse as _sluice_v1_CordonNodeResponse, CordonNodeResponse__Output as _sluice_v1_CordonNodeResponse__Output } from '../../sluice/v1/CordonNodeResponse.js';
import type { CreateMaintenanceRequest as _sluice_v1_CreateMaintenanceRequest, CreateMaintenanceRequest__Output as _sluice_v1_CreateMaintenanceRequest__Output } from '../../sluice/v1/CreateMaintenanceRequest.js';
import type { CreateMaintenanceResponse as _sluice_v1_CreateMaintenanceResponse, CreateMaintenanceResponse__Output as _sluice_v1_CreateMaintenanceResponse__Output } from '../../sluice/v1/CreateMaintenanceResponse.js';
import type { FenceNodeRequest as _sluice_v1_FenceNodeRequest, FenceNodeRequest__Output as _sluice_v1_FenceNodeRequest__Output } from '../../sluice/v1/FenceNodeRequest.js';
import type { FenceNodeResponse as _sluice_v1_FenceNodeResponse, FenceNodeResponse__Output as _sluice_v1_FenceNodeResponse__Output } from '../../sluice/v1/FenceNodeResponse.js';
import type { GetNodeRequest as _sluice_v1_GetNodeRequest, GetNodeRequest__Output as _sluice_v1_GetNodeRequest__Output } from '../../sluice/v1/GetNodeRequest.js';
import type { GetNodeResponse as _sluice_v1_GetNodeResponse, GetNodeResponse__Output as _sluice_v1_GetNodeResponse__Output } from '../../sluice/v1/GetNodeResponse.js';
import type { ListMaintenancesRequest as _sluice_v1_ListMaintenancesRequest, ListMaintenancesRequest__Output as _sluice_v1_ListMaintenancesRequest__Output } from '../../sluice/v1/ListMaintenancesRequest.js';
import type { ListMaintenancesResponse as _sluice_v1_ListMaintenancesResponse, ListMaintenancesResponse__Output as _sluice_v1_ListMaintenancesResponse__Output } from '../../sluice/v1/ListMaintenancesResponse.js';
import type { ListNodesRequest as _sluice_v1_ListNodesRequest, ListNodesRequest__Output as _sluice_v1_ListNodesRequest__Output } from '../../sluice/v1/ListNodesRequest.js';
import type { ListNodesResponse as _sluice_v1_ListNodesResponse, ListNodesResponse__Output as _sluice_v1_ListNodesResponse__Output } from '../../sluice/v1/ListNodesResponse.js';
import type { QuarantineGpuRequest as _sluice_v1_QuarantineGpuRequest, QuarantineGpuRequest__Output as _sluice_v1_QuarantineGpuRequest__Output } from '../../sluice/v1/QuarantineGpuRequest.js';
import type { QuarantineGpuResponse as _sluice_v1_QuarantineGpuResponse, QuarantineGpuResponse__Output as _sluice_v1_QuarantineGpuResponse__Output } from '../../sluice/v1/QuarantineGpuResponse.js';
import type { ReleaseGpuRequest as _sluice_v1_ReleaseGpuRequest, ReleaseGpuRequest__Output as _sluice_v1_ReleaseGpuRequest__Output } from '../../sluice/v1/ReleaseGpuRequest.js';
import type { ReleaseGpuResponse as _sluice_v1_ReleaseGpuResponse, ReleaseGpuResponse__Output as _sluice_v1_ReleaseGpuResponse__Output } from '../../sluice/v1/ReleaseGpuResponse.js';
import type { RemoveGpuRequest as _sluice_v1_RemoveGpuRequest, RemoveGpuRequest__Output as _sluice_v1_RemoveGpuRequest__Output } from '../../sluice/v1/RemoveGpuRequest.js';
import type { RemoveGpuResponse as _sluice_v1_RemoveGpuResponse, RemoveGpuResponse__Output as _sluice_v1_RemoveGpuResponse__Output } from '../../sluice/v1/RemoveGpuResponse.js';
import type { RemoveNodeRequest as _sluice_v1_RemoveNodeRequest, RemoveNodeRequest__Output as _sluice_v1_RemoveNodeRequest__Output } from '../../sluice/v1/RemoveNodeRequest.js';
import type { RemoveNodeResponse as _sluice_v1_RemoveNodeResponse, RemoveNodeResponse__Output as _sluice_v1_RemoveNodeResponse__Output } from '../../sluice/v1/RemoveNodeResponse.js';
import type { ResetGpuRequest as _sluice_v1_ResetGpuRequest, ResetGpuRequest__Output as _sluice_v1_ResetGpuRequest__Output } from '../../sluice/v1/ResetGpuRequest.js';
import type { ResetGpuResponse as _sluice_v1_ResetGpuResponse, ResetGpuResponse__Output as _sluice_v1_ResetGpuResponse__Output } from '../../sluice/v1/ResetGpuResponse.js';
import type { UncordonNodeRequest as _sluice_v1_UncordonNodeRequest, UncordonNodeRequest__Output as _sluice_v1_UncordonNodeRequest__Output } from '../../sluice/v1/UncordonNodeRequest.js';
import type { UncordonNodeResponse as _sluice_v1_UncordonNodeResponse, UncordonNodeResponse__Output as _sluice_v1_UncordonNodeResponse__Output } from '../../sluice/v1/UncordonNodeResponse.js';
import type { WatchNodesRequest as _sluice_v1_WatchNodesRequest, WatchNodesRequest__Output as _sluice_v1_WatchNodesRequest__Output } from '../../sluice/v1/WatchNodesRequest.js';
import type { WatchNodesResponse as _sluice_v1_WatchNodesResponse, WatchNodesResponse__Output as _sluice_v1_WatchNodesResponse__Output } from '../../sluice/v1/WatchNodesResponse.js';

/**
 * Lists, watches, cordons and uncordons nodes, and keeps the calendar of their maintenance.
 */
export interface NodeServiceClient extends grpc.Client {
  /**
   * Takes an announcement back, for all its nodes or for some. For administrators.
   */
  CancelMaintenance(argument: _sluice_v1_CancelMaintenanceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CancelMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  CancelMaintenance(argument: _sluice_v1_CancelMaintenanceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CancelMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  CancelMaintenance(argument: _sluice_v1_CancelMaintenanceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CancelMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  CancelMaintenance(argument: _sluice_v1_CancelMaintenanceRequest, callback: grpc.requestCallback<_sluice_v1_CancelMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Takes an announcement back, for all its nodes or for some. For administrators.
   */
  cancelMaintenance(argument: _sluice_v1_CancelMaintenanceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CancelMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  cancelMaintenance(argument: _sluice_v1_CancelMaintenanceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CancelMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  cancelMaintenance(argument: _sluice_v1_CancelMaintenanceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CancelMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  cancelMaintenance(argument: _sluice_v1_CancelMaintenanceRequest, callback: grpc.requestCallback<_sluice_v1_CancelMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Keeps new work off a node. What runs there goes on. For administrators, as its end.
   */
  CordonNode(argument: _sluice_v1_CordonNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  CordonNode(argument: _sluice_v1_CordonNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  CordonNode(argument: _sluice_v1_CordonNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  CordonNode(argument: _sluice_v1_CordonNodeRequest, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Keeps new work off a node. What runs there goes on. For administrators, as its end.
   */
  cordonNode(argument: _sluice_v1_CordonNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  cordonNode(argument: _sluice_v1_CordonNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  cordonNode(argument: _sluice_v1_CordonNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  cordonNode(argument: _sluice_v1_CordonNodeRequest, callback: grpc.requestCallback<_sluice_v1_CordonNodeResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Announces a time in which nodes are not to be used. Work that cannot end before is not started there; what still
   * runs at the start is stopped with its grace and requeued. The same announced twice is announced once.
   * For administrators.
   */
  CreateMaintenance(argument: _sluice_v1_CreateMaintenanceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CreateMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  CreateMaintenance(argument: _sluice_v1_CreateMaintenanceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CreateMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  CreateMaintenance(argument: _sluice_v1_CreateMaintenanceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CreateMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  CreateMaintenance(argument: _sluice_v1_CreateMaintenanceRequest, callback: grpc.requestCallback<_sluice_v1_CreateMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Announces a time in which nodes are not to be used. Work that cannot end before is not started there; what still
   * runs at the start is stopped with its grace and requeued. The same announced twice is announced once.
   * For administrators.
   */
  createMaintenance(argument: _sluice_v1_CreateMaintenanceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CreateMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  createMaintenance(argument: _sluice_v1_CreateMaintenanceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_CreateMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  createMaintenance(argument: _sluice_v1_CreateMaintenanceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_CreateMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  createMaintenance(argument: _sluice_v1_CreateMaintenanceRequest, callback: grpc.requestCallback<_sluice_v1_CreateMaintenanceResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Releases at once what a dead node holds, on a person's word that the machine is off or that nothing of ours runs there
   * any more. Refused while its agent is connected. For administrators.
   */
  FenceNode(argument: _sluice_v1_FenceNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_FenceNodeResponse__Output>): grpc.ClientUnaryCall;
  FenceNode(argument: _sluice_v1_FenceNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_FenceNodeResponse__Output>): grpc.ClientUnaryCall;
  FenceNode(argument: _sluice_v1_FenceNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_FenceNodeResponse__Output>): grpc.ClientUnaryCall;
  FenceNode(argument: _sluice_v1_FenceNodeRequest, callback: grpc.requestCallback<_sluice_v1_FenceNodeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Releases at once what a dead node holds, on a person's word that the machine is off or that nothing of ours runs there
   * any more. Refused while its agent is connected. For administrators.
   */
  fenceNode(argument: _sluice_v1_FenceNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_FenceNodeResponse__Output>): grpc.ClientUnaryCall;
  fenceNode(argument: _sluice_v1_FenceNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_FenceNodeResponse__Output>): grpc.ClientUnaryCall;
  fenceNode(argument: _sluice_v1_FenceNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_FenceNodeResponse__Output>): grpc.ClientUnaryCall;
  fenceNode(argument: _sluice_v1_FenceNodeRequest, callback: grpc.requestCallback<_sluice_v1_FenceNodeResponse__Output>): grpc.ClientUnaryCall;
  
  GetNode(argument: _sluice_v1_GetNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  GetNode(argument: _sluice_v1_GetNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  GetNode(argument: _sluice_v1_GetNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  GetNode(argument: _sluice_v1_GetNodeRequest, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  getNode(argument: _sluice_v1_GetNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  getNode(argument: _sluice_v1_GetNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  getNode(argument: _sluice_v1_GetNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  getNode(argument: _sluice_v1_GetNodeRequest, callback: grpc.requestCallback<_sluice_v1_GetNodeResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Lists what was announced and is not over, in the order of announcement, in pages.
   */
  ListMaintenances(argument: _sluice_v1_ListMaintenancesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListMaintenancesResponse__Output>): grpc.ClientUnaryCall;
  ListMaintenances(argument: _sluice_v1_ListMaintenancesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListMaintenancesResponse__Output>): grpc.ClientUnaryCall;
  ListMaintenances(argument: _sluice_v1_ListMaintenancesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListMaintenancesResponse__Output>): grpc.ClientUnaryCall;
  ListMaintenances(argument: _sluice_v1_ListMaintenancesRequest, callback: grpc.requestCallback<_sluice_v1_ListMaintenancesResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Lists what was announced and is not over, in the order of announcement, in pages.
   */
  listMaintenances(argument: _sluice_v1_ListMaintenancesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListMaintenancesResponse__Output>): grpc.ClientUnaryCall;
  listMaintenances(argument: _sluice_v1_ListMaintenancesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListMaintenancesResponse__Output>): grpc.ClientUnaryCall;
  listMaintenances(argument: _sluice_v1_ListMaintenancesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListMaintenancesResponse__Output>): grpc.ClientUnaryCall;
  listMaintenances(argument: _sluice_v1_ListMaintenancesRequest, callback: grpc.requestCallback<_sluice_v1_ListMaintenancesResponse__Output>): grpc.ClientUnaryCall;
  
  ListNodes(argument: _sluice_v1_ListNodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _sluice_v1_ListNodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _sluice_v1_ListNodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  ListNodes(argument: _sluice_v1_ListNodesRequest, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _sluice_v1_ListNodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _sluice_v1_ListNodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _sluice_v1_ListNodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  listNodes(argument: _sluice_v1_ListNodesRequest, callback: grpc.requestCallback<_sluice_v1_ListNodesResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Keeps new work off one GPU until it is released. What runs there goes on, unless told otherwise. For administrators.
   */
  QuarantineGpu(argument: _sluice_v1_QuarantineGpuRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_QuarantineGpuResponse__Output>): grpc.ClientUnaryCall;
  QuarantineGpu(argument: _sluice_v1_QuarantineGpuRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_QuarantineGpuResponse__Output>): grpc.ClientUnaryCall;
  QuarantineGpu(argument: _sluice_v1_QuarantineGpuRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_QuarantineGpuResponse__Output>): grpc.ClientUnaryCall;
  QuarantineGpu(argument: _sluice_v1_QuarantineGpuRequest, callback: grpc.requestCallback<_sluice_v1_QuarantineGpuResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Keeps new work off one GPU until it is released. What runs there goes on, unless told otherwise. For administrators.
   */
  quarantineGpu(argument: _sluice_v1_QuarantineGpuRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_QuarantineGpuResponse__Output>): grpc.ClientUnaryCall;
  quarantineGpu(argument: _sluice_v1_QuarantineGpuRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_QuarantineGpuResponse__Output>): grpc.ClientUnaryCall;
  quarantineGpu(argument: _sluice_v1_QuarantineGpuRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_QuarantineGpuResponse__Output>): grpc.ClientUnaryCall;
  quarantineGpu(argument: _sluice_v1_QuarantineGpuRequest, callback: grpc.requestCallback<_sluice_v1_QuarantineGpuResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Takes back all that is held against one GPU, whoever or whatever said it. What its agent reports of it still counts.
   * For administrators.
   */
  ReleaseGpu(argument: _sluice_v1_ReleaseGpuRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseGpuResponse__Output>): grpc.ClientUnaryCall;
  ReleaseGpu(argument: _sluice_v1_ReleaseGpuRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ReleaseGpuResponse__Output>): grpc.ClientUnaryCall;
  ReleaseGpu(argument: _sluice_v1_ReleaseGpuRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseGpuResponse__Output>): grpc.ClientUnaryCall;
  ReleaseGpu(argument: _sluice_v1_ReleaseGpuRequest, callback: grpc.requestCallback<_sluice_v1_ReleaseGpuResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Takes back all that is held against one GPU, whoever or whatever said it. What its agent reports of it still counts.
   * For administrators.
   */
  releaseGpu(argument: _sluice_v1_ReleaseGpuRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseGpuResponse__Output>): grpc.ClientUnaryCall;
  releaseGpu(argument: _sluice_v1_ReleaseGpuRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ReleaseGpuResponse__Output>): grpc.ClientUnaryCall;
  releaseGpu(argument: _sluice_v1_ReleaseGpuRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ReleaseGpuResponse__Output>): grpc.ClientUnaryCall;
  releaseGpu(argument: _sluice_v1_ReleaseGpuRequest, callback: grpc.requestCallback<_sluice_v1_ReleaseGpuResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Takes away the entry of a GPU that is lost. Refused while it is held. For administrators.
   */
  RemoveGpu(argument: _sluice_v1_RemoveGpuRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RemoveGpuResponse__Output>): grpc.ClientUnaryCall;
  RemoveGpu(argument: _sluice_v1_RemoveGpuRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_RemoveGpuResponse__Output>): grpc.ClientUnaryCall;
  RemoveGpu(argument: _sluice_v1_RemoveGpuRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RemoveGpuResponse__Output>): grpc.ClientUnaryCall;
  RemoveGpu(argument: _sluice_v1_RemoveGpuRequest, callback: grpc.requestCallback<_sluice_v1_RemoveGpuResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Takes away the entry of a GPU that is lost. Refused while it is held. For administrators.
   */
  removeGpu(argument: _sluice_v1_RemoveGpuRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RemoveGpuResponse__Output>): grpc.ClientUnaryCall;
  removeGpu(argument: _sluice_v1_RemoveGpuRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_RemoveGpuResponse__Output>): grpc.ClientUnaryCall;
  removeGpu(argument: _sluice_v1_RemoveGpuRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RemoveGpuResponse__Output>): grpc.ClientUnaryCall;
  removeGpu(argument: _sluice_v1_RemoveGpuRequest, callback: grpc.requestCallback<_sluice_v1_RemoveGpuResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Forgets a node. Refused while its agent is connected or anything of it is held. For administrators.
   */
  RemoveNode(argument: _sluice_v1_RemoveNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  RemoveNode(argument: _sluice_v1_RemoveNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  RemoveNode(argument: _sluice_v1_RemoveNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  RemoveNode(argument: _sluice_v1_RemoveNodeRequest, callback: grpc.requestCallback<_sluice_v1_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Forgets a node. Refused while its agent is connected or anything of it is held. For administrators.
   */
  removeNode(argument: _sluice_v1_RemoveNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  removeNode(argument: _sluice_v1_RemoveNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  removeNode(argument: _sluice_v1_RemoveNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  removeNode(argument: _sluice_v1_RemoveNodeRequest, callback: grpc.requestCallback<_sluice_v1_RemoveNodeResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Has a GPU, and those that share NVLink with it, reset once nothing runs there; new work is kept off until then. For administrators, where the
   * configuration allows it.
   */
  ResetGpu(argument: _sluice_v1_ResetGpuRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ResetGpuResponse__Output>): grpc.ClientUnaryCall;
  ResetGpu(argument: _sluice_v1_ResetGpuRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ResetGpuResponse__Output>): grpc.ClientUnaryCall;
  ResetGpu(argument: _sluice_v1_ResetGpuRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ResetGpuResponse__Output>): grpc.ClientUnaryCall;
  ResetGpu(argument: _sluice_v1_ResetGpuRequest, callback: grpc.requestCallback<_sluice_v1_ResetGpuResponse__Output>): grpc.ClientUnaryCall;
  /**
   * Has a GPU, and those that share NVLink with it, reset once nothing runs there; new work is kept off until then. For administrators, where the
   * configuration allows it.
   */
  resetGpu(argument: _sluice_v1_ResetGpuRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ResetGpuResponse__Output>): grpc.ClientUnaryCall;
  resetGpu(argument: _sluice_v1_ResetGpuRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_ResetGpuResponse__Output>): grpc.ClientUnaryCall;
  resetGpu(argument: _sluice_v1_ResetGpuRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_ResetGpuResponse__Output>): grpc.ClientUnaryCall;
  resetGpu(argument: _sluice_v1_ResetGpuRequest, callback: grpc.requestCallback<_sluice_v1_ResetGpuResponse__Output>): grpc.ClientUnaryCall;
  
  UncordonNode(argument: _sluice_v1_UncordonNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  UncordonNode(argument: _sluice_v1_UncordonNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  UncordonNode(argument: _sluice_v1_UncordonNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  UncordonNode(argument: _sluice_v1_UncordonNodeRequest, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  uncordonNode(argument: _sluice_v1_UncordonNodeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  uncordonNode(argument: _sluice_v1_UncordonNodeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  uncordonNode(argument: _sluice_v1_UncordonNodeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  uncordonNode(argument: _sluice_v1_UncordonNodeRequest, callback: grpc.requestCallback<_sluice_v1_UncordonNodeResponse__Output>): grpc.ClientUnaryCall;
  
  /**
   * Streams changes of nodes. Starts with the present state.
   */
  WatchNodes(argument: _sluice_v1_WatchNodesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchNodesResponse__Output>;
  WatchNodes(argument: _sluice_v1_WatchNodesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchNodesResponse__Output>;
  /**
   * Streams changes of nodes. Starts with the present state.
   */
  watchNodes(argument: _sluice_v1_WatchNodesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchNodesResponse__Output>;
  watchNodes(argument: _sluice_v1_WatchNodesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_sluice_v1_WatchNodesResponse__Output>;
  
}

/**
 * Lists, watches, cordons and uncordons nodes, and keeps the calendar of their maintenance.
 */
export interface NodeServiceHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Takes an announcement back, for all its nodes or for some. For administrators.
   */
  CancelMaintenance: grpc.handleUnaryCall<_sluice_v1_CancelMaintenanceRequest__Output, _sluice_v1_CancelMaintenanceResponse>;
  
  /**
   * Keeps new work off a node. What runs there goes on. For administrators, as its end.
   */
  CordonNode: grpc.handleUnaryCall<_sluice_v1_CordonNodeRequest__Output, _sluice_v1_CordonNodeResponse>;
  
  /**
   * Announces a time in which nodes are not to be used. Work that cannot end before is not started there; what still
   * runs at the start is stopped with its grace and requeued. The same announced twice is announced once.
   * For administrators.
   */
  CreateMaintenance: grpc.handleUnaryCall<_sluice_v1_CreateMaintenanceRequest__Output, _sluice_v1_CreateMaintenanceResponse>;
  
  /**
   * Releases at once what a dead node holds, on a person's word that the machine is off or that nothing of ours runs there
   * any more. Refused while its agent is connected. For administrators.
   */
  FenceNode: grpc.handleUnaryCall<_sluice_v1_FenceNodeRequest__Output, _sluice_v1_FenceNodeResponse>;
  
  GetNode: grpc.handleUnaryCall<_sluice_v1_GetNodeRequest__Output, _sluice_v1_GetNodeResponse>;
  
  /**
   * Lists what was announced and is not over, in the order of announcement, in pages.
   */
  ListMaintenances: grpc.handleUnaryCall<_sluice_v1_ListMaintenancesRequest__Output, _sluice_v1_ListMaintenancesResponse>;
  
  ListNodes: grpc.handleUnaryCall<_sluice_v1_ListNodesRequest__Output, _sluice_v1_ListNodesResponse>;
  
  /**
   * Keeps new work off one GPU until it is released. What runs there goes on, unless told otherwise. For administrators.
   */
  QuarantineGpu: grpc.handleUnaryCall<_sluice_v1_QuarantineGpuRequest__Output, _sluice_v1_QuarantineGpuResponse>;
  
  /**
   * Takes back all that is held against one GPU, whoever or whatever said it. What its agent reports of it still counts.
   * For administrators.
   */
  ReleaseGpu: grpc.handleUnaryCall<_sluice_v1_ReleaseGpuRequest__Output, _sluice_v1_ReleaseGpuResponse>;
  
  /**
   * Takes away the entry of a GPU that is lost. Refused while it is held. For administrators.
   */
  RemoveGpu: grpc.handleUnaryCall<_sluice_v1_RemoveGpuRequest__Output, _sluice_v1_RemoveGpuResponse>;
  
  /**
   * Forgets a node. Refused while its agent is connected or anything of it is held. For administrators.
   */
  RemoveNode: grpc.handleUnaryCall<_sluice_v1_RemoveNodeRequest__Output, _sluice_v1_RemoveNodeResponse>;
  
  /**
   * Has a GPU, and those that share NVLink with it, reset once nothing runs there; new work is kept off until then. For administrators, where the
   * configuration allows it.
   */
  ResetGpu: grpc.handleUnaryCall<_sluice_v1_ResetGpuRequest__Output, _sluice_v1_ResetGpuResponse>;
  
  UncordonNode: grpc.handleUnaryCall<_sluice_v1_UncordonNodeRequest__Output, _sluice_v1_UncordonNodeResponse>;
  
  /**
   * Streams changes of nodes. Starts with the present state.
   */
  WatchNodes: grpc.handleServerStreamingCall<_sluice_v1_WatchNodesRequest__Output, _sluice_v1_WatchNodesResponse>;
  
}

export interface NodeServiceDefinition extends grpc.ServiceDefinition {
  CancelMaintenance: MethodDefinition<_sluice_v1_CancelMaintenanceRequest, _sluice_v1_CancelMaintenanceResponse, _sluice_v1_CancelMaintenanceRequest__Output, _sluice_v1_CancelMaintenanceResponse__Output>
  CordonNode: MethodDefinition<_sluice_v1_CordonNodeRequest, _sluice_v1_CordonNodeResponse, _sluice_v1_CordonNodeRequest__Output, _sluice_v1_CordonNodeResponse__Output>
  CreateMaintenance: MethodDefinition<_sluice_v1_CreateMaintenanceRequest, _sluice_v1_CreateMaintenanceResponse, _sluice_v1_CreateMaintenanceRequest__Output, _sluice_v1_CreateMaintenanceResponse__Output>
  FenceNode: MethodDefinition<_sluice_v1_FenceNodeRequest, _sluice_v1_FenceNodeResponse, _sluice_v1_FenceNodeRequest__Output, _sluice_v1_FenceNodeResponse__Output>
  GetNode: MethodDefinition<_sluice_v1_GetNodeRequest, _sluice_v1_GetNodeResponse, _sluice_v1_GetNodeRequest__Output, _sluice_v1_GetNodeResponse__Output>
  ListMaintenances: MethodDefinition<_sluice_v1_ListMaintenancesRequest, _sluice_v1_ListMaintenancesResponse, _sluice_v1_ListMaintenancesRequest__Output, _sluice_v1_ListMaintenancesResponse__Output>
  ListNodes: MethodDefinition<_sluice_v1_ListNodesRequest, _sluice_v1_ListNodesResponse, _sluice_v1_ListNodesRequest__Output, _sluice_v1_ListNodesResponse__Output>
  QuarantineGpu: MethodDefinition<_sluice_v1_QuarantineGpuRequest, _sluice_v1_QuarantineGpuResponse, _sluice_v1_QuarantineGpuRequest__Output, _sluice_v1_QuarantineGpuResponse__Output>
  ReleaseGpu: MethodDefinition<_sluice_v1_ReleaseGpuRequest, _sluice_v1_ReleaseGpuResponse, _sluice_v1_ReleaseGpuRequest__Output, _sluice_v1_ReleaseGpuResponse__Output>
  RemoveGpu: MethodDefinition<_sluice_v1_RemoveGpuRequest, _sluice_v1_RemoveGpuResponse, _sluice_v1_RemoveGpuRequest__Output, _sluice_v1_RemoveGpuResponse__Output>
  RemoveNode: MethodDefinition<_sluice_v1_RemoveNodeRequest, _sluice_v1_RemoveNodeResponse, _sluice_v1_RemoveNodeRequest__Output, _sluice_v1_RemoveNodeResponse__Output>
  ResetGpu: MethodDefinition<_sluice_v1_ResetGpuRequest, _sluice_v1_ResetGpuResponse, _sluice_v1_ResetGpuRequest__Output, _sluice_v1_ResetGpuResponse__Output>
  UncordonNode: MethodDefinition<_sluice_v1_UncordonNodeRequest, _sluice_v1_UncordonNodeResponse, _sluice_v1_UncordonNodeRequest__Output, _sluice_v1_UncordonNodeResponse__Output>
  WatchNodes: MethodDefinition<_sluice_v1_WatchNodesRequest, _sluice_v1_WatchNodesResponse, _sluice_v1_WatchNodesRequest__Output, _sluice_v1_WatchNodesResponse__Output>
}

// Original file: sluice/v1/node.proto

import type { NodeState as _sluice_v1_NodeState, NodeState__Output as _sluice_v1_NodeState__Output } from '../../sluice/v1/NodeState.js';
import type { NodeInventory as _sluice_v1_NodeInventory, NodeInventory__Output as _sluice_v1_NodeInventory__Output } from '../../sluice/v1/NodeInventory.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Maintenance as _sluice_v1_Maintenance, Maintenance__Output as _sluice_v1_Maintenance__Output } from '../../sluice/v1/Maintenance.js';
import type { Long } from '@grpc/proto-loader';

export interface Node {
  /**
   * Stays the same over restarts of the agent and of the machine.
   */
  'id'?: (string);
  'name'?: (string);
  'pool'?: (string);
  'labels'?: ({[key: string]: string});
  'state'?: (_sluice_v1_NodeState);
  'cordoned'?: (boolean);
  'cordonReason'?: (string);
  'inventory'?: (_sluice_v1_NodeInventory | null);
  'bootId'?: (string);
  'agentVersion'?: (string);
  'registerTime'?: (_google_protobuf_Timestamp | null);
  'lastHeartbeatTime'?: (_google_protobuf_Timestamp | null);
  /**
   * GPUs of which at least a part is held.
   */
  'allocatedGpus'?: (number);
  'workloads'?: (number | string | Long)[];
  /**
   * What was announced for it and is not over.
   */
  'maintenances'?: (_sluice_v1_Maintenance)[];
}

export interface Node__Output {
  /**
   * Stays the same over restarts of the agent and of the machine.
   */
  'id': (string);
  'name': (string);
  'pool': (string);
  'labels': ({[key: string]: string});
  'state': (_sluice_v1_NodeState__Output);
  'cordoned': (boolean);
  'cordonReason': (string);
  'inventory': (_sluice_v1_NodeInventory__Output | null);
  'bootId': (string);
  'agentVersion': (string);
  'registerTime': (_google_protobuf_Timestamp__Output | null);
  'lastHeartbeatTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * GPUs of which at least a part is held.
   */
  'allocatedGpus': (number);
  'workloads': (number)[];
  /**
   * What was announced for it and is not over.
   */
  'maintenances': (_sluice_v1_Maintenance__Output)[];
}

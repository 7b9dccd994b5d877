// Original file: sluice/v1/node.proto

import type { NodeState as _sluice_v1_NodeState, NodeState__Output as _sluice_v1_NodeState__Output } from '../../sluice/v1/NodeState.js';
import type { NodeInventory as _sluice_v1_NodeInventory, NodeInventory__Output as _sluice_v1_NodeInventory__Output } from '../../sluice/v1/NodeInventory.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Maintenance as _sluice_v1_Maintenance, Maintenance__Output as _sluice_v1_Maintenance__Output } from '../../sluice/v1/Maintenance.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
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
  /**
   * How far its clock is ahead of the scheduler's; negative = behind. Unset = not known.
   */
  'clockAhead'?: (_google_protobuf_Duration | null);
  /**
   * In words, what of its clock and its agent's version is too far from the scheduler's, and what to do. Empty = nothing.
   */
  'skews'?: (string)[];
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
  /**
   * How far its clock is ahead of the scheduler's; negative = behind. Unset = not known.
   */
  'clockAhead': (_google_protobuf_Duration__Output | null);
  /**
   * In words, what of its clock and its agent's version is too far from the scheduler's, and what to do. Empty = nothing.
   */
  'skews': (string)[];
}

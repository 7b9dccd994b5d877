// Original file: sluice/v1/agent.proto

import type { NodeInventory as _sluice_v1_NodeInventory, NodeInventory__Output as _sluice_v1_NodeInventory__Output } from '../../sluice/v1/NodeInventory.js';
import type { ObservedAllocation as _sluice_v1_ObservedAllocation, ObservedAllocation__Output as _sluice_v1_ObservedAllocation__Output } from '../../sluice/v1/ObservedAllocation.js';
import type { HealthEvent as _sluice_v1_HealthEvent, HealthEvent__Output as _sluice_v1_HealthEvent__Output } from '../../sluice/v1/HealthEvent.js';
import type { Long } from '@grpc/proto-loader';

export interface AgentHello {
  'nodeId'?: (string);
  'name'?: (string);
  'pool'?: (string);
  'labels'?: ({[key: string]: string});
  'bootId'?: (string);
  'agentVersion'?: (string);
  'inventory'?: (_sluice_v1_NodeInventory | null);
  /**
   * Everything the agent knows of, ended allocations included.
   */
  'allocations'?: (_sluice_v1_ObservedAllocation)[];
  /**
   * What the agent last obeyed. Empty and 0 on its first start. The revision is the highest it was told of, obeyed or not.
   */
  'clusterId'?: (string);
  'lineage'?: (string);
  'maxEpoch'?: (number | string | Long);
  'maxRevision'?: (number | string | Long);
  /**
   * Who led in max_epoch.
   */
  'leaderId'?: (string);
  /**
   * The highest epoch that two leaders claimed; nothing of it or of an earlier one is obeyed any more. 0 = none.
   */
  'collidedEpoch'?: (number | string | Long);
  /**
   * Histories that this node left for later ones, the latest last. None of them is obeyed again.
   */
  'pastLineages'?: (string)[];
  /**
   * The highest generation accepted here, by the UUID of the GPU and by that of the MIG instance.
   */
  'generations'?: ({[key: string]: number | string | Long});
  /**
   * When this stream was opened, in ms since the machine booted: what an earlier stream said is refused when it arrives after a
   * later one, since it would pass for the present. 0 = not told.
   */
  'openedMs'?: (number | string | Long);
  /**
   * Health events that no scheduler has acknowledged. They count before the allocations of this hello: an end that a broken
   * GPU caused is then no fault of the program.
   */
  'healthEvents'?: (_sluice_v1_HealthEvent)[];
  /**
   * Where tasks on other nodes reach this one, as its administrator says. Empty = the scheduler finds out by itself.
   */
  'advertiseAddress'?: (string);
  /**
   * An address of this machine that is not loopback, for a scheduler that sees its agent over loopback only. Empty = none.
   */
  'ownAddress'?: (string);
}

export interface AgentHello__Output {
  'nodeId': (string);
  'name': (string);
  'pool': (string);
  'labels': ({[key: string]: string});
  'bootId': (string);
  'agentVersion': (string);
  'inventory': (_sluice_v1_NodeInventory__Output | null);
  /**
   * Everything the agent knows of, ended allocations included.
   */
  'allocations': (_sluice_v1_ObservedAllocation__Output)[];
  /**
   * What the agent last obeyed. Empty and 0 on its first start. The revision is the highest it was told of, obeyed or not.
   */
  'clusterId': (string);
  'lineage': (string);
  'maxEpoch': (number);
  'maxRevision': (number);
  /**
   * Who led in max_epoch.
   */
  'leaderId': (string);
  /**
   * The highest epoch that two leaders claimed; nothing of it or of an earlier one is obeyed any more. 0 = none.
   */
  'collidedEpoch': (number);
  /**
   * Histories that this node left for later ones, the latest last. None of them is obeyed again.
   */
  'pastLineages': (string)[];
  /**
   * The highest generation accepted here, by the UUID of the GPU and by that of the MIG instance.
   */
  'generations': ({[key: string]: number});
  /**
   * When this stream was opened, in ms since the machine booted: what an earlier stream said is refused when it arrives after a
   * later one, since it would pass for the present. 0 = not told.
   */
  'openedMs': (number);
  /**
   * Health events that no scheduler has acknowledged. They count before the allocations of this hello: an end that a broken
   * GPU caused is then no fault of the program.
   */
  'healthEvents': (_sluice_v1_HealthEvent__Output)[];
  /**
   * Where tasks on other nodes reach this one, as its administrator says. Empty = the scheduler finds out by itself.
   */
  'advertiseAddress': (string);
  /**
   * An address of this machine that is not loopback, for a scheduler that sees its agent over loopback only. Empty = none.
   */
  'ownAddress': (string);
}

// Original file: sluice/v1/agent.proto

import type { NodeInventory as _sluice_v1_NodeInventory, NodeInventory__Output as _sluice_v1_NodeInventory__Output } from '../../sluice/v1/NodeInventory.js';

export interface InventoryReport {
  'inventory'?: (_sluice_v1_NodeInventory | null);
}

export interface InventoryReport__Output {
  'inventory': (_sluice_v1_NodeInventory__Output | null);
}

// Original file: sluice/v1/node.proto

import type { Node as _sluice_v1_Node, Node__Output as _sluice_v1_Node__Output } from '../../sluice/v1/Node.js';

export interface FenceNodeResponse {
  'node'?: (_sluice_v1_Node | null);
  /**
   * Allocations that were given up.
   */
  'allocations'?: (string)[];
}

export interface FenceNodeResponse__Output {
  'node': (_sluice_v1_Node__Output | null);
  /**
   * Allocations that were given up.
   */
  'allocations': (string)[];
}

// Original file: sluice/v1/node.proto

import type { Node as _sluice_v1_Node, Node__Output as _sluice_v1_Node__Output } from '../../sluice/v1/Node.js';

export interface RemoveGpuResponse {
  'node'?: (_sluice_v1_Node | null);
}

export interface RemoveGpuResponse__Output {
  'node': (_sluice_v1_Node__Output | null);
}

// Original file: sluice/v1/node.proto

import type { Node as _sluice_v1_Node, Node__Output as _sluice_v1_Node__Output } from '../../sluice/v1/Node.js';

export interface ReleaseGpuResponse {
  'node'?: (_sluice_v1_Node | null);
  'uuid'?: (string);
}

export interface ReleaseGpuResponse__Output {
  'node': (_sluice_v1_Node__Output | null);
  'uuid': (string);
}

// Original file: sluice/v1/node.proto

import type { Node as _sluice_v1_Node, Node__Output as _sluice_v1_Node__Output } from '../../sluice/v1/Node.js';

export interface ListNodesResponse {
  'nodes'?: (_sluice_v1_Node)[];
  'nextPageToken'?: (string);
}

export interface ListNodesResponse__Output {
  'nodes': (_sluice_v1_Node__Output)[];
  'nextPageToken': (string);
}

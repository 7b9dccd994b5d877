// Original file: sluice/v1/node.proto

import type { Node as _sluice_v1_Node, Node__Output as _sluice_v1_Node__Output } from '../../sluice/v1/Node.js';
import type { Long } from '@grpc/proto-loader';

export interface WatchNodesResponse {
  'revision'?: (number | string | Long);
  'node'?: (_sluice_v1_Node | null);
  'caughtUp'?: (boolean);
}

export interface WatchNodesResponse__Output {
  'revision': (number);
  'node': (_sluice_v1_Node__Output | null);
  'caughtUp': (boolean);
}

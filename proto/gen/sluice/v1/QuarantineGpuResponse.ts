// Original file: sluice/v1/node.proto

import type { Node as _sluice_v1_Node, Node__Output as _sluice_v1_Node__Output } from '../../sluice/v1/Node.js';
import type { Long } from '@grpc/proto-loader';

export interface QuarantineGpuResponse {
  'node'?: (_sluice_v1_Node | null);
  'uuid'?: (string);
  /**
   * Workloads that were told to stop.
   */
  'workloads'?: (number | string | Long)[];
}

export interface QuarantineGpuResponse__Output {
  'node': (_sluice_v1_Node__Output | null);
  'uuid': (string);
  /**
   * Workloads that were told to stop.
   */
  'workloads': (number)[];
}

// Original file: sluice/v1/node.proto

import type { Node as _sluice_v1_Node, Node__Output as _sluice_v1_Node__Output } from '../../sluice/v1/Node.js';
import type { Long } from '@grpc/proto-loader';

export interface ResetGpuResponse {
  'node'?: (_sluice_v1_Node | null);
  /**
   * The GPU that was named, then those that are reset with it.
   */
  'uuids'?: (string)[];
  /**
   * Workloads that were told to stop.
   */
  'workloads'?: (number | string | Long)[];
}

export interface ResetGpuResponse__Output {
  'node': (_sluice_v1_Node__Output | null);
  /**
   * The GPU that was named, then those that are reset with it.
   */
  'uuids': (string)[];
  /**
   * Workloads that were told to stop.
   */
  'workloads': (number)[];
}

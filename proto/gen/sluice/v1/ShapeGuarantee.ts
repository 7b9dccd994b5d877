// Original file: sluice/v1/queue.proto

import type { TopologyLevel as _sluice_v1_TopologyLevel, TopologyLevel__Output as _sluice_v1_TopologyLevel__Output } from '../../sluice/v1/TopologyLevel.js';

/**
 * Guaranteed GPUs that the queue gets back together: `count` times `gpus` of one kind in one domain.
 */
export interface ShapeGuarantee {
  'count'?: (number);
  'gpus'?: (number);
  /**
   * Empty = any.
   */
  'pool'?: (string);
  /**
   * Words that must all appear in the GPU's model. Empty = any.
   */
  'gpuModel'?: (string);
  /**
   * Default: one node.
   */
  'level'?: (_sluice_v1_TopologyLevel);
}

/**
 * Guaranteed GPUs that the queue gets back together: `count` times `gpus` of one kind in one domain.
 */
export interface ShapeGuarantee__Output {
  'count': (number);
  'gpus': (number);
  /**
   * Empty = any.
   */
  'pool': (string);
  /**
   * Words that must all appear in the GPU's model. Empty = any.
   */
  'gpuModel': (string);
  /**
   * Default: one node.
   */
  'level': (_sluice_v1_TopologyLevel__Output);
}

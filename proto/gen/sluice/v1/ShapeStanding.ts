// Original file: sluice/v1/queue.proto

import type { ShapeGuarantee as _sluice_v1_ShapeGuarantee, ShapeGuarantee__Output as _sluice_v1_ShapeGuarantee__Output } from '../../sluice/v1/ShapeGuarantee.js';

/**
 * How a guaranteed shape stands.
 */
export interface ShapeStanding {
  'shape'?: (_sluice_v1_ShapeGuarantee | null);
  /**
   * In use by work of the queue, or of queues below it.
   */
  'inUse'?: (number);
  /**
   * What cannot be had now, because hardware is bad or was never there.
   */
  'impossible'?: (number);
}

/**
 * How a guaranteed shape stands.
 */
export interface ShapeStanding__Output {
  'shape': (_sluice_v1_ShapeGuarantee__Output | null);
  /**
   * In use by work of the queue, or of queues below it.
   */
  'inUse': (number);
  /**
   * What cannot be had now, because hardware is bad or was never there.
   */
  'impossible': (number);
}

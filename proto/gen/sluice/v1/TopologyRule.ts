// Original file: sluice/v1/workload.proto

import type { TopologyLevel as _sluice_v1_TopologyLevel, TopologyLevel__Output as _sluice_v1_TopologyLevel__Output } from '../../sluice/v1/TopologyLevel.js';

/**
 * Tasks that belong together.
 */
export interface TopologyRule {
  'level'?: (_sluice_v1_TopologyLevel);
  /**
   * True = they start there together or not at all. False = a wish.
   */
  'required'?: (boolean);
}

/**
 * Tasks that belong together.
 */
export interface TopologyRule__Output {
  'level': (_sluice_v1_TopologyLevel__Output);
  /**
   * True = they start there together or not at all. False = a wish.
   */
  'required': (boolean);
}

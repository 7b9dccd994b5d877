// Original file: sluice/v1/agent.proto

import type { HealthEvent as _sluice_v1_HealthEvent, HealthEvent__Output as _sluice_v1_HealthEvent__Output } from '../../sluice/v1/HealthEvent.js';

/**
 * What an agent saw happen to its GPUs, or to its hooks. Sent before the end of a task that it explains.
 */
export interface HealthReport {
  /**
   * In the order of their numbers. The agent keeps them, over its restarts too, until they are acknowledged.
   */
  'events'?: (_sluice_v1_HealthEvent)[];
}

/**
 * What an agent saw happen to its GPUs, or to its hooks. Sent before the end of a task that it explains.
 */
export interface HealthReport__Output {
  /**
   * In the order of their numbers. The agent keeps them, over its restarts too, until they are acknowledged.
   */
  'events': (_sluice_v1_HealthEvent__Output)[];
}

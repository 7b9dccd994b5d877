// Original file: sluice/v1/agent.proto

import type { ExecStart as _sluice_v1_ExecStart, ExecStart__Output as _sluice_v1_ExecStart__Output } from '../../sluice/v1/ExecStart.js';

/**
 * Somebody wants to run something inside a task: the agent is to open a Relay with this id.
 */
export interface ExecOpen {
  /**
   * Known to the scheduler and this agent alone.
   */
  'id'?: (string);
  'allocation'?: (string);
  'start'?: (_sluice_v1_ExecStart | null);
}

/**
 * Somebody wants to run something inside a task: the agent is to open a Relay with this id.
 */
export interface ExecOpen__Output {
  /**
   * Known to the scheduler and this agent alone.
   */
  'id': (string);
  'allocation': (string);
  'start': (_sluice_v1_ExecStart__Output | null);
}

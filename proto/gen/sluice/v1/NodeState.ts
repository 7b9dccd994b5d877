// Original file: sluice/v1/node.proto

export const NodeState = {
  NODE_STATE_UNSPECIFIED: 'NODE_STATE_UNSPECIFIED',
  NODE_STATE_READY: 'NODE_STATE_READY',
  /**
   * Known from the store; its agent has not come back since the daemon started.
   */
  NODE_STATE_UNKNOWN: 'NODE_STATE_UNKNOWN',
  /**
   * Its lease ran out: nothing new is placed on it, what it ran is unreachable.
   */
  NODE_STATE_DOWN: 'NODE_STATE_DOWN',
} as const;

export type NodeState =
  | 'NODE_STATE_UNSPECIFIED'
  | 0
  | 'NODE_STATE_READY'
  | 1
  /**
   * Known from the store; its agent has not come back since the daemon started.
   */
  | 'NODE_STATE_UNKNOWN'
  | 2
  /**
   * Its lease ran out: nothing new is placed on it, what it ran is unreachable.
   */
  | 'NODE_STATE_DOWN'
  | 3

export type NodeState__Output = typeof NodeState[keyof typeof NodeState]

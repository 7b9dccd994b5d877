// Original file: sluice/v1/node.proto

/**
 * How close to each other GPUs lie, the closest first.
 */
export const TopologyLevel = {
  TOPOLOGY_LEVEL_UNSPECIFIED: 'TOPOLOGY_LEVEL_UNSPECIFIED',
  /**
   * GPUs of one node that reach each other over NVLink.
   */
  TOPOLOGY_LEVEL_NVLINK: 'TOPOLOGY_LEVEL_NVLINK',
  TOPOLOGY_LEVEL_NODE: 'TOPOLOGY_LEVEL_NODE',
  /**
   * Nodes with the same label `rack`.
   */
  TOPOLOGY_LEVEL_RACK: 'TOPOLOGY_LEVEL_RACK',
  /**
   * Nodes with the same label `block`.
   */
  TOPOLOGY_LEVEL_BLOCK: 'TOPOLOGY_LEVEL_BLOCK',
} as const;

/**
 * How close to each other GPUs lie, the closest first.
 */
export type TopologyLevel =
  | 'TOPOLOGY_LEVEL_UNSPECIFIED'
  | 0
  /**
   * GPUs of one node that reach each other over NVLink.
   */
  | 'TOPOLOGY_LEVEL_NVLINK'
  | 1
  | 'TOPOLOGY_LEVEL_NODE'
  | 2
  /**
   * Nodes with the same label `rack`.
   */
  | 'TOPOLOGY_LEVEL_RACK'
  | 3
  /**
   * Nodes with the same label `block`.
   */
  | 'TOPOLOGY_LEVEL_BLOCK'
  | 4

/**
 * How close to each other GPUs lie, the closest first.
 */
export type TopologyLevel__Output = typeof TopologyLevel[keyof typeof TopologyLevel]

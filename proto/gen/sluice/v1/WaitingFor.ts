// Original file: sluice/v1/cluster.proto

/**
 * What the daemon waits for.
 */
export const WaitingFor = {
  WAITING_FOR_UNSPECIFIED: 'WAITING_FOR_UNSPECIFIED',
  /**
   * The store to be opened and read.
   */
  WAITING_FOR_STORE: 'WAITING_FOR_STORE',
  /**
   * Its own server to listen.
   */
  WAITING_FOR_SERVER: 'WAITING_FOR_SERVER',
  /**
   * Nodes that were not heard of yet.
   */
  WAITING_FOR_NODES: 'WAITING_FOR_NODES',
  /**
   * The time in which no lease expires.
   */
  WAITING_FOR_LEASES: 'WAITING_FOR_LEASES',
  /**
   * Agents that may know of more than the store does.
   */
  WAITING_FOR_WITNESSES: 'WAITING_FOR_WITNESSES',
  /**
   * A person, or enough nodes: too many fell silent at once.
   */
  WAITING_FOR_BRAKE: 'WAITING_FOR_BRAKE',
  /**
   * Room on the disk that holds its data.
   */
  WAITING_FOR_DISK: 'WAITING_FOR_DISK',
  /**
   * The engine to be told of all workloads; what is submitted meanwhile is taken.
   */
  WAITING_FOR_ENGINE: 'WAITING_FOR_ENGINE',
} as const;

/**
 * What the daemon waits for.
 */
export type WaitingFor =
  | 'WAITING_FOR_UNSPECIFIED'
  | 0
  /**
   * The store to be opened and read.
   */
  | 'WAITING_FOR_STORE'
  | 1
  /**
   * Its own server to listen.
   */
  | 'WAITING_FOR_SERVER'
  | 2
  /**
   * Nodes that were not heard of yet.
   */
  | 'WAITING_FOR_NODES'
  | 3
  /**
   * The time in which no lease expires.
   */
  | 'WAITING_FOR_LEASES'
  | 4
  /**
   * Agents that may know of more than the store does.
   */
  | 'WAITING_FOR_WITNESSES'
  | 5
  /**
   * A person, or enough nodes: too many fell silent at once.
   */
  | 'WAITING_FOR_BRAKE'
  | 6
  /**
   * Room on the disk that holds its data.
   */
  | 'WAITING_FOR_DISK'
  | 7
  /**
   * The engine to be told of all workloads; what is submitted meanwhile is taken.
   */
  | 'WAITING_FOR_ENGINE'
  | 8

/**
 * What the daemon waits for.
 */
export type WaitingFor__Output = typeof WaitingFor[keyof typeof WaitingFor]

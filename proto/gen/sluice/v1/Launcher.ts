// Original file: sluice/v1/workload.proto

/**
 * Which processes a task consists of, and by which variables they find each other.
 */
export const Launcher = {
  LAUNCHER_UNSPECIFIED: 'LAUNCHER_UNSPECIFIED',
  /**
   * One process for each task, with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT: each task is a rank.
   */
  LAUNCHER_NONE: 'LAUNCHER_NONE',
  /**
   * One process for each task, which is torchrun or behaves like it: PET_*. It makes the ranks itself.
   */
  LAUNCHER_TORCHRUN: 'LAUNCHER_TORCHRUN',
  /**
   * One process for each GPU, each a rank with RANK and LOCAL_RANK.
   */
  LAUNCHER_PER_GPU: 'LAUNCHER_PER_GPU',
} as const;

/**
 * Which processes a task consists of, and by which variables they find each other.
 */
export type Launcher =
  | 'LAUNCHER_UNSPECIFIED'
  | 0
  /**
   * One process for each task, with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT: each task is a rank.
   */
  | 'LAUNCHER_NONE'
  | 1
  /**
   * One process for each task, which is torchrun or behaves like it: PET_*. It makes the ranks itself.
   */
  | 'LAUNCHER_TORCHRUN'
  | 2
  /**
   * One process for each GPU, each a rank with RANK and LOCAL_RANK.
   */
  | 'LAUNCHER_PER_GPU'
  | 3

/**
 * Which processes a task consists of, and by which variables they find each other.
 */
export type Launcher__Output = typeof Launcher[keyof typeof Launcher]

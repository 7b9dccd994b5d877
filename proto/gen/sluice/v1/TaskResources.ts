// Original file: sluice/v1/workload.proto


/**
 * What one task needs.
 */
export interface TaskResources {
  /**
   * Whole GPUs of one node. 0 = none.
   */
  'gpus'?: (number);
  /**
   * A GPU model, as `get gpus` shows it (any prefix or word of it counts). Empty = any.
   */
  'gpuModel'?: (string);
  /**
   * A pool of nodes. Empty = any.
   */
  'pool'?: (string);
}

/**
 * What one task needs.
 */
export interface TaskResources__Output {
  /**
   * Whole GPUs of one node. 0 = none.
   */
  'gpus': (number);
  /**
   * A GPU model, as `get gpus` shows it (any prefix or word of it counts). Empty = any.
   */
  'gpuModel': (string);
  /**
   * A pool of nodes. Empty = any.
   */
  'pool': (string);
}

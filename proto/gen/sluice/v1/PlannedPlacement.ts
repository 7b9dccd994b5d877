// Original file: sluice/v1/plan.proto


/**
 * The place of one task.
 */
export interface PlannedPlacement {
  'task'?: (number);
  /**
   * The node's name.
   */
  'node'?: (string);
  /**
   * GPUs of it, by index.
   */
  'gpuIndices'?: (number)[];
  /**
   * How much of each GPU; 1 = whole.
   */
  'gpuShare'?: (number | string);
  /**
   * The MIG instance of each, by UUID; empty = no MIG.
   */
  'migInstances'?: (string)[];
}

/**
 * The place of one task.
 */
export interface PlannedPlacement__Output {
  'task': (number);
  /**
   * The node's name.
   */
  'node': (string);
  /**
   * GPUs of it, by index.
   */
  'gpuIndices': (number)[];
  /**
   * How much of each GPU; 1 = whole.
   */
  'gpuShare': (number);
  /**
   * The MIG instance of each, by UUID; empty = no MIG.
   */
  'migInstances': (string)[];
}

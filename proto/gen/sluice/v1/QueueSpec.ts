// Original file: sluice/v1/queue.proto


export interface QueueSpec {
  /**
   * [a-z0-9-], at most 63 characters.
   */
  'name'?: (string);
  /**
   * Empty = top level.
   */
  'parent'?: (string);
  /**
   * GPUs the queue gets back on demand.
   */
  'guaranteeGpus'?: (number);
  /**
   * The most GPUs it may hold. Unset = no limit.
   */
  'limitGpus'?: (number);
  /**
   * Its share of what is left over. Default 1; 0 = nothing beyond the guarantee.
   */
  'weight'?: (number | string);
  /**
   * Higher is served first from what is left over. Default 100.
   */
  'priority'?: (number);
  '_limitGpus'?: "limitGpus";
  '_weight'?: "weight";
  '_priority'?: "priority";
}

export interface QueueSpec__Output {
  /**
   * [a-z0-9-], at most 63 characters.
   */
  'name': (string);
  /**
   * Empty = top level.
   */
  'parent': (string);
  /**
   * GPUs the queue gets back on demand.
   */
  'guaranteeGpus': (number);
  /**
   * The most GPUs it may hold. Unset = no limit.
   */
  'limitGpus'?: (number);
  /**
   * Its share of what is left over. Default 1; 0 = nothing beyond the guarantee.
   */
  'weight'?: (number);
  /**
   * Higher is served first from what is left over. Default 100.
   */
  'priority'?: (number);
  '_limitGpus'?: "limitGpus";
  '_weight'?: "weight";
  '_priority'?: "priority";
}

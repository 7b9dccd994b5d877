// Original file: sluice/v1/queue.proto


/**
 * A guarantee and a limit for the GPUs of one pool, of one model, or of one model in one pool, beside those for the whole.
 */
export interface QueueScope {
  /**
   * Empty = any; pool and gpu_model are not both empty.
   */
  'pool'?: (string);
  /**
   * Words that must all appear in the GPU's model. Empty = any.
   */
  'gpuModel'?: (string);
  /**
   * GPUs the queue gets back on demand there. Thousandths count.
   */
  'guaranteeGpus'?: (number | string);
  /**
   * The most GPUs it may hold there. Unset = no limit.
   */
  'limitGpus'?: (number | string);
  '_limitGpus'?: "limitGpus";
}

/**
 * A guarantee and a limit for the GPUs of one pool, of one model, or of one model in one pool, beside those for the whole.
 */
export interface QueueScope__Output {
  /**
   * Empty = any; pool and gpu_model are not both empty.
   */
  'pool': (string);
  /**
   * Words that must all appear in the GPU's model. Empty = any.
   */
  'gpuModel': (string);
  /**
   * GPUs the queue gets back on demand there. Thousandths count.
   */
  'guaranteeGpus': (number);
  /**
   * The most GPUs it may hold there. Unset = no limit.
   */
  'limitGpus'?: (number);
  '_limitGpus'?: "limitGpus";
}

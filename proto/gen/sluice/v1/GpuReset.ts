// Original file: sluice/v1/agent.proto


/**
 * GPUs of one node that are reset together.
 */
export interface GpuReset {
  /**
   * The same for as long as it is the same reset.
   */
  'id'?: (string);
  /**
   * Their UUIDs.
   */
  'gpus'?: (string)[];
}

/**
 * GPUs of one node that are reset together.
 */
export interface GpuReset__Output {
  /**
   * The same for as long as it is the same reset.
   */
  'id': (string);
  /**
   * Their UUIDs.
   */
  'gpus': (string)[];
}

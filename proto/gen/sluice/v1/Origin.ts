// Original file: sluice/v1/agent.proto


/**
 * The answer for one of them.
 */
export interface Origin {
  'allocation'?: (string);
  /**
   * As it came with the order. Empty = it is not kept here.
   */
  'origin'?: (string);
}

/**
 * The answer for one of them.
 */
export interface Origin__Output {
  'allocation': (string);
  /**
   * As it came with the order. Empty = it is not kept here.
   */
  'origin': (string);
}

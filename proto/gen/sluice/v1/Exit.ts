// Original file: sluice/v1/workload.proto


/**
 * How a process ended.
 */
export interface Exit {
  /**
   * Set when the process ended by itself.
   */
  'code'?: (number);
  /**
   * Set when a signal ended it, for example "SIGKILL".
   */
  'signal'?: (string);
  /**
   * In words.
   */
  'message'?: (string);
  '_code'?: "code";
}

/**
 * How a process ended.
 */
export interface Exit__Output {
  /**
   * Set when the process ended by itself.
   */
  'code'?: (number);
  /**
   * Set when a signal ended it, for example "SIGKILL".
   */
  'signal': (string);
  /**
   * In words.
   */
  'message': (string);
  '_code'?: "code";
}

// Original file: sluice/v1/workload.proto


/**
 * Equal workloads submitted as one. Each has a number of its own and finds its index in SLUICE_ARRAY_INDEX.
 */
export interface ArraySpec {
  /**
   * How many workloads.
   */
  'size'?: (number);
  /**
   * At most so many of them run at once. 0 = no cap.
   */
  'concurrency'?: (number);
  /**
   * The index of the first one; the others count on from it.
   */
  'firstIndex'?: (number);
}

/**
 * Equal workloads submitted as one. Each has a number of its own and finds its index in SLUICE_ARRAY_INDEX.
 */
export interface ArraySpec__Output {
  /**
   * How many workloads.
   */
  'size': (number);
  /**
   * At most so many of them run at once. 0 = no cap.
   */
  'concurrency': (number);
  /**
   * The index of the first one; the others count on from it.
   */
  'firstIndex': (number);
}

// Original file: sluice/v1/node.proto


/**
 * Something that is wrong with a GPU for as long as it is reported.
 */
export interface GpuSymptom {
  /**
   * "recovery_action", "row_remap_pending", "row_remap_failure", "page_retirement_pending", "thermal", "thermal_persistent",
   * "ecc_corrected_burst". Others may come.
   */
  'kind'?: (string);
  /**
   * In words, with the value that was read.
   */
  'detail'?: (string);
}

/**
 * Something that is wrong with a GPU for as long as it is reported.
 */
export interface GpuSymptom__Output {
  /**
   * "recovery_action", "row_remap_pending", "row_remap_failure", "page_retirement_pending", "thermal", "thermal_persistent",
   * "ecc_corrected_burst". Others may come.
   */
  'kind': (string);
  /**
   * In words, with the value that was read.
   */
  'detail': (string);
}

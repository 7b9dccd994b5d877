// Original file: sluice/v1/plan.proto


/**
 * The same of a part of the cluster: of a pool, of a GPU model, or of a model in a pool. The figures of a side on which the queue
 * does not name that part are absent.
 */
export interface PlannedScopeShare {
  /**
   * Empty = any.
   */
  'pool'?: (string);
  'gpuModel'?: (string);
  'fairShareGpusBefore'?: (number | string);
  'fairShareGpusAfter'?: (number | string);
  'allocatedGpusBefore'?: (number | string);
  'allocatedGpusAfter'?: (number | string);
  'unmetGuaranteeGpusBefore'?: (number | string);
  'unmetGuaranteeGpusAfter'?: (number | string);
  '_fairShareGpusBefore'?: "fairShareGpusBefore";
  '_fairShareGpusAfter'?: "fairShareGpusAfter";
  '_allocatedGpusBefore'?: "allocatedGpusBefore";
  '_allocatedGpusAfter'?: "allocatedGpusAfter";
  '_unmetGuaranteeGpusBefore'?: "unmetGuaranteeGpusBefore";
  '_unmetGuaranteeGpusAfter'?: "unmetGuaranteeGpusAfter";
}

/**
 * The same of a part of the cluster: of a pool, of a GPU model, or of a model in a pool. The figures of a side on which the queue
 * does not name that part are absent.
 */
export interface PlannedScopeShare__Output {
  /**
   * Empty = any.
   */
  'pool': (string);
  'gpuModel': (string);
  'fairShareGpusBefore'?: (number);
  'fairShareGpusAfter'?: (number);
  'allocatedGpusBefore'?: (number);
  'allocatedGpusAfter'?: (number);
  'unmetGuaranteeGpusBefore'?: (number);
  'unmetGuaranteeGpusAfter'?: (number);
  '_fairShareGpusBefore'?: "fairShareGpusBefore";
  '_fairShareGpusAfter'?: "fairShareGpusAfter";
  '_allocatedGpusBefore'?: "allocatedGpusBefore";
  '_allocatedGpusAfter'?: "allocatedGpusAfter";
  '_unmetGuaranteeGpusBefore'?: "unmetGuaranteeGpusBefore";
  '_unmetGuaranteeGpusAfter'?: "unmetGuaranteeGpusAfter";
}

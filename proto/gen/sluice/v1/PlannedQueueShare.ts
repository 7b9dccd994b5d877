// Original file: sluice/v1/plan.proto


/**
 * What a queue holds and may expect without the change and with it, in GPUs.
 */
export interface PlannedQueueShare {
  'queue'?: (string);
  'fairShareGpusBefore'?: (number | string);
  'fairShareGpusAfter'?: (number | string);
  'allocatedGpusBefore'?: (number | string);
  'allocatedGpusAfter'?: (number | string);
  'unmetGuaranteeGpusBefore'?: (number | string);
  'unmetGuaranteeGpusAfter'?: (number | string);
}

/**
 * What a queue holds and may expect without the change and with it, in GPUs.
 */
export interface PlannedQueueShare__Output {
  'queue': (string);
  'fairShareGpusBefore': (number);
  'fairShareGpusAfter': (number);
  'allocatedGpusBefore': (number);
  'allocatedGpusAfter': (number);
  'unmetGuaranteeGpusBefore': (number);
  'unmetGuaranteeGpusAfter': (number);
}

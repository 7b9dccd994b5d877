// Original file: sluice/v1/queue.proto


/**
 * What a queue holds and may expect of a part of the cluster that its spec names, in GPUs.
 */
export interface ScopeUse {
  'pool'?: (string);
  'gpuModel'?: (string);
  'allocatedGpus'?: (number | string);
  'fairShareGpus'?: (number | string);
  /**
   * The part of the guarantee there that is wanted but cannot be given now.
   */
  'unmetGuaranteeGpus'?: (number | string);
}

/**
 * What a queue holds and may expect of a part of the cluster that its spec names, in GPUs.
 */
export interface ScopeUse__Output {
  'pool': (string);
  'gpuModel': (string);
  'allocatedGpus': (number);
  'fairShareGpus': (number);
  /**
   * The part of the guarantee there that is wanted but cannot be given now.
   */
  'unmetGuaranteeGpus': (number);
}

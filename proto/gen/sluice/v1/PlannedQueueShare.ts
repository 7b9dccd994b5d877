// Original file: sluice/v1/plan.proto

import type { PlannedScopeShare as _sluice_v1_PlannedScopeShare, PlannedScopeShare__Output as _sluice_v1_PlannedScopeShare__Output } from '../../sluice/v1/PlannedScopeShare.js';

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
  /**
   * Of each part of the cluster that the queue names before or after, and of which a figure would change.
   */
  'scopes'?: (_sluice_v1_PlannedScopeShare)[];
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
  /**
   * Of each part of the cluster that the queue names before or after, and of which a figure would change.
   */
  'scopes': (_sluice_v1_PlannedScopeShare__Output)[];
}

// Original file: sluice/v1/workload.proto

import type { SubmittedWorkload as _sluice_v1_SubmittedWorkload, SubmittedWorkload__Output as _sluice_v1_SubmittedWorkload__Output } from '../../sluice/v1/SubmittedWorkload.js';
import type { Long } from '@grpc/proto-loader';

export interface SubmitWorkloadsResponse {
  /**
   * In the order of the specs; an array stands there with all its workloads, by index.
   */
  'workloads'?: (_sluice_v1_SubmittedWorkload)[];
  'revision'?: (number | string | Long);
}

export interface SubmitWorkloadsResponse__Output {
  /**
   * In the order of the specs; an array stands there with all its workloads, by index.
   */
  'workloads': (_sluice_v1_SubmittedWorkload__Output)[];
  'revision': (number);
}

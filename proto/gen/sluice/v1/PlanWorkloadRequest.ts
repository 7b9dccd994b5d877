// Original file: sluice/v1/plan.proto

import type { WorkloadSpec as _sluice_v1_WorkloadSpec, WorkloadSpec__Output as _sluice_v1_WorkloadSpec__Output } from '../../sluice/v1/WorkloadSpec.js';

export interface PlanWorkloadRequest {
  /**
   * As for SubmitWorkloads; at most 100, planned as one submission.
   */
  'specs'?: (_sluice_v1_WorkloadSpec)[];
}

export interface PlanWorkloadRequest__Output {
  /**
   * As for SubmitWorkloads; at most 100, planned as one submission.
   */
  'specs': (_sluice_v1_WorkloadSpec__Output)[];
}

// Original file: sluice/v1/workload.proto

import type { WorkloadSpec as _sluice_v1_WorkloadSpec, WorkloadSpec__Output as _sluice_v1_WorkloadSpec__Output } from '../../sluice/v1/WorkloadSpec.js';

export interface SubmitWorkloadsRequest {
  /**
   * A UUID of the client's. The same id with the same body returns the first answer; with another body it is refused.
   */
  'requestId'?: (string);
  /**
   * At most 1,000, and at most 10,000 workloads once arrays are expanded.
   */
  'specs'?: (_sluice_v1_WorkloadSpec)[];
  /**
   * Only check; nothing is accepted.
   */
  'validateOnly'?: (boolean);
}

export interface SubmitWorkloadsRequest__Output {
  /**
   * A UUID of the client's. The same id with the same body returns the first answer; with another body it is refused.
   */
  'requestId': (string);
  /**
   * At most 1,000, and at most 10,000 workloads once arrays are expanded.
   */
  'specs': (_sluice_v1_WorkloadSpec__Output)[];
  /**
   * Only check; nothing is accepted.
   */
  'validateOnly': (boolean);
}

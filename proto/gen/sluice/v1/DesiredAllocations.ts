// Original file: sluice/v1/agent.proto

import type { DesiredAllocation as _sluice_v1_DesiredAllocation, DesiredAllocation__Output as _sluice_v1_DesiredAllocation__Output } from '../../sluice/v1/DesiredAllocation.js';
import type { Long } from '@grpc/proto-loader';

/**
 * The full set of allocations the node should have. Refused by the agent when epoch or revision go back.
 */
export interface DesiredAllocations {
  'epoch'?: (number | string | Long);
  'revision'?: (number | string | Long);
  'allocations'?: (_sluice_v1_DesiredAllocation)[];
}

/**
 * The full set of allocations the node should have. Refused by the agent when epoch or revision go back.
 */
export interface DesiredAllocations__Output {
  'epoch': (number);
  'revision': (number);
  'allocations': (_sluice_v1_DesiredAllocation__Output)[];
}

// Original file: sluice/v1/agent.proto

import type { ObservedAllocation as _sluice_v1_ObservedAllocation, ObservedAllocation__Output as _sluice_v1_ObservedAllocation__Output } from '../../sluice/v1/ObservedAllocation.js';

export interface ObservedAllocations {
  'allocations'?: (_sluice_v1_ObservedAllocation)[];
}

export interface ObservedAllocations__Output {
  'allocations': (_sluice_v1_ObservedAllocation__Output)[];
}

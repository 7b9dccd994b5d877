// Original file: sluice/v1/agent.proto

import type { DesiredAllocation as _sluice_v1_DesiredAllocation, DesiredAllocation__Output as _sluice_v1_DesiredAllocation__Output } from '../../sluice/v1/DesiredAllocation.js';
import type { GpuReset as _sluice_v1_GpuReset, GpuReset__Output as _sluice_v1_GpuReset__Output } from '../../sluice/v1/GpuReset.js';
import type { Long } from '@grpc/proto-loader';

/**
 * The full set of allocations the node should have. Refused by the agent when epoch or revision go back.
 */
export interface DesiredAllocations {
  'epoch'?: (number | string | Long);
  'revision'?: (number | string | Long);
  'allocations'?: (_sluice_v1_DesiredAllocation)[];
  /**
   * Another leader than the epoch has is refused.
   */
  'leaderId'?: (string);
  /**
   * Allocations that nobody asked for and that are not to be ended yet: a person looks at them.
   */
  'spared'?: (string)[];
  /**
   * GPUs to be reset, once each id, as soon as nothing is left on any of them here. At most one group at a time.
   */
  'resets'?: (_sluice_v1_GpuReset)[];
}

/**
 * The full set of allocations the node should have. Refused by the agent when epoch or revision go back.
 */
export interface DesiredAllocations__Output {
  'epoch': (number);
  'revision': (number);
  'allocations': (_sluice_v1_DesiredAllocation__Output)[];
  /**
   * Another leader than the epoch has is refused.
   */
  'leaderId': (string);
  /**
   * Allocations that nobody asked for and that are not to be ended yet: a person looks at them.
   */
  'spared': (string)[];
  /**
   * GPUs to be reset, once each id, as soon as nothing is left on any of them here. At most one group at a time.
   */
  'resets': (_sluice_v1_GpuReset__Output)[];
}

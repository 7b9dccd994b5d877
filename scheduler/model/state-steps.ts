// Which state may follow which, for workloads and for allocations: the only tables of it. The functions that change states
// go by them (lifecycle.ts), and every commit is checked against them before it is written (control/invariants/).
import type { AllocationState, WorkloadState } from './records.js';

/** Where an allocation may go from where. Releasing is final. */
export const ALLOCATION_STEPS: Readonly<Record<AllocationState, readonly AllocationState[]>> = {
  placed: ['running', 'stopping', 'exited', 'released'],
  running: ['stopping', 'exited', 'released'],
  stopping: ['exited', 'released'],
  exited: ['released'],
  released: [],
};

/** Where a workload may go from where. Terminal states are final. */
export const WORKLOAD_STEPS: Readonly<Record<WorkloadState, readonly WorkloadState[]>> = {
  pending: ['starting', 'cancelled'],
  starting: ['running', 'stopping', 'pending', 'succeeded', 'failed', 'cancelled'],
  running: ['stopping', 'pending', 'succeeded', 'failed', 'cancelled'],
  stopping: ['pending', 'succeeded', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
};

/** Whether an allocation may be in `to` after `from`; staying is no step, and legal. */
export function isAllocationStep(from: AllocationState, to: AllocationState): boolean {
  return from === to || ALLOCATION_STEPS[from].includes(to);
}

/** Whether a workload may be in `to` after `from`; staying is no step, and legal. */
export function isWorkloadStep(from: WorkloadState, to: WorkloadState): boolean {
  return from === to || WORKLOAD_STEPS[from].includes(to);
}

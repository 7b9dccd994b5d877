// What a campaign must have seen to say anything: every state in which a fault, a wish or a step can meet a workload or an allocation.
import type { Coverage } from './coverage.js';
import { FAULT_KINDS } from './plan.js';

const WORKLOAD_STATES = ['pending', 'starting', 'running', 'stopping', 'succeeded', 'failed', 'cancelled'];
const ALLOCATION_STATES = ['placed', 'running', 'stopping', 'exited', 'released'];
const WISHES = ['cancel', 'hold', 'release', 'requeue', 'prioritize'];

const STEPS: Readonly<Record<string, readonly string[]>> = {
  'workload pending': ['starting', 'cancelled'],
  'workload starting': ['running', 'stopping'],
  'workload running': ['stopping', 'succeeded', 'failed', 'pending'],
  'workload stopping': ['pending', 'failed', 'cancelled', 'succeeded'],
  'allocation placed': ['running', 'stopping', 'released'],
  'allocation running': ['stopping', 'exited', 'released'],
  'allocation stopping': ['exited', 'released'],
  'allocation exited': ['released'],
};

// A person's word is missing: nobody in a world certifies that a machine is off.
const PROOFS = ['clean', 'never_started', 'fenced', 'rebooted', 'quarantined'];

/** The pairs of every campaign that is large enough. */
export function requiredCells(): readonly string[] {
  return [
    ...FAULT_KINDS.map((kind) => `fault ${kind} × injected`),
    ...WORKLOAD_STATES.flatMap((state) => [...FAULT_KINDS, ...WISHES].map((event) => `workload ${state} × ${event}`)),
    ...ALLOCATION_STATES.flatMap((state) => FAULT_KINDS.map((event) => `allocation ${state} × ${event}`)),
    ...Object.entries(STEPS).flatMap(([from, steps]) => steps.map((to) => `${from} × to ${to}`)),
    ...PROOFS.map((proof) => `allocation released × by ${proof}`),
  ];
}

/** Those that were not seen. */
export function missingCells({ counts }: Coverage): readonly string[] {
  return requiredCells().filter((cell) => !counts.has(cell));
}

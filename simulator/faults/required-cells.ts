// What a campaign must have seen to say anything: every state in which a fault, a wish or a step can meet a workload or an allocation.
import type { Coverage } from './coverage.js';
import { FAULT_KINDS, FAULT_KINDS_ON_REDIS, type StoreKind } from './plan.js';
import { REDIS_FAULT_KINDS } from './redis/injector.js';

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

/** The turns of leading and of histories, where several daemons share a Redis. */
const TURNS: Readonly<Record<string, readonly string[]>> = {
  'term led': ['lost', 'asked', 'stop'],
  'term begun': ['by the same daemon', 'by the other daemon'],
  'redis another branch': ['history is lost', 'nothing is lost'],
};

/** The pairs of every campaign that is large enough. */
export function requiredCells(store: StoreKind): readonly string[] {
  return store === 'disk' ? onDisk() : onRedis();
}

function onRedis(): readonly string[] {
  return [
    ...FAULT_KINDS_ON_REDIS.map((kind) => `fault ${kind} × injected`),
    ...WORKLOAD_STATES.flatMap((state) =>
      [...REDIS_FAULT_KINDS, ...WISHES].map((event) => `workload ${state} × ${event}`),
    ),
    ...ALLOCATION_STATES.flatMap((state) => REDIS_FAULT_KINDS.map((event) => `allocation ${state} × ${event}`)),
    ...pairs(STEPS, 'to '),
    ...pairs(TURNS, ''),
    ...PROOFS.map((proof) => `allocation released × by ${proof}`),
  ];
}

function onDisk(): readonly string[] {
  return [
    ...FAULT_KINDS.map((kind) => `fault ${kind} × injected`),
    ...WORKLOAD_STATES.flatMap((state) => [...FAULT_KINDS, ...WISHES].map((event) => `workload ${state} × ${event}`)),
    ...ALLOCATION_STATES.flatMap((state) => FAULT_KINDS.map((event) => `allocation ${state} × ${event}`)),
    ...pairs(STEPS, 'to '),
    ...PROOFS.map((proof) => `allocation released × by ${proof}`),
  ];
}

function pairs(table: Readonly<Record<string, readonly string[]>>, word: string): readonly string[] {
  return Object.entries(table).flatMap(([from, events]) => events.map((event) => `${from} × ${word}${event}`));
}

/** Those that were not seen. */
export function missingCells({ counts }: Coverage, store: StoreKind): readonly string[] {
  return requiredCells(store).filter((cell) => !counts.has(cell));
}

// What must hold in every state, and which changes are legal: a daemon that finds or makes anything else stops.
import { describe, expect, test } from 'vitest';
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import { checkInvariants } from '../../scheduler/control/recovery.js';
import type { Draft } from '../../scheduler/model/draft.js';
import {
  cancelPending,
  markEnded,
  markReleased,
  markStarted,
  place,
  putClaim,
  requestStop,
  requestStopOf,
} from '../../scheduler/model/lifecycle.js';
import { workloadKey, type Allocation, type RecordChange, type Workload } from '../../scheduler/model/records.js';
import { Workshop } from './workshop.js';

/** Workload 1 runs two tasks on n1, workload 2 waits, workload 3 has ended. */
function stage() {
  const shop = new Workshop();
  shop.queue('research');
  const node: NodeId = shop.node('n1', 4);
  const [running, pending, ended] = [
    shop.submit({ tasks: 2, timeLimitMs: 60_000 }),
    shop.submit({ name: 'waits' }),
    shop.submit({ name: 'ended' }),
  ];
  const ids = shop.place(running, node);
  for (const id of ids) shop.change((draft) => markStarted(draft, id, shop.nowMs, shop.nowMs));
  shop.change((draft) => cancelPending(draft, ended, 'not needed', shop.nowMs));
  const tamperWorkload = (number: WorkloadNumber, fields: Partial<Workload>): void =>
    tamper('workloads', workloadKey(number), { ...shop.workload(number), ...fields });
  const tamperAllocation = (id: AllocationId, fields: Partial<Allocation>): void =>
    tamper('allocations', id, { ...shop.allocation(id), ...fields });
  const tamper = (collection: 'workloads' | 'allocations', key: string, after: object): void =>
    shop.state.apply({ collection, key, before: shop.state.get(collection, key) ?? null, after } as RecordChange);
  const [first, second] = ids as [AllocationId, AllocationId];
  return { shop, node, running, pending, ended, first, second, tamperWorkload, tamperAllocation };
}
type Stage = ReturnType<typeof stage>;

const gate = { kind: 'held', message: 'held by ada', untilMs: null } as const;

describe('a store is not served', () => {
  test.each<[string, string, (stage: Stage) => void]>([
    [
      'in which two hold one GPU',
      'one_owner',
      ({ shop, first, second, tamperAllocation }) =>
        tamperAllocation(second, { gpus: shop.allocation(first).gpus.map((gpu) => ({ ...gpu, parts: 7 })) }),
    ],
    [
      'in which what has ended holds a live task',
      'known_owner',
      ({ running, tamperWorkload }) => tamperWorkload(running, { state: 'failed', deadline: null }),
    ],
    [
      'in which a task has two allocations',
      'known_owner',
      ({ second, tamperAllocation }) => tamperAllocation(second, { task: 0 }),
    ],
    [
      'in which an attempt misses one',
      'known_owner',
      ({ running, tamperWorkload, shop }) =>
        tamperWorkload(running, { allocations: [...shop.workload(running).allocations, 'gone' as AllocationId] }),
    ],
    [
      'in which what runs has a gate',
      'fitting_fields',
      ({ running, tamperWorkload }) => tamperWorkload(running, { gate }),
    ],
    [
      'in which what waits has a deadline',
      'fitting_fields',
      ({ pending, tamperWorkload }) => tamperWorkload(pending, { deadline: { warnMs: null, endMs: 1 } }),
    ],
    [
      'in which what is held has a claim',
      'fitting_fields',
      ({ pending, tamperWorkload }) => tamperWorkload(pending, { gate, claim: { placements: [], sinceMs: 0 } }),
    ],
    [
      'in which a number was given twice',
      'one_answer',
      ({ pending, tamperWorkload }) => tamperWorkload(pending, { number: 99 as WorkloadNumber }),
    ],
  ])('%s', (_, law, tamper) => {
    const one = stage();
    checkInvariants(one.shop.state);
    tamper(one);
    expect(() => checkInvariants(one.shop.state)).toThrow(`invariant "${law}" does not hold`);
  });
});

describe('no change makes', () => {
  const order = { reason: 'cancelled', requestedMs: 0, forWorkload: null, message: '' } as const;
  const exit = { code: 0, signal: '', message: '' };

  test.each<[string, string, (draft: Draft, stage: Stage) => void]>([
    [
      'what runs placed from new',
      'a task has one allocation',
      (draft, { running, node }) =>
        place(draft, running, [{ task: 0, node, gpus: [3], parts: 7_000, instances: [] }], 0, () => 'NEW'),
    ],
    [
      'what has ended run again',
      'only pending and running work is placed',
      (draft, { ended }) => place(draft, ended, [], 0, () => 'NEW'),
    ],
    [
      'what waits start in part',
      'gangs start whole',
      (draft, { pending }) => place(draft, pending, [], 0, () => 'NEW'),
    ],
    [
      'what has ended stop',
      'only live work is stopped',
      (draft, { ended }) => requestStop(draft, ended, 'fail', order),
    ],
    ['what waits stop', 'legal workload steps', (draft, { pending }) => requestStop(draft, pending, 'cancel', order)],
    ['what runs end at once', 'what waits ends at once', (draft, { running }) => cancelPending(draft, running, '', 0)],
    ['a live task free', 'only ended tasks release', (draft, { first }) => markReleased(draft, first, 'clean', 0)],
    [
      'what has ended hold a claim',
      'only what may be placed has a claim',
      (draft, { ended }) => putClaim(draft, ended, [], 0),
    ],
    [
      'what runs with all its tasks hold a claim',
      'only what may be placed has a claim',
      (draft, { running }) => putClaim(draft, running, [], 0),
    ],
  ])('%s', (_, law, change) => {
    const one = stage();
    expect(() => one.shop.change((draft) => change(draft, one))).toThrow(`invariant "${law}" does not hold`);
  });

  test('a difference when there is nothing left to stop', () => {
    const { shop, running, first, second } = stage();
    for (const id of [first, second])
      shop.change((draft) => markEnded(draft, id, { exit, endedMs: shop.nowMs, ofItsOwn: true }, shop.nowMs));
    const before = shop.workload(running);
    shop.change((draft) => requestStopOf(draft, running, [first, second], order));
    expect(shop.workload(running)).toBe(before);
  });
});

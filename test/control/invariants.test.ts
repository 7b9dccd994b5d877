// Every invariant bites: a commit that would break it is not written, or is told of. And no legal change is taken for one.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvariantViolation } from '../../common/assert.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { INVARIANT_NAMES, INVARIANTS, type InvariantName } from '../../scheduler/control/invariants/catalog.js';
import { InvariantGuard } from '../../scheduler/control/invariants/guard.js';
import type { Violation } from '../../scheduler/control/invariants/violation.js';
import {
  cancelPending,
  markEnded,
  markReleased,
  markStarted,
  noteCheckpoint,
  place,
  requestStop,
} from '../../scheduler/model/lifecycle.js';
import {
  META_KEY,
  workloadKey,
  type Allocation,
  type AllocationState,
  type ClusterNode,
  type RecordChange,
  type Workload,
  type WorkloadState,
} from '../../scheduler/model/records.js';
import { oneRole, wholeGpus } from '../../scheduler/model/requests.js';
import { ALLOCATION_STEPS, WORKLOAD_STEPS } from '../../scheduler/model/state-steps.js';
import { accounted } from '../../scheduler/model/usage.js';
import { addUsage, sumsOf, usageRecord } from '../../scheduler/model/usage-sums.js';
import { submission, Workshop } from './workshop.js';
import { submit } from '../../scheduler/control/commands/submit.js';

const exit = { code: 0, signal: '', message: '' };

/** 1 runs two tasks on n1, 2 waits, 3 was cancelled, 4 has run and is free, 5 has ended and is not yet clean. */
class Stage extends Workshop {
  readonly n1: NodeId;
  readonly running: WorkloadNumber;
  readonly pending: WorkloadNumber;
  readonly cancelled: WorkloadNumber;
  readonly done: WorkloadNumber;
  readonly dirty: WorkloadNumber;

  constructor() {
    super();
    this.queue('research', { limitGpus: 5 });
    this.n1 = this.node('n1', 8);
    this.node('n2', 2);
    const elastic = oneRole(2, wholeGpus(1)).map((role) => ({ ...role, maxTasks: 3 }));
    this.running = this.submit({ roles: elastic, timeLimitMs: 600_000 });
    this.pending = this.run(submit(submission([{ name: 'waits' }], 'alice/r1')))[0]?.number as WorkloadNumber;
    this.cancelled = this.submit({ name: 'cancelled' });
    this.done = this.submit({ name: 'done' });
    this.dirty = this.submit({ name: 'dirty' });
    for (const number of [this.running, this.done, this.dirty])
      for (const id of this.place(number, this.n1))
        this.change((draft) => markStarted(draft, id, this.nowMs, this.nowMs));
    this.change((draft) => cancelPending(draft, this.cancelled, 'not needed', this.nowMs));
    this.nowMs += 10_000;
    const end = { exit, endedMs: this.nowMs, ofItsOwn: true };
    for (const id of [this.of(this.done), this.of(this.dirty)])
      this.change((draft) => markEnded(draft, id, end, this.nowMs));
    this.change((draft) => markReleased(draft, this.of(this.done), 'clean', this.nowMs));
  }

  of(number: WorkloadNumber, task = 0): AllocationId {
    return this.workload(number).allocations[task] as AllocationId;
  }

  /** What the guard says to a commit of these changes, as if some bug had made them. */
  plant(...planted: readonly RecordChange[]): readonly Violation[] {
    const changes = planted.some(({ collection }) => collection === 'usage')
      ? planted
      : accounted(this.state, planted, this.nowMs);
    for (const change of changes) this.state.apply(change);
    return this.guard.check(changes);
  }

  workloadChange(number: WorkloadNumber, fields: Partial<Workload>): RecordChange {
    const before = this.workload(number);
    return { collection: 'workloads', key: workloadKey(number), before, after: { ...before, ...fields } };
  }

  allocationChange(id: AllocationId, fields: Partial<Allocation>): RecordChange {
    const before = this.allocation(id);
    return { collection: 'allocations', key: id, before, after: { ...before, ...fields } };
  }

  nodeChange(change: (node: ClusterNode) => ClusterNode): RecordChange {
    const before = this.state.node(this.n1);
    if (before === undefined) throw new Error('no node');
    return { collection: 'nodes', key: before.id, before, after: change(before) };
  }

  /** What has ended comes free; `count` says what of the accounting is done. */
  release(count: (usage: readonly RecordChange[]) => readonly RecordChange[]): readonly RecordChange[] {
    const release = { timeMs: this.nowMs, proof: 'clean' } as const;
    const ended = this.allocationChange(this.of(this.dirty), { state: 'released', release });
    const [change = ended, ...counted] = accounted(this.state, [ended], this.nowMs);
    const usage = count(counted);
    // A change that changes nothing says that the accounting is the test's.
    return usage.length > 0 ? [change, ...usage] : [change, this.still()];
  }

  still(): RecordChange {
    const [key, before] = [...this.state.usage][0] ?? ['', null];
    return { collection: 'usage', key, before, after: before };
  }

  /** The same once more, after it. */
  again(usage: readonly RecordChange[]): readonly RecordChange[] {
    return usage.map((change) => {
      if (change.collection !== 'usage' || change.after === null) throw new Error('no usage');
      const sums = sumsOf(change.after);
      const after = usageRecord(change.after, addUsage(sums, sums));
      return { collection: 'usage', key: change.key, before: change.after, after };
    });
  }

  /** As a change of what is there now. */
  readonly afresh = (change: RecordChange): RecordChange =>
    ({ ...change, before: this.state.get(change.collection, change.key) ?? null }) as RecordChange;

  dropped(collection: 'workloads' | 'allocations' | 'nodes' | 'queues', key: string): RecordChange {
    return { collection, key, before: this.state.get(collection, key) ?? null, after: null } as RecordChange;
  }

  /** One more task of the workload that runs, on these GPUs of n1, as a bug might grant it. */
  granted(fields: Partial<Allocation>, gpu: Partial<Allocation['gpus'][number]> = {}): readonly RecordChange[] {
    const like = this.allocation(this.of(this.running));
    const free = { ...(like.gpus[0] as Allocation['gpus'][number]), index: 7, uuid: 'GPU-n1-7', generation: 1 };
    const id = 'NEW' as AllocationId;
    const state = 'placed' as const;
    const blank = { startedMs: null, endedMs: null, exit: null, task: 2, state };
    const after: Allocation = { ...like, ...blank, id, gpus: [{ ...free, ...gpu }], ...fields };
    const { allocations } = this.workload(this.running);
    return [
      { collection: 'allocations', key: id, before: null, after },
      this.workloadChange(this.running, { allocations: [...allocations, id] }),
    ];
  }
}

type Plant = (stage: Stage) => readonly RecordChange[];

const BROKEN: readonly (readonly [InvariantName, string, Plant])[] = [
  ['one_owner', 'a GPU granted twice', (s) => s.granted({}, { index: 0, uuid: 'GPU-n1-0', generation: 9 })],
  [
    'one_owner',
    'a GPU of an ended task that is not clean granted',
    (s) => {
      const [{ index, uuid }] = s.allocation(s.of(s.dirty)).gpus as [Allocation['gpus'][number]];
      return s.granted({}, { index, uuid, generation: 9 });
    },
  ],
  ['one_owner', 'more than a GPU granted', (s) => s.granted({}, { parts: 7_001 })],
  [
    'one_owner',
    'a grant that grows',
    (s) => [s.allocationChange(s.of(s.running), { gpus: s.allocation(s.of(s.dirty)).gpus })],
  ],
  ['known_owner', 'a grant that no task list names', (s) => s.granted({}).slice(0, 1)],
  ['known_owner', 'a grant for what has ended', (s) => s.granted({ workload: s.done }).slice(0, 1)],
  ['known_owner', 'a grant for nobody', (s) => s.granted({ workload: 77 as WorkloadNumber }).slice(0, 1)],
  ['known_owner', 'a grant of an earlier attempt', (s) => s.granted({ attempt: 0 })],
  [
    'known_owner',
    'an end while a task runs',
    (s) => [
      s.workloadChange(s.running, {
        state: 'failed',
        deadline: null,
        endedMs: s.nowMs,
        events: [{ timeMs: s.nowMs, type: 'finished', message: '' }],
      }),
    ],
  ],
  ['known_owner', 'a running task forgotten', (s) => [s.workloadChange(s.running, { allocations: [s.of(s.running)] })]],
  ['known_owner', 'a task that the workload does not have', (s) => s.granted({ task: 3 })],
  ['known_owner', 'two records of one task', (s) => s.granted({ task: 1 })],
  ['rising_generations', 'a generation given again', (s) => s.granted({}, { generation: 0 })],
  [
    'rising_generations',
    'a generation that falls',
    (s) => [s.nodeChange((node) => ({ ...node, gpus: node.gpus.map((gpu) => ({ ...gpu, generation: 0 })) }))],
  ],
  ['proven_free', 'GPUs free without a word', (s) => [s.allocationChange(s.of(s.dirty), { state: 'released' })]],
  [
    'proven_free',
    'GPUs free by a reboot that was none',
    (s) => [s.allocationChange(s.of(s.dirty), { state: 'released', release: { timeMs: s.nowMs, proof: 'rebooted' } })],
  ],
  [
    'proven_free',
    'GPUs open to work of which nothing is proven',
    (s) => [
      s.allocationChange(s.of(s.dirty), { state: 'released', release: { timeMs: s.nowMs, proof: 'quarantined' } }),
    ],
  ],
  [
    'proven_free',
    'GPUs of what has run free as if it had never started',
    (s) => [
      s.allocationChange(s.of(s.dirty), { state: 'released', release: { timeMs: s.nowMs, proof: 'never_started' } }),
    ],
  ],
  ['proven_free', 'the record of a holder gone', (s) => [s.dropped('allocations', s.of(s.dirty))]],
  [
    'fit_to_grant',
    'a GPU that is not healthy granted',
    (s) => [
      s.nodeChange((node) => ({ ...node, gpus: node.gpus.map((gpu) => ({ ...gpu, health: 'quarantined' as const })) })),
      ...s.granted({}),
    ],
  ],
  [
    'fit_to_grant',
    'a cordoned node used',
    (s) => [s.nodeChange((node) => ({ ...node, cordoned: true })), ...s.granted({})],
  ],
  [
    'fit_to_grant',
    'a node of another pool used',
    (s) => {
      s.state.apply(s.workloadChange(s.running, { spec: withPool(s.workload(s.running), 'eu') }));
      return s.granted({});
    },
  ],
  ['whole_nodes', 'a grant on a node that does not exist', (s) => s.granted({ node: 'nowhere' as NodeId })],
  ['whole_nodes', 'a grant of a GPU that the node does not have', (s) => s.granted({}, { uuid: 'GPU-else' })],
  ['whole_nodes', 'a held GPU gone', (s) => [s.nodeChange((node) => ({ ...node, gpus: node.gpus.slice(1) }))]],
  ['whole_nodes', 'a held node gone', (s) => [s.dropped('nodes', s.n1)]],
  ['legal_steps', 'a run that goes back', (s) => [s.allocationChange(s.of(s.running), { state: 'placed' })]],
  ['legal_steps', 'a workload that waits and stops', (s) => [s.workloadChange(s.pending, { state: 'stopping' })]],
  [
    'legal_steps',
    'a new workload that runs',
    (s) => {
      const number = 6 as WorkloadNumber;
      const after: Workload = { ...s.workload(s.running), number };
      const meta = s.state.meta;
      return [
        { collection: 'workloads', key: workloadKey(number), before: null, after },
        { collection: 'meta', key: META_KEY, before: meta, after: { ...meta, lastWorkload: 6 } },
      ];
    },
  ],
  ['final_ends', 'an end taken back', (s) => [s.workloadChange(s.done, { state: 'pending', endedMs: null })]],
  ['final_ends', 'another end', (s) => [s.workloadChange(s.done, { state: 'failed' })]],
  ['final_ends', 'a release taken back', (s) => [s.allocationChange(s.of(s.done), { state: 'exited' })]],
  [
    'final_ends',
    'an end without its event',
    (s) => [s.workloadChange(s.pending, { state: 'cancelled', endedMs: s.nowMs })],
  ],
  ['counted_attempts', 'an attempt left out', (s) => [s.workloadChange(s.running, { attempt: 3 })]],
  ['nothing_lost', 'a workload that waits gone', (s) => [s.dropped('workloads', workloadKey(s.pending))]],
  ['nothing_lost', 'a workload that holds GPUs gone', (s) => [s.dropped('workloads', workloadKey(s.dirty))]],
  ['nothing_lost', 'a queue with work gone', (s) => [s.dropped('queues', 'research')]],
  [
    'one_answer',
    'a number given again',
    (s) => {
      const after: Workload = { ...s.workload(s.pending), number: 99 as WorkloadNumber };
      return [{ collection: 'workloads', key: workloadKey(after.number), before: null, after }];
    },
  ],
  [
    'one_answer',
    'another answer to a request',
    (s) => {
      const before = s.state.get('requests', 'alice/r1') ?? null;
      if (before === null) throw new Error('no request');
      return [{ collection: 'requests', key: before.key, before, after: { ...before, workloads: [s.done] } }];
    },
  ],
  [
    'one_answer',
    'numbers that fall',
    (s) => [{ collection: 'meta', key: META_KEY, before: s.state.meta, after: { ...s.state.meta, lastWorkload: 1 } }],
  ],
  [
    'exact_usage',
    'an end before the start',
    (s) => [s.allocationChange(s.of(s.running), { state: 'exited', exit, endedMs: 5 })],
  ],
  ['exact_usage', 'an end without its time', (s) => [s.allocationChange(s.of(s.running), { state: 'exited', exit })]],
  ['exact_usage', 'a release that nobody counted', (s) => s.release(() => [])],
  ['exact_usage', 'a release that counts twice', (s) => s.release((usage) => [...usage, ...s.again(usage)])],
  ['exact_usage', 'a release of which only the sum of all knows', (s) => s.release((usage) => usage.slice(1))],
  ['exact_usage', 'a sum that moves by itself', (s) => s.again(s.release((usage) => usage).slice(1)).map(s.afresh)],
  [
    'fitting_fields',
    'a gate on what runs',
    (s) => [s.workloadChange(s.running, { gate: { kind: 'held', message: '', untilMs: null } })],
  ],
  [
    'fitting_fields',
    'a deadline of what waits',
    (s) => [s.workloadChange(s.pending, { deadline: { warnMs: null, endMs: 9 } })],
  ],
  [
    'fitting_fields',
    'a claim of what has ended',
    (s) => [s.workloadChange(s.done, { claim: { placements: [], sinceMs: 0 } })],
  ],
  [
    'whole_gangs',
    'a gang that runs in part',
    (s) => [
      s.allocationChange(s.of(s.running, 1), { state: 'exited', exit: { ...exit, code: 1 }, endedMs: s.nowMs }),
      s.workloadChange(s.running, { state: 'running', allocations: [...s.workload(s.running).allocations] }),
    ],
  ],
  ['one_return', 'a requeue counted twice', (s) => [s.workloadChange(s.running, { requeues: 2 })]],
  ['one_return', 'a place in the order lost', (s) => [s.workloadChange(s.pending, { submittedMs: s.nowMs })]],
  [
    'within_limits',
    'a queue above its limit',
    (s) => {
      const before = s.state.queue('research');
      if (before === undefined) throw new Error('no queue');
      return [{ collection: 'queues', key: 'research', before, after: { ...before, limitGpus: 2 } }, ...s.granted({})];
    },
  ],
];

function withPool({ spec }: Workload, pool: string): Workload['spec'] {
  return { ...spec, roles: spec.roles.map((role) => ({ ...role, rules: { ...role.rules, pool } })) };
}

describe('a commit is not written, or told of, with', () => {
  test.each(BROKEN)('%s: %s', (name, _what, plant) => {
    const stage = new Stage();
    const run = (): readonly Violation[] => stage.plant(...plant(stage));
    if (INVARIANTS[name].isFatal) expect(run).toThrow(`invariant "${name}" does not hold`);
    else expect(run().map((violation) => violation.name)).toContain(name);
    expect(stage.guard.figures.violations[name]).toBeGreaterThan(0);
  });

  test('no invariant is without an example that breaks it', () => {
    expect([...new Set(BROKEN.map(([name]) => name))].toSorted()).toEqual([...INVARIANT_NAMES].toSorted());
  });

  test('nothing is found in what is right, and everything is counted', () => {
    const stage = new Stage();
    expect(stage.violations).toEqual([]);
    const { commits, changes, violations } = stage.guard.figures;
    expect(commits).toBeGreaterThan(10);
    expect(changes).toBeGreaterThan(commits);
    expect(Object.values(violations).every((count) => count === 0)).toBe(true);
  });

  test('a guard that begins with what is stored says the same', () => {
    const stage = new Stage();
    const guard = new InvariantGuard(stage.state);
    const changes = stage.granted({}, { index: 0, uuid: 'GPU-n1-0', generation: 9 });
    for (const change of changes) stage.state.apply(change);
    expect(() => guard.check(changes)).toThrow('invariant "one_owner" does not hold');
  });

  test('GPUs that were kept from new work may come free by a person’s word in the same commit', () => {
    const stage = new Stage();
    const id = stage.of(stage.dirty);
    const kept = stage.nodeChange((node) => ({
      ...node,
      gpus: node.gpus.map((gpu) => ({
        ...gpu,
        health: 'quarantined' as const,
        quarantine: 'of which no trace is left',
      })),
    }));
    const released = stage.allocationChange(id, {
      state: 'released',
      release: { timeMs: stage.nowMs, proof: 'quarantined' },
    });
    const freed = { ...kept, before: kept.after, after: kept.before } as RecordChange;
    expect(stage.plant(kept, released, freed)).toEqual([]);
  });

  test('what went wrong is told with what to do', () => {
    const stage = new Stage();
    const run = (): unknown => stage.plant(stage.allocationChange(stage.of(stage.dirty), { state: 'released' }));
    expect(run).toThrow(/expected what proved its GPUs free, found nothing[^]*Nothing of this change was written/);
  });
});

const WORKLOAD_STATES = Object.keys(WORKLOAD_STEPS) as WorkloadState[];
const ALLOCATION_STATES = Object.keys(ALLOCATION_STEPS) as AllocationState[];

describe('of all pairs of states', () => {
  test.each(WORKLOAD_STATES.flatMap((from) => WORKLOAD_STATES.map((to) => [from, to] as const)))(
    'a workload goes from %s to %s only if the table says so',
    (from, to) => {
      const stage = new Stage();
      const isOver = (state: WorkloadState): boolean => WORKLOAD_STEPS[state].length === 0;
      const fields = {
        allocations: [],
        attempt: 1,
        deadline: null,
        events: [{ timeMs: 1, type: 'finished', message: '' }],
      } as const;
      const as = (state: WorkloadState): Partial<Workload> => ({ ...fields, state, endedMs: isOver(state) ? 7 : null });
      stage.state.apply(stage.workloadChange(stage.pending, as(from)));
      const starts = from === 'pending' && to === 'starting';
      const returns = from !== 'pending' && to === 'pending';
      const counted = { attempt: 1 + Number(starts), requeues: Number(returns) };
      const change = stage.workloadChange(stage.pending, { ...as(to), ...counted });
      const isLegal = from === to || WORKLOAD_STEPS[from].includes(to);
      const complaint = isOver(from) ? 'invariant "final_ends"' : 'invariant "legal_steps"';
      if (isLegal) stage.plant(change);
      else expect(() => stage.plant(change)).toThrow(complaint);
    },
  );

  test.each(ALLOCATION_STATES.flatMap((from) => ALLOCATION_STATES.map((to) => [from, to] as const)))(
    'an allocation goes from %s to %s only if the table says so',
    (from, to) => {
      const stage = new Stage();
      const id = stage.of(stage.running);
      const as = (state: AllocationState): Partial<Allocation> => {
        const isOver = state === 'exited' || state === 'released';
        const end = isOver ? { endedMs: stage.nowMs, exit } : { endedMs: null, exit: null };
        return { state, ...end, ...(state === 'released' ? { release: { timeMs: stage.nowMs, proof: 'clean' } } : {}) };
      };
      stage.state.apply(stage.allocationChange(id, as(from)));
      const change = stage.allocationChange(id, as(to));
      const isLegal = from !== 'released' && (from === to || ALLOCATION_STEPS[from].includes(to));
      if (isLegal) stage.plant(change);
      else expect(() => stage.plant(change)).toThrow(/invariant "(legal_steps|final_ends)"/);
    },
  );
});

describe('of all pairs of a state and an event', () => {
  const order = { reason: 'cancelled', requestedMs: 0, forWorkload: null, message: '' } as const;
  const failed = { exit: { ...exit, code: 1 }, endedMs: 20_000, ofItsOwn: true };
  type Happening = (stage: Stage, number: WorkloadNumber, id: AllocationId) => void;
  const EVENTS: Readonly<Record<string, Happening>> = {
    place: (s, number) =>
      s.change((draft) =>
        place(draft, number, [{ task: 0, node: s.n1, gpus: [6], parts: 7_000, instances: [] }], s.nowMs, () =>
          s.newUlid(),
        ),
      ),
    started: (s, _, id) => s.change((draft) => markStarted(draft, id, s.nowMs, s.nowMs)),
    ended: (s, _, id) => s.change((draft) => markEnded(draft, id, { ...failed, exit }, s.nowMs)),
    failed: (s, _, id) => s.change((draft) => markEnded(draft, id, failed, s.nowMs)),
    clean: (s, _, id) => s.change((draft) => markReleased(draft, id, 'clean', s.nowMs)),
    cancel: (s, number) => s.change((draft) => requestStop(draft, number, 'cancel', order)),
    requeue: (s, number) => s.change((draft) => requestStop(draft, number, 'requeue', order)),
    drop: (s, number) => s.change((draft) => cancelPending(draft, number, '', s.nowMs)),
    checkpoint: (s, number) =>
      s.change((draft) => noteCheckpoint(draft, number, { step: 1, timeMs: 1, path: '/c' }, s.nowMs)),
  };

  test('each either is refused before anything changes, or leaves nothing broken', () => {
    const seen = new Set<string>();
    const event = fc.constantFrom(...Object.keys(EVENTS));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 12 }), fc.boolean(), (events, retries) => {
        const shop = new Stage();
        const retry = { max: retries ? 1 : 0, backoffMs: 0, maxBackoffMs: 0, codes: [], neverCodes: [] };
        const number = shop.submit({ name: 'subject', retry, queue: 'research' as QueueName });
        for (const name of events) {
          const id = shop.workload(number).allocations[0];
          const allocation = id === undefined ? 'none' : shop.allocation(id).state;
          seen.add(`${shop.workload(number).state}/${allocation} × ${name}`);
          try {
            EVENTS[name]?.(shop, number, id ?? ('none' as AllocationId));
          } catch (error) {
            if (!(error instanceof InvariantViolation)) throw error;
            // Refused by the life cycle itself: the guard must have had nothing to say.
            expect(Object.values(shop.guard.figures.violations).reduce((sum, count) => sum + count, 0)).toBe(0);
          }
          shop.nowMs += 1_000;
        }
      }),
      { numRuns: 700, seed: 7 },
    );
    // All that a workload of one task can be in, each with every event.
    expect(seen.size).toBeGreaterThanOrEqual(90);
  });
});

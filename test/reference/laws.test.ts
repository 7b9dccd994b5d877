// Laws that hold for the reference on any small cluster: it is no referee if it breaks them itself.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Decision } from '../../scheduler/engine/decisions.js';
import { type Allocation, type Workload, workloadKey } from '../../scheduler/model/records.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { Followed } from '../../simulator/conformance/carry-out.js';
import { decide, type ReferenceInput } from '../../simulator/reference/reference.js';
import { SmallCluster } from './small-cluster.js';

/** A guard against a hang, far above what it takes. */
const TIMEOUT_MS = 120_000;

const RUNS = { numRuns: 30, seed: 20_261_124 };

const pending = fc.record({
  queue: fc.constantFrom('a', 'b', 'c'),
  gpus: fc.integer({ min: 0, max: 3 }),
  shareMilli: fc.constantFrom(1_000, 1_000, 500, 300),
  tasks: fc.integer({ min: 1, max: 3 }),
  surplus: fc.integer({ min: 0, max: 2 }),
  priority: fc.constantFrom(40, 50, 60),
  preemptible: fc.boolean(),
});

const clusters = fc.record({
  nodes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
  guarantees: fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })),
  limit: fc.option(fc.integer({ min: 1, max: 4 })),
  pending: fc.array(pending, { minLength: 1, maxLength: 6 }),
  later: fc.array(pending, { minLength: 1, maxLength: 4 }),
});

type Drawn = typeof clusters extends fc.Arbitrary<infer T> ? T : never;

/** Cycle after cycle: the first places work, then more comes, victims are told to stop, linger, and leave. */
function cycles(drawn: Drawn): ReferenceInput[] {
  const first = inputOf(drawn, drawn.pending);
  const grown = inputOf(drawn, [...drawn.pending, ...drawn.later]);
  const second = withState(grown, carriedOut(first, decide(first)));
  const third = withState(second, carriedOut(second, decide(second)));
  const fourth = withState(third, left(carriedOut(third, decide(third))));
  return [second, third, fourth];
}

interface Movable {
  readonly workloads: readonly Workload[];
  readonly allocations: readonly Allocation[];
}

function withState(input: ReferenceInput, { workloads, allocations }: Movable): ReferenceInput {
  const known = new Map(workloads.map((workload) => [workload.number, workload]));
  return { ...input, workloads: input.workloads.map((each) => known.get(each.number) ?? each), allocations };
}

function carriedOut(input: ReferenceInput, decisions: readonly Decision[]): Movable {
  const followed = new Followed(input);
  const workloads = new Map(input.workloads.map((each) => [workloadKey(each.number), each]));
  const allocations = new Map<string, Allocation>(input.allocations.map((each) => [each.id, each]));
  for (const decision of decisions) {
    for (const change of followed.carryOut(decision, input.nowMs)) {
      if (change.collection === 'workloads' && change.after !== null) workloads.set(change.key, change.after);
      if (change.collection === 'allocations' && change.after !== null) allocations.set(change.key, change.after);
    }
  }
  return { workloads: [...workloads.values()], allocations: [...allocations.values()] };
}

/** All that was told to stop has left. */
function left({ workloads, allocations }: Movable): Movable {
  return {
    workloads: workloads.map((each) =>
      each.state === 'stopping' ? { ...each, state: 'pending', afterStop: null } : each,
    ),
    allocations: allocations.filter((each) => each.state !== 'stopping'),
  };
}

function inputOf({ nodes, guarantees, limit }: Drawn, work: Drawn['pending']): ReferenceInput {
  const cluster = new SmallCluster().queue('top', { ...(limit === null ? {} : { limit }), guarantee: 4 });
  ['a', 'b', 'c'].forEach((name, at) => {
    cluster.queue(name, { guarantee: guarantees[at] ?? 0, ...(name === 'c' ? {} : { parent: 'top' }) });
  });
  nodes.forEach((gpus, at) => cluster.node(`n${at}`, gpus));
  for (const { queue, gpus, shareMilli, tasks, surplus, priority, preemptible } of work) {
    const request = gpus === 1 ? { gpuMilli: shareMilli } : {};
    cluster.submit(queue, { gpus, request, tasks, max: tasks + surplus, priority, preemptible });
  }
  return cluster.input();
}

test(
  'no GPU is given out beyond the whole, not even when all that leaves has left',
  () => {
    fc.assert(
      fc.property(clusters, (drawn) => {
        for (const input of cycles(drawn)) expect(overcommitted(input, decide(input))).toEqual([]);
      }),
      RUNS,
    );
  },
  TIMEOUT_MS,
);

test(
  'a gang starts whole, and no gang is left with fewer tasks than it needs',
  () => {
    fc.assert(
      fc.property(clusters, (drawn) => {
        for (const input of cycles(drawn)) {
          const live = afterwards(input, decide(input), ['held', 'bound']);
          for (const workload of input.workloads) {
            const { length } = live.filter((place) => place.workload === workload.number);
            const [role] = workload.spec.roles;
            if (length > 0) expect(length).toBeGreaterThanOrEqual(role?.minTasks ?? 0);
            expect(length).toBeLessThanOrEqual(role?.maxTasks ?? 0);
          }
        }
      }),
      RUNS,
    );
  },
  TIMEOUT_MS,
);

test(
  'nothing is stopped that is not preemptible',
  () => {
    fc.assert(
      fc.property(clusters, (drawn) => {
        for (const input of cycles(drawn)) {
          const stopped = decide(input).filter((decision) => decision.type === 'evict');
          for (const { workload } of stopped) {
            expect(input.workloads.find((each) => each.number === workload)?.spec.preemptible).toBe(true);
          }
        }
      }),
      RUNS,
    );
  },
  TIMEOUT_MS,
);

test(
  'the order in which records are given does not matter',
  () => {
    fc.assert(
      fc.property(clusters, (drawn) => {
        for (const input of cycles(drawn)) {
          const turned: ReferenceInput = {
            ...input,
            queues: input.queues.toReversed(),
            nodes: input.nodes.toReversed(),
            workloads: input.workloads.toReversed(),
            allocations: input.allocations.toReversed(),
          };
          expect(decide(turned)).toEqual(decide(input));
        }
      }),
      RUNS,
    );
  },
  TIMEOUT_MS,
);

interface Taken {
  readonly workload: number;
  readonly task: number;
  readonly node: string;
  readonly gpus: readonly number[];
  readonly parts: number;
  readonly state: 'held' | 'leaving' | 'bound' | 'claimed';
}

/** Who has what when the decisions are carried out. */
function afterwards(input: ReferenceInput, decisions: readonly Decision[], states: readonly Taken['state'][]): Taken[] {
  let taken: Taken[] = [
    ...input.allocations.map(({ workload, task, node, gpus, state }) => ({
      workload,
      task,
      node,
      gpus: gpus.map((gpu) => gpu.index),
      parts: gpus[0]?.parts ?? 0,
      state: state === 'stopping' ? ('leaving' as const) : ('held' as const),
    })),
    ...input.workloads.flatMap(({ number, claim }) =>
      (claim?.placements ?? []).map((placement) => ({ ...placement, workload: number, state: 'claimed' as const })),
    ),
  ];
  for (const decision of decisions) {
    const { workload } = decision;
    if (decision.type === 'evict') {
      const tasks = decision.allocations.map((id) => Number(id.split('/')[1]));
      taken = taken.map((each) =>
        each.workload === workload && each.state === 'held' && tasks.includes(each.task)
          ? { ...each, state: 'leaving' }
          : each,
      );
      continue;
    }
    taken = taken.filter((each) => each.workload !== workload || each.state !== 'claimed');
    if (decision.type === 'drop_claim') continue;
    const state = decision.type === 'bind' ? 'bound' : 'claimed';
    for (const placement of decision.placements) taken.push({ ...placement, workload, state });
  }
  return taken.filter((each) => states.includes(each.state));
}

function overcommitted(input: ReferenceInput, decisions: readonly Decision[]): string[] {
  const over = (states: readonly Taken['state'][]): string[] => {
    const places = afterwards(input, decisions, states);
    return input.nodes.flatMap((node) =>
      node.gpus
        .filter(({ index }) => {
          const on = places.filter((place) => place.node === node.id);
          const shares = on.flatMap((place) => place.gpus.filter((each) => each === index).map(() => place.parts));
          return shares.reduce((all, parts) => all + parts, 0) > GPU_PARTS;
        })
        .map(({ uuid }) => `${uuid}: ${states.join(', ')}`),
    );
  };
  return [...over(['held', 'leaving', 'bound']), ...over(['held', 'bound', 'claimed'])];
}

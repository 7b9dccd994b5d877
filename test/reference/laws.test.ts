// Laws that hold for the reference on any small cluster: it is no referee if it breaks them itself.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Decision } from '../../scheduler/engine/decisions.js';
import type { Placement } from '../../scheduler/model/records.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { decide, type ReferenceInput } from '../../simulator/reference/reference.js';
import { SmallCluster } from './small-cluster.js';

const RUNS = { numRuns: 150 };

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

/** A cluster of which one cycle has been carried out at once, and to which more work came. */
function secondCycle(drawn: typeof clusters extends fc.Arbitrary<infer T> ? T : never): ReferenceInput {
  const first = inputOf(drawn, drawn.pending);
  const binds = decide(first).filter((decision) => decision.type === 'bind');
  const places = new Map<number, Placement[]>();
  for (const { workload, placements } of binds) places.set(workload, [...(places.get(workload) ?? []), ...placements]);
  const all = inputOf(drawn, [...drawn.pending, ...drawn.later]);
  const running = all.workloads.filter((workload) => places.has(workload.number));
  return {
    ...all,
    workloads: all.workloads.map((workload) =>
      running.includes(workload) ? { ...workload, state: 'running', attempt: 1, startedMs: 1 } : workload,
    ),
    allocations: running.flatMap((workload) =>
      (places.get(workload.number) ?? []).map((placement) => ({
        id: `${workload.number}/${placement.task}` as ReferenceInput['allocations'][number]['id'],
        workload: workload.number,
        attempt: 1,
        task: placement.task,
        node: placement.node,
        gpus: placement.gpus.map((index) => ({
          uuid: `${placement.node}-${index}`,
          index,
          model: '',
          simulated: true,
          generation: 1,
          parts: placement.parts,
          instance: '',
        })),
        cpuMilli: 0,
        memoryMib: 0,
        state: 'running' as const,
        resume: null,
        placedMs: 1,
        startedMs: 1,
        endedMs: null,
        stop: null,
        exit: null,
        endpoints: [],
      })),
    ),
  };
}

function inputOf(
  { nodes, guarantees, limit }: { nodes: number[]; guarantees: readonly number[]; limit: number | null },
  work: readonly (typeof pending extends fc.Arbitrary<infer T> ? T : never)[],
): ReferenceInput {
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

test('no GPU is given out beyond the whole, not even when all that leaves has left', () => {
  fc.assert(
    fc.property(clusters, (drawn) => {
      const input = secondCycle(drawn);
      const decisions = decide(input);
      expect(overcommitted(input, decisions)).toEqual([]);
    }),
    RUNS,
  );
});

test('a gang starts whole, and no gang is left with fewer tasks than it needs', () => {
  fc.assert(
    fc.property(clusters, (drawn) => {
      const input = secondCycle(drawn);
      const live = afterwards(input, decide(input), ['held', 'bound']);
      for (const workload of input.workloads) {
        const { length } = live.filter((place) => place.workload === workload.number);
        const [role] = workload.spec.roles;
        if (length > 0) expect(length).toBeGreaterThanOrEqual(role?.minTasks ?? 0);
        expect(length).toBeLessThanOrEqual(role?.maxTasks ?? 0);
      }
    }),
    RUNS,
  );
});

test('nothing is stopped that is not preemptible', () => {
  fc.assert(
    fc.property(clusters, (drawn) => {
      const input = secondCycle(drawn);
      const stopped = decide(input).filter((decision) => decision.type === 'evict');
      for (const { workload } of stopped) {
        expect(input.workloads.find((each) => each.number === workload)?.spec.preemptible).toBe(true);
      }
    }),
    RUNS,
  );
});

test('the order in which records are given does not matter', () => {
  fc.assert(
    fc.property(clusters, (drawn) => {
      const input = secondCycle(drawn);
      const turned: ReferenceInput = {
        ...input,
        queues: input.queues.toReversed(),
        nodes: input.nodes.toReversed(),
        workloads: input.workloads.toReversed(),
        allocations: input.allocations.toReversed(),
      };
      expect(decide(turned)).toEqual(decide(input));
    }),
    RUNS,
  );
});

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
  let taken: Taken[] = input.allocations.map(({ workload, task, node, gpus }) => ({
    workload,
    task,
    node,
    gpus: gpus.map((gpu) => gpu.index),
    parts: gpus[0]?.parts ?? 0,
    state: 'held',
  }));
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
    if (decision.type !== 'bind')
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

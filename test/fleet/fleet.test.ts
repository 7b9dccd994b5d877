// The fleet under a clock in the test's hand: what is given up when, and what is not.
import { describe, expect, test, vi } from 'vitest';
import { present } from '../../common/assert.js';
import { createLogger } from '../../common/log.js';
import type { NodeId, WorkloadNumber } from '../../common/ids.js';
import { releaseBrake } from '../../scheduler/control/commands/recovery.js';
import { release } from '../../scheduler/control/commands/steering.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { inNewHistory } from '../../scheduler/model/history.js';
import { META_KEY, type Recovery } from '../../scheduler/model/records.js';
import { Fleet, type FleetOptions, OTHER_XID } from '../../scheduler/fleet/fleet.js';
import { welcomeNode } from '../../scheduler/fleet/reconcile.js';
import type { AgentSession } from '../../scheduler/fleet/session.js';
import { loopOn, queue } from '../control/loop-on.js';
import { nodeReport, submission } from '../control/workshop.js';
import { ManualClock } from '../gpu/manual-clock.js';

const idOf = (at: number): NodeId => `node-n${at}` as NodeId;

/** So many nodes with one GPU each, all joined, and a workload on each. */
async function fleetOf(
  count: number,
  before?: (loop: Awaited<ReturnType<typeof loopOn>>['loop']) => Promise<unknown>,
  options: Partial<FleetOptions> = {},
) {
  const clock = new ManualClock();
  const { loop, state } = await loopOn(undefined, clock);
  const log = createLogger({ level: 'silent', name: 'test' });
  await loop.execute(queue('research'));
  const nodes = Array.from({ length: count }, (_, at) => idOf(at));
  for (const [at, id] of nodes.entries()) await loop.execute(welcomeNode(nodeReport(id, `n${at}`, 1), []));
  await before?.(loop);
  const fleet = new Fleet({ heartbeatMs: 5_000, leaseMs: 20_000, ...options }, { loop, clock, log }, nodes, state.meta);
  fleet.start();
  const session = { end: () => undefined, sendDesired: () => undefined } as unknown as AgentSession;
  const join = (some: readonly NodeId[]) => some.forEach((id) => fleet.join(id, session));
  const settle = async () => {
    for (let turns = 0; turns < 20; turns += 1) {
      await loop.read(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  /** Lets time pass in steps of a second; these nodes' heartbeats are answered. */
  const pass = async (ms: number, alive: readonly NodeId[] = []) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      for (const id of alive) fleet.answered(id);
      await clock.advance(1_000);
      await settle();
    }
  };
  const work = async () => {
    for (let made = 0; made < count; made += 1)
      await loop.execute(submit(submission([{ onDisconnect: 'stop', graceMs: 0 }])));
    await settle();
  };
  const held = () => nodes.filter((id) => state.heldOn(id).length > 0).length;
  return { clock, loop, state, fleet, nodes, join, pass, work, held, settle };
}

test('whoever led before may have answered a silent node until its own claim ran out', async () => {
  // A lease of 20 s, and 10 s in which the leader before did not know yet: an agent may go on for 30 s.
  const { fleet, nodes, pass, settle } = await fleetOf(1, undefined, { overlapMs: 10_000, failoverMs: 0 });
  await settle();
  const [node] = nodes;
  const liveness = () => (node === undefined ? null : fleet.softState(node).liveness);
  await pass(30_000);
  expect(liveness()).toBe('unknown');
  await pass(2_000);
  expect(liveness()).toBe('down');
});

describe('silent nodes', () => {
  test('a few are given up after their fence time', async () => {
    const { nodes, join, pass, work, held, fleet } = await fleetOf(10);
    join(nodes);
    await work();
    expect(held()).toBe(10);
    await pass(61_000, nodes);
    await pass(29_000, nodes.slice(3));
    expect(held()).toBe(10);
    await pass(4_000, nodes.slice(3));
    expect(held()).toBe(7);
    expect(fleet.waiting().brakeSilent).toBeNull();
  });

  test('are not given up once their hello is being taken in', async () => {
    const { nodes, join, pass, work, held, fleet, loop } = await fleetOf(1);
    join(nodes);
    await work();
    await pass(61_000, nodes);
    const read = loop.read.bind(loop);
    let openedMs = 0;
    const late = vi.spyOn(loop, 'read').mockImplementation(async (reader) => {
      const answer = await read(reader);
      fleet.supersede(idOf(0), { bootId: 'b', openedMs: (openedMs += 1) });
      return answer;
    });
    await pass(60_000);
    expect(openedMs).toBeGreaterThan(0);
    expect(held()).toBe(1);
    late.mockRestore();
    await pass(2_000);
    expect(held()).toBe(0);
  });

  test('many at once are not, until a person releases the brake', async () => {
    const { nodes, join, pass, work, held, fleet, loop, state } = await fleetOf(10);
    join(nodes);
    await work();
    await pass(61_000, nodes);
    await pass(600_000, nodes.slice(4));
    expect(held()).toBe(10);
    expect(fleet.waiting().brakeSilent).toHaveLength(4);
    expect(state.meta.brake).toMatchObject({ nodes: 10 });
    await loop.execute(releaseBrake('root'));
    await pass(2_000, nodes.slice(4));
    expect(held()).toBe(6);
    expect([...state.incidents.values()].map(({ kind, actor }) => `${kind} ${actor}`.trim())).toEqual([
      'brake_closed',
      'brake_released root',
    ]);
    await expect(loop.execute(releaseBrake('root'))).rejects.toThrow('is open');
  });

  test('many at once keep theirs when enough are back', async () => {
    const { nodes, join, pass, work, held, fleet, state } = await fleetOf(10);
    join(nodes);
    await work();
    await pass(61_000, nodes);
    await pass(100_000, nodes.slice(5));
    expect(fleet.waiting().brakeSilent).toHaveLength(5);
    join(nodes.slice(0, 5));
    await pass(3_000, nodes);
    expect(fleet.waiting().brakeSilent).toBeNull();
    expect(state.meta.brake).toBeNull();
    expect(held()).toBe(10);
  });

  test('are not blamed for a clock of the scheduler that jumps', async () => {
    const { clock, nodes, join, pass, work, held, fleet, settle } = await fleetOf(4);
    join(nodes);
    await work();
    await pass(61_000, nodes);
    clock.jump(3_600_000);
    await clock.advance(1_000);
    await settle();
    expect(fleet.counts.stalls).toBe(1);
    expect(fleet.waiting().suspendedMs).toBe(80_000);
    await pass(30_000, nodes);
    expect(held()).toBe(4);
    expect(nodes.map((id) => fleet.softState(id).liveness)).toEqual(nodes.map(() => 'ready'));
  });
});

describe('after a start', () => {
  test('nodes that were not heard of keep what they have for the time of a failover, and nothing new is placed on them', async () => {
    const { nodes, join, pass, work, held, fleet } = await fleetOf(3);
    join(nodes.slice(0, 1));
    await work();
    expect(held()).toBe(1);
    expect(fleet.waiting().unheard).toEqual(nodes.slice(1));
    await pass(59_000, nodes.slice(0, 1));
    expect(fleet.softState(idOf(1)).liveness).toBe('unknown');
    await pass(3_000, nodes.slice(0, 1));
    expect(fleet.softState(idOf(1)).liveness).toBe('down');
    expect(fleet.waiting().unheard).toEqual([]);
  });

  test('in another history nothing is placed until every known node was heard, and then at once', async () => {
    const { nodes, join, pass, held, fleet, loop, state } = await fleetOf(2, (loop) =>
      loop.execute({
        name: 'restored',
        whenSpace: 'critical',
        run: (draft, { nowMs }) => {
          const left = { lineage: 'old', epoch: 1, revision: 1 };
          draft.put('meta', META_KEY, inNewHistory(draft.meta, 'lineage', left, 'restored', nowMs));
        },
      }),
    );
    join(nodes.slice(0, 1));
    const [made] = await loop.execute(submit(submission([{}])));
    const number = present(made, 'workload', '').number as WorkloadNumber;
    await pass(120_000, nodes.slice(0, 1));
    expect(state.workload(number)?.state).toBe('pending');
    expect(fleet.waiting()).toMatchObject({ recovery: { why: 'restored' } });
    join(nodes);
    await pass(3_000, nodes);
    expect(state.workload(number)?.state).toBe('starting');
    expect(held()).toBe(1);
    expect(state.meta.recovery).toBeNull();
    expect(fleet.waiting().recovery).toBeNull();
  });

  test.each([
    ['every known node was heard', { hears: true, graceMs: 0, heldMs: 19_000, freeMs: 23_000 }],
    [
      'nothing known can run on the silent one any more',
      { hears: false, graceMs: 100_000, heldMs: 125_000, freeMs: 135_000 },
    ],
  ])('nor when another copy of the store leads, until %s', async (_, { hears, graceMs, heldMs, freeMs }) => {
    const { nodes, join, pass, held, fleet, loop, state } = await fleetOf(2, (loop) =>
      loop.execute({
        name: 'another copy',
        whenSpace: 'critical',
        run: (draft, { nowMs }) =>
          draft.put('meta', META_KEY, {
            ...draft.meta,
            recovery: { why: 'copy_changed', sinceMs: nowMs, adopted: 0 },
          }),
      }),
    );
    const heard = hears ? nodes : nodes.slice(0, 1);
    join(heard);
    await loop.execute(submit(submission([{ onDisconnect: 'stop', graceMs }])));
    await pass(heldMs, heard);
    expect(held()).toBe(0);
    expect(loop.restsBecause).toContain('another copy of the store');
    expect(fleet.waiting().recovery).toMatchObject({ why: 'copy_changed' });
    await pass(freeMs - heldMs, heard);
    expect(held()).toBe(1);
    expect(state.meta.recovery).toBeNull();
    expect([...state.incidents.values()]).toMatchObject([{ kind: 'copy_heard' }]);
  });

  test.each(['copy_changed', 'lost'] satisfies Recovery['why'][])(
    'and what may go on without end on a silent node is begun by nobody but a person: %s',
    async (why) => {
      const { nodes, join, pass, loop, state, settle } = await fleetOf(3, (loop) =>
        loop.execute({
          name: 'a doubt',
          whenSpace: 'critical',
          run: (draft, { nowMs }) =>
            draft.put('meta', META_KEY, { ...draft.meta, recovery: { why, sinceMs: nowMs, adopted: 0 } }),
        }),
      );
      const heard = nodes.slice(0, 2);
      join(heard);
      const [kept] = await loop.execute(submit(submission([{ onDisconnect: 'keep', graceMs: 0 }])));
      const [other] = await loop.execute(submit(submission([{ onDisconnect: 'stop', graceMs: 0 }])));
      const allocationsOf = (one: typeof kept) =>
        state.workload(present(one, 'a workload', '').number)?.allocations.length;
      await pass(2 * 3_600_000, heard);
      expect(state.meta.recovery).toBeNull();
      expect(allocationsOf(other)).toBe(1);
      expect(allocationsOf(kept)).toBe(0);
      expect(state.workload(present(kept, 'a workload', '').number)?.hold).toContain('1 silent node may still run it');
      expect([...state.incidents.values()].at(-1)?.message).toContain('1 workload of class keep held');
      await loop.execute(release([String(present(kept, 'a workload', '').number)], 'root'));
      await settle();
      expect(allocationsOf(kept)).toBe(1);
    },
  );

  test('nor while many who submit are served before the loss is noted', async () => {
    const { nodes, join, held, fleet, loop, state, settle } = await fleetOf(2);
    join(nodes);
    await settle();
    const submits = Array.from({ length: 600 }, () => loop.execute(submit(submission([{}]))));
    await fleet.beginHistoryAbove(5, 'a test');
    await Promise.all(submits);
    await settle();
    expect(state.meta.recovery).toMatchObject({ why: 'lost' });
    expect(held()).toBe(0);
  });
});

test('Xids that the policy does not know are counted together, however many numbers an agent makes up', async () => {
  const { fleet } = await fleetOf(1);
  fleet.noteXids([79, 79, ...Array.from({ length: 5_000 }, (_, at) => 1_000 + at)]);
  expect([...fleet.xids]).toEqual([
    [79, 2],
    [OTHER_XID, 5_000],
  ]);
});

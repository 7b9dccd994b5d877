// The table of desired × observed, row by row, and the lease that no silent node outlives.
import fc from 'fast-check';
import { GPU_PARTS, NO_RETRY } from '../../scheduler/model/requests.js';
import { describe, expect, test } from 'vitest';
import type { AllocationId, NodeId } from '../../common/ids.js';
import { CLOCK_RATE_BOUND, fenceTimeMs, KILL_MARGIN_MS, LeaseTable } from '../../scheduler/fleet/lease.js';
import { cordonNode, updateInventory } from '../../scheduler/control/commands/nodes.js';
import type { Observed } from '../../scheduler/fleet/observed.js';
import { fenceNode, takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import { MAX_FALSE_STARTS } from '../../scheduler/model/elastic.js';
import { markReady, place } from '../../scheduler/model/lifecycle.js';
import { nodeReport, Workshop } from '../control/workshop.js';

function seen(id: AllocationId, state: Observed['state'], fields: Partial<Observed> = {}): Observed {
  return {
    id,
    state,
    startedMs: state === 'starting' ? null : 2_000,
    endedMs: state === 'exited' || state === 'released' ? 3_000 : null,
    exit: state === 'exited' || state === 'released' ? { code: 0, signal: '', message: 'exited with code 0' } : null,
    checkpoint: null,
    endpoints: [],
    neverStarted: false,
    stopSignalled: false,
    dirtyGpus: [],
    ...fields,
  };
}

function placed(): { shop: Workshop; node: NodeId; id: AllocationId } {
  const shop = new Workshop();
  shop.queue('research');
  const node = shop.node('n1', 2);
  const [id] = shop.place(shop.submit(), node) as [AllocationId];
  return { shop, node, id };
}

const outcome = (shop: Workshop, id: AllocationId) =>
  `${shop.workload(shop.allocation(id).workload).state}, ${shop.allocation(id).state}`;

describe('what follows from a report', () => {
  test.each<[string, (id: AllocationId) => Observed[], string]>([
    ['nothing yet', () => [], 'starting, placed'],
    ['starting', (id) => [seen(id, 'starting')], 'starting, placed'],
    ['running', (id) => [seen(id, 'running')], 'running, running'],
    ['exited', (id) => [seen(id, 'exited')], 'succeeded, exited'],
    ['released', (id) => [seen(id, 'released')], 'succeeded, released'],
    ['never started', (id) => [seen(id, 'released', { neverStarted: true, startedMs: null })], 'pending, released'],
    [
      'never started, and looked at',
      (id) => [seen(id, 'exited', { neverStarted: true, startedMs: null })],
      'pending, exited',
    ],
    ['ended, nobody knows how', (id) => [seen(id, 'released', { exit: null })], 'pending, released'],
    ['stopped by its node', (id) => [seen(id, 'released', { stopSignalled: true })], 'pending, released'],
    ['something unknown', () => [seen('ULID-unknown' as AllocationId, 'running')], 'starting, placed'],
  ])('placed, and the agent says: %s', (_, observed, expected) => {
    const { shop, node, id } = placed();
    shop.run(takeObservation(node, observed(id)));
    shop.run(takeObservation(node, observed(id)));
    expect(outcome(shop, id)).toBe(expected);
  });

  test('running, and the agent has no trace of it: it is requeued, its GPU is not given away', () => {
    const { shop, node, id } = placed();
    shop.run(takeObservation(node, [seen(id, 'running')]));
    shop.run(takeObservation(node, []));
    expect(outcome(shop, id)).toBe('pending, released');
    const health = () => shop.state.node(node)?.gpus[0]?.health;
    expect(health()).toBe('quarantined');
    // Neither an inventory nor a reconnect proves that nothing is left of it.
    const report = nodeReport(node, 'n1', 2);
    shop.run(updateInventory(node, report.inventory));
    shop.run(welcomeNode(report, []));
    expect(health()).toBe('quarantined');
    shop.run(cordonNode('n1', false, ''));
    expect(health()).toBe('healthy');
  });

  test.each([
    ['an hour ahead', 3_600_000],
    ['an hour behind', -3_600_000],
  ])('a machine whose clock is %s is charged for as long as its program ran', (_, aheadMs) => {
    const { shop, node, id } = placed();
    shop.nowMs = 5_000_000;
    const startedMs = shop.nowMs + aheadMs;
    shop.run(takeObservation(node, [seen(id, 'running', { startedMs })]));
    const began = shop.allocation(id).startedMs ?? 0;
    shop.nowMs += 60_000;
    shop.run(takeObservation(node, [seen(id, 'released', { startedMs, endedMs: startedMs + 50_000 })]));
    expect((shop.allocation(id).endedMs ?? 0) - began).toBe(50_000);
  });

  test('running, and the machine was rebooted: it is requeued, its GPU is free', () => {
    const { shop, node, id } = placed();
    shop.run(takeObservation(node, [seen(id, 'running')]));
    shop.run(welcomeNode(nodeReport(node, 'n1', 2, 'NVIDIA H100 80GB HBM3', 'boot-2'), []));
    expect(outcome(shop, id)).toBe('pending, released');
    expect(shop.state.node(node)?.gpus[0]).toMatchObject({ health: 'healthy' });
  });

  test.each<[string, Partial<Observed>]>([
    ['stopped by its agent, which had lost its lease, and left with code 0', { stopSignalled: true }],
    [
      'stopped by its agent, which had lost its lease, and killed',
      { stopSignalled: true, exit: { code: null, signal: 'SIGKILL', message: '' } },
    ],
    [
      'lost with the machine',
      { exit: { code: null, signal: '', message: 'lost: its node was rebooted, so how it ended is unknown' } },
    ],
  ])('running, and then %s: it is neither done nor to blame, it is requeued', (_, fields) => {
    const { shop, node, id } = placed();
    shop.run(takeObservation(node, [seen(id, 'running')]));
    shop.run(takeObservation(node, [seen(id, 'exited', fields)]));
    expect(outcome(shop, id)).toBe('pending, exited');
    expect(shop.workload(shop.allocation(id).workload)).toMatchObject({ requeues: 1 });
    shop.run(takeObservation(node, [seen(id, 'released', fields)]));
    expect(outcome(shop, id)).toBe('pending, released');
  });

  test('a GPU that stayed dirty is quarantined', () => {
    const { shop, node, id } = placed();
    shop.run(takeObservation(node, [seen(id, 'released', { dirtyGpus: ['GPU-n1-0'] })]));
    expect(shop.state.node(node)?.gpus.map(({ health }) => health)).toEqual(['quarantined', 'healthy']);
  });

  test('a GPU that others left dirty is quarantined when the last of them was never started', () => {
    const { shop, node, id } = placed();
    const last = { neverStarted: true, startedMs: null, dirtyGpus: ['GPU-n1-0'] };
    shop.run(takeObservation(node, [seen(id, 'released', last)]));
    expect(outcome(shop, id)).toBe('pending, released');
    expect(shop.state.node(node)?.gpus.map(({ health }) => health)).toEqual(['quarantined', 'healthy']);
  });

  test('a program that no node can start is tried again, but not for ever', () => {
    const { shop, node, id } = placed();
    const { workload: number } = shop.allocation(id);
    const exit = { code: null, signal: '', message: 'the disk is full' };
    const states = [0, 1, 2, 3, 4].map((attempt) => {
      const present = attempt === 0 ? id : (shop.place(number, node)[0] as AllocationId);
      shop.run(takeObservation(node, [seen(present, 'released', { neverStarted: true, startedMs: null, exit })]));
      return shop.workload(number).state;
    });
    expect(states).toEqual(['pending', 'pending', 'pending', 'pending', 'failed']);
    expect(shop.workload(number).message).toContain('the disk is full');
    expect(shop.state.heldOn(node)).toEqual([]);
  });

  test.each([
    ['soon after its start, five times in a row, has failed', 1_000, 'failed'],
    ['after a sound run each time, goes on', 120_000, 'pending'],
  ])('a workload that is lost with its node %s', (_, ranMs, expected) => {
    const { shop, node, id } = placed();
    const { workload: number } = shop.allocation(id);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const present = attempt === 0 ? id : (shop.place(number, node)[0] as AllocationId);
      const startedMs = shop.nowMs;
      shop.run(takeObservation(node, [seen(present, 'running', { startedMs })]));
      shop.nowMs += ranMs;
      const lost = seen(present, 'released', { startedMs, endedMs: shop.nowMs, exit: null });
      shop.run(takeObservation(node, [lost]));
    }
    expect(shop.workload(number).state).toBe(expected);
  });

  test('a gang loses one node: the whole gang is requeued once', () => {
    const shop = new Workshop();
    shop.queue('research');
    const [one, two] = [shop.node('n1', 1), shop.node('n2', 1)];
    const number = shop.submit({ tasks: 2 });
    const placements = [one, two].map((node, task) => ({ task, node, gpus: [0], parts: GPU_PARTS, instances: [] }));
    shop.change((draft, { newUlid, nowMs }) => place(draft, number, placements, nowMs, newUlid));
    const [first, second] = shop.workload(number).allocations as [AllocationId, AllocationId];
    shop.run(takeObservation(one, [seen(first, 'running')]));
    shop.run(takeObservation(two, [seen(second, 'running')]));
    shop.run(fenceNode(two, [second]));
    expect(outcome(shop, first)).toBe('stopping, stopping');
    shop.run(takeObservation(one, [seen(first, 'released', { stopSignalled: true })]));
    expect(shop.workload(number)).toMatchObject({ state: 'pending', requeues: 1 });
  });

  describe('a task of a gang fails, and then another one', () => {
    function failing() {
      const shop = new Workshop();
      shop.queue('research');
      const [one, two] = [shop.node('n1', 1), shop.node('n2', 1)];
      const number = shop.submit({ tasks: 2, retry: { ...NO_RETRY, max: 3 } });
      const placements = [one, two].map((node, task) => ({ task, node, gpus: [0], parts: GPU_PARTS, instances: [] }));
      const start = (): readonly [AllocationId, AllocationId] => {
        shop.change((draft, { newUlid, nowMs }) => place(draft, number, placements, nowMs, newUlid));
        return shop.workload(number).allocations as [AllocationId, AllocationId];
      };
      const fail = (id: AllocationId, fields: Partial<Observed> = {}): void => {
        const exit = { code: 1, signal: '', message: '' };
        shop.run(takeObservation(one, [seen(id, 'released', { exit, ...fields })]));
      };
      return { shop, one, two, number, start, fail };
    }

    test('is lost with its machine, which was why: no retry is charged', () => {
      const { shop, one, two, number, start, fail } = failing();
      const [first, second] = start();
      shop.run(takeObservation(one, [seen(first, 'running')]));
      shop.run(takeObservation(two, [seen(second, 'running')]));
      fail(first);
      expect(shop.workload(number)).toMatchObject({ state: 'stopping', afterStop: 'fail' });
      shop.run(fenceNode(two, [second]));
      expect(shop.workload(number)).toMatchObject({ state: 'pending', requeues: 1, retries: 0, falseStarts: 1 });
    });

    test('is lost again and again, soon after its start: it is given up all the same', () => {
      const { shop, one, two, number, start, fail } = failing();
      for (let attempt = 1; attempt <= MAX_FALSE_STARTS; attempt += 1) {
        expect(shop.workload(number)).toMatchObject({ state: 'pending', retries: 0 });
        const [first, second] = start();
        shop.run(takeObservation(one, [seen(first, 'running')]));
        shop.run(takeObservation(two, [seen(second, 'running')]));
        fail(first);
        shop.run(fenceNode(two, [second]));
      }
      expect(shop.workload(number)).toMatchObject({ retries: 1, falseStarts: MAX_FALSE_STARTS });
    });

    test('had begun, and its report was lost together with its machine: no retry is charged', () => {
      const { shop, one, two, number, start, fail } = failing();
      for (const way of ['its fence time passes', 'it is back without a trace', 'it is back, and knows'] as const) {
        const [first, second] = start();
        for (const id of [first, second]) shop.change((draft) => markReady(draft, id, shop.nowMs));
        expect(shop.allocation(second).launch?.stage).toBe('go');
        shop.run(takeObservation(one, [seen(first, 'running')]));
        fail(first);
        expect(shop.workload(number)).toMatchObject({ state: 'stopping', afterStop: 'fail' });
        const report = nodeReport(two, 'n2', 1, 'NVIDIA H100 80GB HBM3', `boot after ${way}`);
        const lost = { startedMs: null, exit: { code: null, signal: '', message: 'lost: its node was rebooted' } };
        if (way === 'its fence time passes') shop.run(fenceNode(two, [second]));
        else if (way === 'it is back, and knows') shop.run(welcomeNode(report, [seen(second, 'released', lost)]));
        else {
          shop.run(welcomeNode(report, []));
          // Its agent never heard of it, and is told to stop it.
          const never = { startedMs: null, neverStarted: true, exit: null };
          shop.run(takeObservation(two, [seen(second, 'released', never)]));
        }
        expect({ way, ...shop.workload(number) }).toMatchObject({ state: 'pending', retries: 0 });
      }
      expect(shop.workload(number)).toMatchObject({ requeues: 3 });
    });

    test.each<[string, Partial<Observed>]>([
      ['ends by its stop signal', { stopSignalled: true, exit: { code: null, signal: 'SIGTERM', message: '' } }],
      ['was not started yet', { neverStarted: true, startedMs: null, exit: null }],
    ])('%s: the program is to blame', (_, fields) => {
      const { shop, one, two, number, start, fail } = failing();
      const [first, second] = start();
      shop.run(takeObservation(one, [seen(first, 'running')]));
      if (fields.neverStarted !== true) shop.run(takeObservation(two, [seen(second, 'running')]));
      fail(first);
      shop.run(takeObservation(two, [seen(second, 'released', fields)]));
      expect(shop.workload(number)).toMatchObject({ state: 'pending', requeues: 0, retries: 1 });
    });
  });
});

describe('leases', () => {
  test('an agent that obeys its lease has ended its task before the scheduler gives it up', () => {
    fc.assert(
      fc.property(
        fc.record({
          leaseMs: fc.integer({ min: 1_000, max: 60_000 }),
          lingerMs: fc.integer({ min: 0, max: 3_600_000 }),
          graceMs: fc.integer({ min: 0, max: 600_000 }),
          agentRate: fc.double({ min: 1 - CLOCK_RATE_BOUND, max: 1 + CLOCK_RATE_BOUND, noNaN: true }),
          schedulerRate: fc.double({ min: 1 - CLOCK_RATE_BOUND, max: 1 + CLOCK_RATE_BOUND, noNaN: true }),
          replyDelayMs: fc.integer({ min: 0, max: 30_000 }),
        }),
        ({ leaseMs, lingerMs, graceMs, agentRate, schedulerRate, replyDelayMs }) => {
          // In real time: the agent sends at 0, the scheduler answers at replyDelayMs. A clock of rate r shows r·t.
          // Grace and kill are spans of the agent's clock, too.
          const agentDoneMs = (leaseMs + lingerMs + graceMs + KILL_MARGIN_MS) / agentRate;
          const givenUpMs = replyDelayMs + fenceTimeMs(0, leaseMs, lingerMs, graceMs) / schedulerRate;
          expect(givenUpMs).toBeGreaterThan(agentDoneMs);
        },
      ),
    );
  });

  test('a node is ready while it is answered, unknown when its stream ends, down when its lease ran out', () => {
    const node = 'n' as NodeId;
    const leases = new LeaseTable(20_000, [], 0);
    expect(leases.liveness(node, 0)).toBe('down');
    leases.answered(node, 1_000);
    expect(leases.liveness(node, 21_000)).toBe('ready');
    leases.disconnected(node);
    expect(leases.liveness(node, 21_000)).toBe('unknown');
    expect(leases.liveness(node, 21_001)).toBe('down');
  });

  const WALL_MS = 1_700_000_000_000;

  test.each([
    ['a stall', 61_000, WALL_MS + 61_000, { stalledMs: 59_000, divergedMs: 0 }, 79_000],
    ['a long stall', 3_602_000, WALL_MS + 3_602_000, { stalledMs: 3_600_000, divergedMs: 0 }, 80_000],
    ['a short stall', 6_000, WALL_MS + 6_000, { stalledMs: 4_000, divergedMs: 0 }, 30_000],
    ['a time of day that jumped ahead', 2_000, WALL_MS + 3_602_000, { stalledMs: 0, divergedMs: 3_600_000 }, 80_000],
    ['a time of day that was set back', 2_000, WALL_MS - 1_000, { stalledMs: 0, divergedMs: 3_000 }, 30_000],
    ['nothing strange', 3_900, WALL_MS + 3_900, { stalledMs: 0, divergedMs: 0 }, 0],
  ])(
    'after %s no lease expires for a lease and as long as it lasted, at most a minute',
    (_, nowMs, wallMs, look, suspendedMs) => {
      const node = 'n' as NodeId;
      const leases = new LeaseTable(20_000, [node], 0);
      leases.answered(node, 0);
      expect(leases.tick(1_000, WALL_MS + 1_000, 1_000)).toEqual({ stalledMs: 0, divergedMs: 0 });
      expect(leases.tick(nowMs, wallMs, 1_000)).toEqual(look);
      expect(leases.suspendedMs(nowMs)).toBe(suspendedMs);
      expect(leases.liveness(node, nowMs + suspendedMs - 1)).toBe('ready');
      expect(leases.liveness(node, nowMs + Math.max(suspendedMs, 20_001))).toBe('down');
    },
  );

  test('after a start silent nodes get the time of a failover', () => {
    const node = 'n' as NodeId;
    const leases = new LeaseTable(20_000, [node], 5_000, 60_000);
    expect(leases.liveness(node, 64_999)).toBe('unknown');
    expect(leases.liveness(node, 65_000)).toBe('down');
  });
});

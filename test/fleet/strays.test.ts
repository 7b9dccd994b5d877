// Tasks that are where they should not be, dead machines, and lost GPUs: the rows of the tables, one by one.
import { describe, expect, test } from 'vitest';
import { present } from '../../common/assert.js';
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import { removeGpu, removeNode, updateInventory } from '../../scheduler/control/commands/nodes.js';
import { desiredOf } from '../../scheduler/fleet/desired.js';
import type { Observed } from '../../scheduler/fleet/observed.js';
import { certifyNodeOff, fenceNode, takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import { endOrphans, isOrphanDue } from '../../scheduler/fleet/strays.js';
import { nodeReport, Workshop } from '../control/workshop.js';

const POLICY = { orphanTtlMs: 300_000 };
const ORPHAN = 'ULID-orphan' as AllocationId;

function seen(id: AllocationId, state: Observed['state'], gpu: string | null = 'GPU-n1-0'): Observed {
  const granted = { index: 0, model: 'x', simulated: true, generation: 9, parts: 7_000, instance: '' };
  const gpus = gpu === null ? [] : [{ uuid: gpu, ...granted }];
  const isOver = state === 'exited' || state === 'released';
  return {
    id,
    state,
    startedMs: 2_000,
    endedMs: isOver ? 3_000 : null,
    exit: isOver ? { code: 0, signal: '', message: '' } : null,
    checkpoint: null,
    endpoints: [],
    neverStarted: false,
    stopSignalled: false,
    dirtyGpus: [],
    grant: { workload: 77 as WorkloadNumber, attempt: 1, task: 0, gpus },
  };
}

function shopWithNode(names: readonly string[] = ['n1']): { shop: Workshop; node: NodeId } {
  const shop = new Workshop();
  shop.queue('research');
  for (const name of names) shop.node(name, 2);
  return { shop, node: 'node-n1' as NodeId };
}

function running(names?: readonly string[]): {
  shop: Workshop;
  node: NodeId;
  id: AllocationId;
  number: WorkloadNumber;
} {
  const { shop, node } = shopWithNode(names);
  const number = shop.submit();
  const [id] = shop.place(number, node) as [AllocationId];
  shop.run(takeObservation(node, [seen(id, 'running')]));
  return { shop, node, id, number };
}

const health = (shop: Workshop, node: NodeId) => shop.state.node(node)?.gpus.map((gpu) => gpu.health);
const spared = (shop: Workshop, node: NodeId) =>
  desiredOf(shop.state, node, { epoch: 1, revision: 1, leaderId: 'l' }).spared;

describe('a task that nobody asked for', () => {
  test('is left alone for its time, then ended; its GPU is nobody else’s until it is clean', () => {
    const { shop, node } = shopWithNode();
    const { strays } = shop.run(takeObservation(node, [seen(ORPHAN, 'running')], POLICY));
    expect(strays).toMatchObject([{ kind: 'orphan', allocation: ORPHAN, workload: 77, spared: true }]);
    expect(health(shop, node)).toEqual(['quarantined', 'healthy']);
    expect(spared(shop, node)).toEqual([ORPHAN]);
    expect(shop.run(takeObservation(node, [seen(ORPHAN, 'running')], POLICY)).strays).toEqual([]);
    expect([...shop.state.incidents.values()].map(({ kind }) => kind)).toEqual(['orphan']);
    shop.nowMs += 299_999;
    expect(isOrphanDue(shop.state.node(node) as never, POLICY.orphanTtlMs, shop.nowMs)).toBe(false);
    shop.nowMs += 1;
    shop.run(endOrphans(node, POLICY));
    expect(spared(shop, node)).toEqual([]);
    shop.run(takeObservation(node, [seen(ORPHAN, 'exited')], POLICY));
    expect(health(shop, node)).toEqual(['quarantined', 'healthy']);
    shop.run(takeObservation(node, [seen(ORPHAN, 'released')], POLICY));
    expect(health(shop, node)).toEqual(['healthy', 'healthy']);
    expect(shop.state.node(node)?.strays).toBeUndefined();
  });

  test('is ended at once where the policy says so, and is never taken over', () => {
    const { shop, node } = shopWithNode();
    shop.run(takeObservation(node, [seen(ORPHAN, 'running')], { orphanTtlMs: 0 }));
    expect(spared(shop, node)).toEqual([]);
    expect(shop.state.allocations.size + shop.state.workloads.size).toBe(0);
  });

  test('that leaves its GPU dirty leaves it to a person', () => {
    const { shop, node } = shopWithNode();
    shop.run(takeObservation(node, [seen(ORPHAN, 'running')], POLICY));
    shop.run(takeObservation(node, [{ ...seen(ORPHAN, 'released'), dirtyGpus: ['GPU-n1-0'] }], POLICY));
    shop.run(takeObservation(node, [], POLICY));
    expect(health(shop, node)).toEqual(['quarantined', 'healthy']);
  });

  test('and shared its GPU with another such task leaves it kept for that one', () => {
    const { shop, node } = shopWithNode();
    const other = 'ULID-other' as AllocationId;
    shop.run(takeObservation(node, [seen(ORPHAN, 'running'), seen(other, 'running')], POLICY));
    shop.run(takeObservation(node, [seen(ORPHAN, 'released'), seen(other, 'running')], POLICY));
    expect(health(shop, node)).toEqual(['quarantined', 'healthy']);
    shop.run(takeObservation(node, [seen(other, 'released')], POLICY));
    expect(health(shop, node)).toEqual(['healthy', 'healthy']);
  });

  test('is told of once, however many there are, and leaves its GPU free', () => {
    const { shop, node } = shopWithNode();
    const many = Array.from({ length: 70 }, (_, at) => seen(`ULID-${at}` as AllocationId, 'running'));
    shop.run(takeObservation(node, many, POLICY));
    expect(shop.run(takeObservation(node, many, POLICY)).strays).toEqual([]);
    shop.run(takeObservation(node, many.slice(10), POLICY));
    expect(shop.state.incidents.size).toBe(70);
    shop.run(takeObservation(node, [], POLICY));
    expect(health(shop, node)).toEqual(['healthy', 'healthy']);
  });

  test('and that had ended for the scheduler is a zombie: ended at once, nothing changes for its workload', () => {
    const { shop, node, id, number } = running();
    shop.run(takeObservation(node, [seen(id, 'released')]));
    const before = shop.workload(number);
    const { strays } = shop.run(takeObservation(node, [seen(id, 'running')], POLICY));
    expect(strays).toMatchObject([{ kind: 'zombie', spared: false }]);
    expect(shop.workload(number)).toEqual(before);
    expect(health(shop, node)).toEqual(['quarantined', 'healthy']);
  });

  test('and is another node’s is a zombie, too', () => {
    const { shop, id, number } = running(['n1', 'n2']);
    const other = 'node-n2' as NodeId;
    const { strays } = shop.run(takeObservation(other, [seen(id, 'running', 'GPU-n2-0')], POLICY));
    expect(strays).toMatchObject([{ kind: 'zombie' }]);
    expect(shop.workload(number).state).toBe('running');
  });
});

describe('a task that was given up without its agent', () => {
  test.each([
    ['by its fence time', (node: NodeId, id: AllocationId) => fenceNode(node, [id]), 'fenced'],
    ['on a person’s word', () => certifyNodeOff('n1', 'burnt', 'root'), 'certified'],
  ])('%s and runs after all violates the fence: its node takes no new work', (_, giveUp, proof) => {
    const { shop, node, id, number } = running();
    shop.run<unknown>(giveUp(node, id));
    expect(shop.allocation(id)).toMatchObject({ state: 'released', release: { proof } });
    expect(shop.workload(number).state).toBe('pending');
    const { strays } = shop.run(welcomeNode(nodeReport(node, 'n1', 2), [seen(id, 'running')]));
    expect(strays).toMatchObject([{ kind: 'fence_violated', spared: false }]);
    expect(shop.state.node(node)).toMatchObject({ cordoned: true });
    expect(shop.state.node(node)?.cordonReason).toContain('still runs on n1, although it was given up');
    expect([...shop.state.incidents.values()].at(-1)).toMatchObject({ kind: 'fence_violated' });
    expect(health(shop, node)).toEqual(['quarantined', 'healthy']);
  });

  test('and ended in time violates nothing', () => {
    const { shop, node, id } = running();
    shop.run(fenceNode(node, [id]));
    const { strays } = shop.run(welcomeNode(nodeReport(node, 'n1', 2), [seen(id, 'released')]));
    expect(strays).toEqual([]);
    expect(shop.state.node(node)).toMatchObject({ cordoned: false });
  });
});

describe('a machine that is no more', () => {
  test('is fenced on a person’s word: all it holds is given up at once, and who said so is kept', () => {
    const { shop, node, id, number } = running();
    expect(shop.run(certifyNodeOff('n1', 'power supply burnt', 'root'))).toEqual([id]);
    expect(shop.workload(number)).toMatchObject({ state: 'pending', requeues: 1 });
    expect(shop.state.heldOn(node)).toEqual([]);
    expect([...shop.state.incidents.values()]).toMatchObject([
      {
        kind: 'node_fenced',
        actor: 'root',
        message: 'node n1 was certified to be off; 1 allocation given up: power supply burnt',
      },
    ]);
  });

  test('is not forgotten while anything is held, and is afterwards', () => {
    const { shop, node } = running();
    expect(() => shop.run(removeNode('n1', 'root'))).toThrow('1 allocation of node n1 is held (workloads 1)');
    shop.run(certifyNodeOff('n1', '', 'root'));
    shop.run(removeNode('n1', 'root'));
    expect(shop.state.node(node)).toBeUndefined();
    expect(() => shop.run(removeNode('n1', 'root'))).toThrow('node "n1" does not exist');
  });

  test('that comes back after all is taken in, with generations above all it accepted', () => {
    const { shop, node } = shopWithNode();
    shop.run(removeNode('n1', 'root'));
    const past = { knowsMore: false, origins: new Map(), generations: { 'GPU-n1-0': 12 } };
    shop.run(welcomeNode(nodeReport(node, 'n1', 2), [], past));
    expect(shop.state.node(node)?.gpus.map(({ generation }) => generation)).toEqual([12, 0]);
  });

  test('that comes back without having heard of its last grants is given work again', () => {
    const { shop, node } = running();
    shop.run(certifyNodeOff('n1', '', 'root'));
    shop.run(removeNode('n1', 'root'));
    shop.run(welcomeNode(nodeReport(node, 'n1', 2), []));
    const [again] = shop.place(shop.submit(), node);
    expect(shop.allocation(present(again, 'allocation', 'placed')).gpus).toMatchObject([{ index: 0, generation: 1 }]);
  });
});

describe('a GPU that is no more', () => {
  const inventory = (uuids: readonly string[]) => {
    const report = nodeReport('node-n1' as NodeId, 'n1', uuids.length).inventory;
    return { ...report, gpus: report.gpus.map((gpu, at) => ({ ...gpu, uuid: uuids[at] ?? '' })) };
  };

  test('is taken away once it is lost and nobody holds it; the one that replaces it takes its place', () => {
    const { shop, node, id } = running();
    expect(() => shop.run(removeGpu('n1', 'GPU-n1-1', 'root'))).toThrow('GPU GPU-n1-1 of node n1 is healthy');
    shop.run(updateInventory(node, inventory(['GPU-n1-1'])));
    expect(() => shop.run(removeGpu('n1', 'GPU-n1-0', 'root'))).toThrow('is held (workloads 1)');
    shop.run(takeObservation(node, [seen(id, 'released')]));
    shop.run(removeGpu('n1', 'GPU-n1-0', 'root'));
    expect(() => shop.run(removeGpu('n1', 'GPU-n1-0', 'root'))).toThrow('gpu "GPU-n1-0" does not exist');
    shop.run(updateInventory(node, inventory(['GPU-n1-1', 'GPU-new'])));
    expect(shop.state.node(node)?.gpus).toMatchObject([
      { uuid: 'GPU-new', index: 0, health: 'healthy', generation: 0 },
      { uuid: 'GPU-n1-1', index: 1, health: 'healthy' },
    ]);
    expect(shop.state.node(node)?.gpus[0]?.retired).toBeUndefined();
    // Nobody ever had it.
    const [first] = shop.place(shop.submit(), node);
    expect(shop.allocation(present(first, 'allocation', 'placed')).gpus).toMatchObject([
      { uuid: 'GPU-new', generation: 1 },
    ]);
  });

  test('and is back is as good as before', () => {
    const { shop, node } = shopWithNode();
    shop.run(updateInventory(node, inventory(['GPU-n1-1'])));
    shop.run(removeGpu('n1', 'GPU-n1-0', 'root'));
    shop.run(updateInventory(node, inventory(['GPU-n1-0', 'GPU-n1-1'])));
    expect(health(shop, node)).toEqual(['healthy', 'healthy']);
    expect(shop.state.node(node)?.gpus.some(({ retired }) => retired)).toBe(false);
  });
});

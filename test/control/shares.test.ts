// GPUs in shares and in MIG instances: what is granted, fenced, counted, quarantined, and the laws that no grant breaks.
import { describe, expect, test } from 'vitest';
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import { cordonNode, updateInventory } from '../../scheduler/control/commands/nodes.js';
import { GpuShares } from '../../scheduler/model/gpu-shares.js';
import type { Observed } from '../../scheduler/fleet/observed.js';
import { takeObservation, welcomeNode } from '../../scheduler/fleet/reconcile.js';
import type { Placement } from '../../scheduler/model/records.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { nodeReport, Workshop } from './workshop.js';

const HALF = GPU_PARTS / 2;
const MIG = ['a', 'b'].map((name) => ({ uuid: `MIG-${name}`, profile: '3g.20gb', memoryMib: 20_000 }));

/** One node with two GPUs; `mig` = the first is cut in two instances. */
function stage(mig = false) {
  const shop = new Workshop();
  shop.queue('research', { guaranteeGpus: 8 });
  const node = shop.node('n1', 2);
  if (mig) {
    const { inventory } = nodeReport(node, 'n1', 2);
    const gpus = inventory.gpus.map((gpu, index) => (index === 0 ? { ...gpu, mig: MIG } : gpu));
    shop.run(updateInventory(node, { ...inventory, gpus }));
  }
  const bind = (fields: Partial<Placement>): AllocationId => {
    const number = shop.submit({ request: { gpuMilli: 500 } });
    const placement = { task: 0, node, gpus: [0], parts: HALF, instances: [], ...fields };
    shop.decide({ type: 'bind', workload: number, placements: [placement] });
    return shop.workload(number).allocations[0] as AllocationId;
  };
  const see = (fields: Partial<Observed>, ...ids: AllocationId[]) => {
    const usual = { startedMs: shop.nowMs, endedMs: null, exit: null, checkpoint: null, endpoints: [] };
    const seen = { ...usual, neverStarted: false, stopSignalled: false, dirtyGpus: [], state: 'running' } as const;
    const others = shop.state.heldOn(node).filter(({ id }) => !ids.includes(id));
    const observed = [...ids.map((id) => ({ ...seen, id, ...fields })), ...others.map(({ id }) => ({ ...seen, id }))];
    shop.run(takeObservation(node, observed));
  };
  const ended = { state: 'released', exit: { code: 0, signal: '', message: '' } } as const;
  const gpu = (index: number) => shop.state.node(node)?.gpus[index];
  const workloadOf = (id: AllocationId) => shop.workload(shop.allocation(id).workload);
  return { shop, node, bind, see, ended, gpu, workloadOf };
}

describe('shares', () => {
  test('are fenced by a generation each, and one that is released leaves the others', () => {
    const { shop, node, bind, see, ended, gpu } = stage();
    const [first, second] = [bind({}), bind({})];
    expect([first, second].map((id) => shop.allocation(id).gpus)).toMatchObject([
      [{ uuid: 'GPU-n1-0', generation: 1, parts: HALF }],
      [{ uuid: 'GPU-n1-0', generation: 2, parts: HALF }],
    ]);
    see({}, first, second);
    see(ended, first);
    expect(shop.state.heldOn(node).map(({ id }) => id)).toEqual([second]);
    expect(gpu(0)).toMatchObject({ generation: 2, health: 'healthy' });
    expect(shop.allocation(bind({})).gpus[0]?.generation).toBe(3);
  });

  test('cost their part: half a GPU for 10 s is 5 s of GPU time, also when it is lost', () => {
    const { shop, bind, see, ended, workloadOf } = stage();
    const [done, lost] = [bind({}), bind({ parts: 2_000 })];
    see({}, done, lost);
    shop.nowMs += 10_000;
    const ran = { startedMs: shop.nowMs - 10_000, endedMs: shop.nowMs };
    see({ ...ended, ...ran }, done);
    see({ ...ended, ...ran, exit: null }, lost);
    expect(workloadOf(done)).toMatchObject({ state: 'succeeded', gpuMs: 5_000 });
    expect(workloadOf(lost)).toMatchObject({ state: 'pending', gpuMs: 2_857, lostGpuMs: 2_857 });
  });

  test('say their size where people read it', () => {
    const { bind, workloadOf } = stage();
    expect(workloadOf(bind({})).events.at(-1)?.message).toBe('attempt 1 on n1 (0.5 GPUs)');
    expect(workloadOf(bind({ parts: 1_000 })).events.at(-1)?.message).toBe('attempt 1 on n1 (0.143 GPUs)');
  });

  test('of a GPU that one left dirty go on, and nothing new comes until somebody looked', () => {
    const { shop, bind, see, ended, gpu, workloadOf } = stage();
    const [dirty, other] = [bind({}), bind({})];
    see({}, dirty, other);
    see({ ...ended, dirtyGpus: ['GPU-n1-0'] }, dirty);
    expect(gpu(0)).toMatchObject({ health: 'quarantined' });
    expect(workloadOf(other).state).toBe('running');
    expect(() => bind({})).toThrow('granted GPUs exist');
    see({ ...ended }, other);
    expect(gpu(0)).toMatchObject({ health: 'quarantined' });
    shop.run(cordonNode('n1', false, ''));
    expect(shop.allocation(bind({})).gpus[0]?.generation).toBe(3);
  });

  test('of which no trace is left quarantine their GPU, and a reboot frees it', () => {
    const { shop, node, bind, see, gpu } = stage();
    const [gone, other] = [bind({}), bind({})];
    see({}, gone, other);
    const running = { id: other, state: 'running', startedMs: shop.nowMs, endedMs: null, exit: null } as const;
    const rest = { checkpoint: null, endpoints: [], neverStarted: false, stopSignalled: false, dirtyGpus: [] };
    shop.run(takeObservation(node, [{ ...running, ...rest }]));
    expect(gpu(0)).toMatchObject({ health: 'quarantined' });
    expect(shop.allocation(other).state).toBe('running');
    shop.run(welcomeNode(nodeReport(node, 'n1', 2, 'NVIDIA H100 80GB HBM3', 'boot-2'), []));
    expect(gpu(0)).toMatchObject({ health: 'healthy' });
    expect(shop.state.heldOn(node)).toEqual([]);
  });
});

describe('MIG instances', () => {
  const instance = (name: string) => ({ parts: 3_000, instances: [`MIG-${name}`] });

  test('are granted by their UUID, several of one GPU to one task, too', () => {
    const { shop, bind, gpu } = stage(true);
    const id = bind({ gpus: [0, 0], parts: 3_000, instances: ['MIG-a', 'MIG-b'] });
    expect(shop.allocation(id).gpus).toMatchObject([
      { uuid: 'GPU-n1-0', instance: 'MIG-a', generation: 1 },
      { uuid: 'GPU-n1-0', instance: 'MIG-b', generation: 2 },
    ]);
    expect(gpu(0)?.generation).toBe(2);
  });

  test('that are dirty quarantine their GPU as a whole', () => {
    const { bind, see, ended, gpu } = stage(true);
    const id = bind(instance('a'));
    see({}, id);
    see({ ...ended, dirtyGpus: ['MIG-a'] }, id);
    expect([gpu(0)?.health, gpu(1)?.health]).toEqual(['quarantined', 'healthy']);
  });

  test.each<[string, string, Partial<Placement>[]]>([
    ['an instance twice', 'one owner per MIG instance', [instance('a'), instance('a')]],
    ['an instance that its GPU does not have', 'only instances of a GPU in MIG mode are granted', [instance('x')]],
    ['a GPU in MIG mode whole', 'only instances of a GPU in MIG mode are granted', [{ parts: GPU_PARTS }]],
    ['a share of a GPU in MIG mode', 'only instances of a GPU in MIG mode are granted', [{}]],
    [
      'an instance of a GPU without',
      'only instances of a GPU in MIG mode are granted',
      [{ ...instance('a'), gpus: [1] }],
    ],
    ['more than all of a GPU', 'one owner per part of a GPU', [{ gpus: [1] }, { gpus: [1], parts: HALF + 1 }]],
    ['one GPU twice to one task', 'one owner per part of a GPU', [{ gpus: [1, 1], parts: GPU_PARTS }]],
    ['nothing of a GPU', 'a grant is a part of a GPU', [{ gpus: [1], parts: 0 }]],
    ['more of a GPU than it is', 'a grant is a part of a GPU', [{ gpus: [1], parts: GPU_PARTS + 7 }]],
  ])('and GPUs: nobody is given %s', (_, law, placements) => {
    const { bind } = stage(true);
    const last = placements.at(-1) ?? {};
    for (const placement of placements.slice(0, -1)) bind(placement);
    expect(() => bind(last)).toThrow(`invariant "${law}" does not hold`);
  });

  test('and shares of one GPU never stand side by side', () => {
    const gpu = { uuid: 'G', index: 0, model: '', simulated: true, generation: 1, parts: 1_000 };
    const shares = new GpuShares();
    shares.add({ id: 'A' as AllocationId, gpus: [{ ...gpu, instance: 'MIG-a' }] });
    const share = { id: 'B' as AllocationId, gpus: [{ ...gpu, instance: '' }] };
    expect(() => shares.add(share)).toThrow('a GPU is shared in one way');
  });
});

test('GPUs of a gang sum up over its nodes', () => {
  const { shop, node } = stage();
  const other: NodeId = shop.node('n2', 2);
  const number: WorkloadNumber = shop.submit({ tasks: 2, gpusPerTask: 2 });
  const placements = [node, other].map((id, task) => ({
    task,
    node: id,
    gpus: [0, 1],
    parts: GPU_PARTS,
    instances: [],
  }));
  shop.decide({ type: 'bind', workload: number, placements });
  expect(shop.workload(number).events.at(-1)?.message).toBe('attempt 1 on n1 (2 GPUs), n2 (2 GPUs)');
});

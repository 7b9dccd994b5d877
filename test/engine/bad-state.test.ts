// State that nobody asked for but that comes about: rules that cannot all be kept, hardware that changes under running work,
// records that name what is not there. Each has one defined answer, and says why.
import { describe, expect, it } from 'vitest';
import type { NodeId, WorkloadNumber } from '../../common/ids.js';
import { registerNode, type NodeReport } from '../../scheduler/control/commands/nodes.js';
import { step } from '../../scheduler/engine/engine.js';
import { ClusterState } from '../../scheduler/model/cluster-state.js';
import { Draft } from '../../scheduler/model/draft.js';
import { PLAIN_GPU } from '../plain-spec.js';
import type { QueueOptions, TestCluster, WorkloadOptions } from './cluster.js';
import { lawfulCluster } from './laws.js';

const all = [0, 1, 2, 3, 4, 5, 6, 7];

function share(cluster: TestCluster, queue: string) {
  return cluster.view.queueShares().find((each) => each.queue === queue);
}

/** What is decided in ten more cycles. */
function decidedLater(cluster: TestCluster): number {
  const before = cluster.decisions.length;
  for (let cycles = 0; cycles < 10; cycles++) cluster.cycle();
  return cluster.decisions.length - before;
}

describe('more guaranteed than there is', () => {
  function overcommitted(): TestCluster {
    return lawfulCluster().nodes(1).queue('a', { guarantee: 8 }).queue('b', { guarantee: 8 }).queue('c');
  }

  it('is shared evenly by those who ask at once, and rests', () => {
    const cluster = overcommitted();
    cluster.submitMany(8, 'a');
    cluster.submitMany(8, 'b');
    cluster.settle();
    expect([cluster.held('a'), cluster.held('b')]).toEqual([4, 4]);
    expect(decidedLater(cluster)).toBe(0);
  });

  it('is not taken from whoever came first and stays within his guarantee; it is owed', () => {
    const cluster = overcommitted();
    cluster.submitMany(8, 'a');
    cluster.settle();
    const late = cluster.submit('b');
    expect(decidedLater(cluster)).toBe(0);
    expect(cluster.explain(late)).toMatchObject({
      reason: 'RESOURCES',
      summary:
        'It needs 1 GPU and 0 of 8 that fit are free; what runs on them is not preemptible or within the guarantee of its queue.',
    });
    expect(share(cluster, 'b')).toMatchObject({ unmetGuaranteeGpus: 1, fairShareGpus: 1 });
  });

  it('is taken back in full from whoever has no guarantee', () => {
    const cluster = overcommitted();
    cluster.submitMany(8, 'c');
    cluster.settle();
    cluster.submitMany(8, 'a');
    cluster.submitMany(8, 'b');
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect([cluster.held('a'), cluster.held('b'), cluster.held('c')]).toEqual([4, 4, 0]);
  });

  it('below one queue is bounded by what that queue may hold', () => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('top', { guarantee: 4 })
      .queue('a', { parent: 'top', guarantee: 4 })
      .queue('b', { parent: 'top', guarantee: 4 });
    cluster.submitMany(4, 'a', { preemptible: false });
    cluster.settle();
    const late = cluster.submit('b', { preemptible: false });
    cluster.settle();
    expect(cluster.explain(late)?.summary).toContain('queue top is guaranteed 4 GPUs, holds 4 for such work');
  });
});

describe('a queue that is deleted', () => {
  function deleted(options: WorkloadOptions = {}) {
    const cluster = lawfulCluster().nodes(1).queue('gone', { guarantee: 4 }).queue('b', { guarantee: 0 });
    const running = cluster.running('gone', 'n0', all, options);
    const pending = cluster.submit('gone');
    cluster.settle();
    cluster.removeQueue('gone');
    return { cluster, running, pending };
  }

  it('leaves its running work alone while nobody else wants the GPUs', () => {
    const { cluster, running } = deleted();
    expect(decidedLater(cluster)).toBe(0);
    expect(cluster.states(running)).toEqual(['running']);
  });

  it('starts nothing more, and says why', () => {
    const { cluster, running, pending } = deleted();
    cluster.finish(running).settle();
    expect(cluster.where(pending)).toBe('');
    expect(cluster.explain(pending)).toMatchObject({
      reason: 'QUEUE_LIMIT',
      summary: 'Queue gone does not exist.',
    });
  });

  it('guarantees nothing: its work gives to any other', () => {
    const { cluster, running } = deleted();
    const other = cluster.submit('b');
    cluster.cycle();
    expect(cluster.states(running, other)).toEqual(['pending', 'starting']);
    expect(cluster.explain(running)?.summary).toBe('Queue gone does not exist.');
  });

  it('takes nothing from work that is not preemptible', () => {
    const { cluster, running } = deleted({ preemptible: false });
    const other = cluster.submit('b');
    cluster.cycle();
    expect(cluster.states(running, other)).toEqual(['running', 'pending']);
  });

  it('is no queue of which shares are told', () => {
    const { cluster } = deleted();
    expect(cluster.view.queueShares().map(({ queue }) => queue)).toEqual(['b']);
  });

  it('that comes back has its work again', () => {
    const { cluster, running, pending } = deleted();
    cluster.queue('gone', { guarantee: 4 });
    expect(share(cluster, 'gone')).toMatchObject({ allocatedGpus: 8, pendingGpus: 1 });
    cluster.finish(running).settle();
    expect(cluster.where(pending)).toBe('n0:0');
  });

  it('leaves no trace once its work is gone', () => {
    const { cluster, running, pending } = deleted();
    cluster.cancel(pending).finish(running).settle();
    const after = cluster.submit('b', { gpus: 8 });
    cluster.settle();
    expect(cluster.where(after)).toBe(`n0:${all.join()}`);
  });

  it('above others stops those, by name', () => {
    const cluster = lawfulCluster().nodes(1).queue('top').queue('a', { parent: 'top', guarantee: 4 });
    cluster.removeQueue('top');
    const workload = cluster.submit('a');
    cluster.settle();
    expect(cluster.explain(workload)).toMatchObject({ reason: 'QUEUE_LIMIT', summary: 'Queue top does not exist.' });
    cluster.queue('top').settle();
    expect(cluster.where(workload)).toBe('n0:0');
  });
});

describe('a node that shrinks under running work', () => {
  it('keeps charging whoever holds the GPU that is gone, and gives out the rest', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { limit: 4 });
    const holder = cluster.running('q', 'n0', [6, 7]);
    cluster.node('n0', { gpus: 7 });
    expect(share(cluster, 'q')).toMatchObject({ allocatedGpus: 2 });
    const more = cluster.submitMany(3, 'q');
    cluster.settle();
    expect(cluster.states(holder, ...more)).toEqual(['running', 'starting', 'starting', 'pending']);
    expect(more[2] && cluster.explain(more[2])?.summary).toBe('Queue q holds 4 of at most 4 GPUs and this asks for 1.');
  });

  it('gives the GPU to nobody else when it comes back', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 2 }).queue('q', { guarantee: 8 });
    const holder = cluster.running('q', 'n0', [1]);
    cluster.node('n0', { gpus: 1 }).node('n0', { gpus: 2 });
    const others = cluster.submitMany(2, 'q');
    cluster.settle();
    expect(others.map((number) => cluster.where(number))).toEqual(['n0:0', '']);
    cluster.finish(holder).settle();
    expect(others.map((number) => cluster.where(number))).toEqual(['n0:0', 'n0:1']);
  });

  it('frees nothing when the holder of what is gone ends', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 2 }).queue('q', { guarantee: 8 });
    const holder = cluster.running('q', 'n0', [0, 1]);
    const waiting = cluster.submit('q', { gpus: 2 });
    cluster.node('n0', { gpus: 1 }).settle();
    cluster.finish(holder).settle();
    expect(cluster.where(waiting)).toBe('');
    expect(cluster.reason(waiting)).toBe('NO_SUCH_GPU');
  });

  it('evicts nobody for want of CPU or memory, and starts nothing that needs any', () => {
    const cluster = lawfulCluster().nodes(1, { cpus: 64, memoryMib: 1_000 }).queue('q', { guarantee: 8 });
    const holder = cluster.placed('q', 'n0:0', { request: { cpuMilli: 32_000, memoryMib: 500 } });
    cluster.node('n0', { cpus: 16, memoryMib: 400 });
    const needy = cluster.submit('q', { request: { cpuMilli: 2_000, memoryMib: 1 } });
    const plain = cluster.submit('q');
    cluster.settle();
    expect(cluster.states(holder, needy, plain)).toEqual(['running', 'pending', 'starting']);
    const explanation = cluster.explain(needy);
    expect(explanation?.reason).toBe('CPU_OR_MEMORY');
    expect(explanation?.lines).toContainEqual({
      title: 'Nearest',
      text: 'n0 has 0 cores of 2 cores, 0 of 1 MiB free',
    });
    cluster.finish(holder).settle();
    expect(cluster.states(needy)).toEqual(['starting']);
  });

  it('that goes for good lets its work be charged until that is released', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 1 }).queue('q', { limit: 1 });
    const holder = cluster.running('q', 'n0', [0]);
    const waiting = cluster.submit('q');
    cluster.removeNode('n0').settle();
    expect(cluster.explain(waiting)?.summary).toBe('Queue q holds 1 of at most 1 GPU and this asks for 1.');
    cluster.finish(holder).settle();
    expect(cluster.where(waiting)).toBe('n1:0');
  });
});

describe('a GPU that changes', () => {
  it('its model stays with its holder, and is the new one for whoever comes next', () => {
    const cluster = lawfulCluster().node('n0', { gpus: 1, model: 'NVIDIA A100' }).queue('q', { guarantee: 8 });
    const holder = cluster.running('q', 'n0', [0], { model: 'A100' });
    const [old, fresh] = [cluster.submit('q', { model: 'A100' }), cluster.submit('q', { model: 'H100' })];
    cluster.settle();
    expect(cluster.reason(fresh)).toBe('NO_SUCH_GPU');
    cluster.node('n0', { gpus: 1, model: 'NVIDIA H100' });
    expect(cluster.settle()).toEqual([]);
    expect(cluster.states(holder)).toEqual(['running']);
    expect([cluster.reason(old), cluster.reason(fresh)]).toEqual(['NO_SUCH_GPU', 'RESOURCES']);
    cluster.finish(holder).settle();
    expect(cluster.where(fresh)).toBe('n0:0');
  });

  it('its place stays with its holder too', () => {
    const cluster = lawfulCluster()
      .node('n0', { gpus: 2, uuids: { 0: 'x', 1: 'y' } })
      .queue('q', { guarantee: 8 });
    const holder = cluster.running('q', 'n0', [0]);
    cluster.node('n0', { gpus: 2, uuids: { 0: 'y', 1: 'x' } });
    const other = cluster.submit('q');
    cluster.settle();
    // What is held is x, wherever it stands.
    expect(cluster.states(holder)).toEqual(['running']);
    expect(cluster.where(other)).toBe('n0:0');
  });

  it('its model breaks the promise of it to whoever wants the old one', () => {
    const cluster = lawfulCluster().node('n0', { gpus: 1, model: 'NVIDIA A100' }).queue('q', { guarantee: 8 });
    cluster.running('q', 'n0', [0], { priority: 10 });
    const claimer = cluster.submit('q', { model: 'A100', priority: 90 });
    cluster.settle();
    cluster.node('n0', { gpus: 1, model: 'NVIDIA H100' });
    cluster.cycle();
    expect(cluster.where(claimer)).toBe('');
    expect(cluster.workload(claimer).claim).toBe(null);
    expect(cluster.reason(claimer)).toBe('NO_SUCH_GPU');
  });

  it('into MIG mode is given in instances once its holder has left', () => {
    const cluster = lawfulCluster().node('n0', { gpus: 1 }).queue('q', { guarantee: 8 });
    const holder = cluster.running('q', 'n0', [0]);
    const slice = cluster.submit('q', { request: { migProfile: '3g.40gb' } });
    cluster.node('n0', { gpus: 1, mig: { 0: ['3g.40gb', '3g.40gb'] } }).settle();
    expect(cluster.where(slice)).toBe('');
    cluster.finish(holder).settle();
    expect(cluster.instances(slice)).toEqual(['n0-0-0']);
  });

  it('out of MIG mode is given whole once the holders of its instances have left', () => {
    const cluster = lawfulCluster()
      .node('n0', { gpus: 1, mig: { 0: ['3g.40gb', '3g.40gb'] } })
      .queue('q', { guarantee: 8 });
    const holder = cluster.placed('q', 'n0:0/1', { request: { migProfile: '3g.40gb' } });
    const whole = cluster.submit('q');
    cluster.node('n0', { gpus: 1 }).settle();
    expect(cluster.where(whole)).toBe('');
    cluster.finish(holder).settle();
    expect(cluster.where(whole)).toBe('n0:0');
  });

  it('its instances, while one is held, gives none of the new ones', () => {
    const cluster = lawfulCluster()
      .node('n0', { gpus: 1, mig: { 0: ['3g.40gb', '3g.40gb'] } })
      .queue('q', { guarantee: 8 });
    const holder = cluster.placed('q', 'n0:0/1', { request: { migProfile: '3g.40gb' } });
    const slice = cluster.submit('q', { request: { migProfile: '7g.80gb' } });
    cluster.node('n0', { gpus: 1, mig: { 0: ['7g.80gb'] } }).settle();
    expect(cluster.where(slice)).toBe('');
    cluster.finish(holder).settle();
    expect(cluster.where(slice)).toBe('n0:0');
  });
});

describe('two nodes that name one GPU', () => {
  const report = (id: string, uuids: readonly string[]): NodeReport => ({
    id: id as NodeId,
    name: id,
    pool: 'default',
    labels: {},
    bootId: 'b',
    agentVersion: '',
    inventory: {
      gpus: uuids.map((uuid) => ({
        uuid,
        model: 'NVIDIA H100',
        memoryMib: 81_920,
        simulated: true,
        health: 'healthy',
        healthMessage: '',
        pciBusId: '',
        ...PLAIN_GPU,
      })),
      cpuCount: 64,
      memoryMib: 1 << 20,
      driverVersion: '',
      cudaVersion: '',
      gpuProblem: '',
    },
  });

  it('have it once: it is the first one, and the other says so', () => {
    const state = new ClusterState();
    const cluster = lawfulCluster().queue('q', { guarantee: 8 });
    for (const [id, uuids] of [
      ['a', ['x', 'y']],
      ['b', ['x', 'z']],
    ] as const) {
      const draft = new Draft(state);
      cluster.nodeRecord(registerNode(draft, report(id, uuids), 0));
      for (const change of draft.changes()) state.apply(change);
    }
    const workloads = cluster.submitMany(4, 'q');
    cluster.settle();
    expect(workloads.map((number) => cluster.where(number)).toSorted()).toEqual(['', 'a:0', 'a:1', 'b:1']);
    const [waiting] = workloads.filter((number) => cluster.where(number) === '');
    expect(waiting && cluster.explain(waiting)?.lines[1]?.text).toContain('1 quarantined');
    expect(state.node('b' as NodeId)?.gpus[0]?.healthMessage).toBe('node a has a GPU with the same UUID');
  });
});

describe('a request that no node could ever hold', () => {
  const cases: readonly {
    readonly title: string;
    readonly ask: WorkloadOptions;
    readonly reason: string;
    readonly says: string;
  }[] = [
    {
      title: 'of GPUs',
      ask: { gpus: 16 },
      reason: 'NO_SUCH_GPU',
      says: 'A task needs 16 GPUs on one node, and no node in the cluster has more than 8 GPUs.',
    },
    {
      title: 'of cores',
      ask: { request: { cpuMilli: 65_000 } },
      reason: 'CPU_OR_MEMORY',
      says: 'no node that has them has more than 64 cores',
    },
    {
      title: 'of memory',
      ask: { request: { memoryMib: 2_000_000 } },
      reason: 'CPU_OR_MEMORY',
      says: 'no node that has them has more than 1048576 MiB of memory',
    },
    {
      title: 'of tasks in all',
      ask: { gpus: 6, tasks: 3 },
      reason: 'NO_SUCH_GPU',
      says: 'All 3 tasks of 6 GPUs do not fit on the GPUs of the cluster, even when nothing else runs.',
    },
  ];
  it.each(cases)(
    '$title is told so, on an idle cluster and on a full one, and evicts nobody',
    ({ ask, reason, says }) => {
      const cluster = lawfulCluster().nodes(2).queue('b').queue('q', { guarantee: 100 });
      const idle = cluster.submit('q', ask);
      cluster.settle();
      expect(cluster.explain(idle)?.summary).toContain(says);
      expect(cluster.reason(idle)).toBe(reason);
      for (const node of ['n0', 'n1']) cluster.running('b', node, all);
      const full = cluster.submit('q', ask);
      cluster.cycle();
      expect(cluster.decisions).toEqual([]);
      expect(cluster.explain(full)?.summary).toContain(says);
      expect(cluster.reason(full)).toBe(reason);
    },
  );
});

describe('allocations that name what nobody knows', () => {
  const unknown = 77 as WorkloadNumber;

  it('GPUs of an unknown node count for their queue, and stop nothing else', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { limit: 2 });
    const holder = cluster.submit('q', { gpus: 2 });
    cluster.replace(holder, { state: 'running', attempt: 1 });
    const id = cluster.adopt(holder, 'nowhere', [
      { uuid: 'x', index: 0 },
      { uuid: 'y', index: 1 },
    ]);
    const waiting = cluster.submit('q');
    cluster.settle();
    expect(cluster.explain(waiting)?.summary).toBe('Queue q holds 2 of at most 2 GPUs and this asks for 1.');
    cluster.replace(holder, { state: 'failed' }).forget(id).settle();
    expect(cluster.where(waiting)).toBe('n0:0');
  });

  it('GPUs of a node that comes later are held from the first moment', () => {
    const cluster = lawfulCluster().queue('q', { guarantee: 8 });
    const holder = cluster.submit('q');
    cluster.replace(holder, { state: 'running', attempt: 1 }).adopt(holder, 'n0', [{ uuid: 'n0-0', index: 0 }]);
    cluster.node('n0', { gpus: 2 });
    const other = cluster.submit('q', { gpus: 2 });
    const fits = cluster.submit('q');
    cluster.settle();
    expect([cluster.where(other), cluster.where(fits)]).toEqual(['', 'n0:1']);
  });

  it('a workload that is not there keeps its GPUs until they are released', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 1 }).queue('q', { guarantee: 8 });
    cluster.onDecision = null;
    const id = cluster.adopt(unknown, 'n0', [{ uuid: 'n0-0', index: 0 }]);
    const waiting = cluster.submit('q');
    expect(cluster.settle()).toEqual([]);
    expect(cluster.reason(waiting)).toBe('RESOURCES');
    cluster.forget(id).settle();
    expect(cluster.where(waiting)).toBe('n0:0');
  });

  it('a GPU that another allocation holds already is free when both are gone, in either order', () => {
    for (const first of [0, 1]) {
      const cluster = lawfulCluster().nodes(1, { gpus: 1 }).queue('q', { guarantee: 8 });
      cluster.onDecision = null;
      const ids = [unknown, (unknown + 1) as WorkloadNumber].map((number) =>
        cluster.adopt(number, 'n0', [{ uuid: 'n0-0', index: 0 }]),
      );
      const waiting = cluster.submit('q');
      for (const id of first === 0 ? ids : ids.toReversed()) {
        cluster.settle();
        expect(cluster.where(waiting)).toBe('');
        cluster.forget(id);
      }
      cluster.settle();
      expect(cluster.where(waiting)).toBe('n0:0');
    }
  });
});

describe('a claim on what vanishes', () => {
  it.each<[string, (cluster: TestCluster) => unknown, string]>([
    ['its GPU', (cluster) => cluster.node('n0', { gpus: 1 }), 'GPU 1 of node n0 is gone'],
    ['its node', (cluster) => cluster.removeNode('n0'), 'node n0 is gone'],
    ['its CPU', (cluster) => cluster.node('n0', { gpus: 2, cpus: 1 }), 'node n0 will not have the CPU'],
    ['its memory', (cluster) => cluster.node('n0', { gpus: 2, memoryMib: 1 }), 'node n0 will not have the memory'],
  ])('is dropped with %s', (_, happens, message) => {
    const cluster = lawfulCluster().nodes(1, { gpus: 2 }).queue('q', { guarantee: 8 });
    cluster.running('q', 'n0', [0], { preemptible: false });
    cluster.running('q', 'n0', [1], { priority: 10 });
    const claimer = cluster.submit('q', { priority: 90, request: { cpuMilli: 2_000, memoryMib: 100 } });
    cluster.settle();
    expect(cluster.workload(claimer).claim?.placements).toMatchObject([{ node: 'n0', gpus: [1] }]);
    happens(cluster);
    expect(cluster.settle()).toEqual([{ type: 'drop_claim', workload: claimer, message }]);
    expect(cluster.workload(claimer).claim).toBe(null);
    // Once the victim has left, and found a place again if there is one, nothing happens any more.
    cluster.cycle();
    expect(decidedLater(cluster)).toBe(0);
  });

  it('finds other victims where there are any', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 1 }).queue('q', { guarantee: 8 });
    const low = ['n0', 'n1'].map((node) => cluster.running('q', node, [0], { priority: 10 }));
    const claimer = cluster.submit('q', { priority: 90 });
    cluster.settle();
    const promised = cluster.workload(claimer).claim?.placements[0]?.node ?? '';
    cluster.removeNode(promised).settle();
    expect(cluster.states(...low)).toEqual(['stopping', 'stopping']);
    expect(cluster.workload(claimer).claim?.placements[0]?.node).not.toBe(promised);
  });

  it('lets a moved workload wait like any other', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 4 }).queue('q', { guarantee: 8 });
    cluster.running('q', 'n0', [0, 1]);
    cluster.running('q', 'n1', [0, 1]);
    cluster.submit('q', { gpus: 4 });
    cluster.settle();
    const moved = cluster.decisions.flatMap((one) => (one.type === 'evict' ? [one.workload] : []));
    const target = moved[0] === undefined ? '' : (cluster.workload(moved[0]).claim?.placements[0]?.node ?? '');
    cluster.node(target, { gpus: 2 }).settle();
    cluster.release().settle();
    expect(moved.map((number) => [cluster.states(number)[0], cluster.workload(number).claim])).toEqual([
      ['pending', null],
    ]);
    expect(cluster.held('q')).toBe(6);
  });
});

describe('limits below what is held', () => {
  it.each<[string, QueueOptions, WorkloadOptions, string]>([
    ['of GPUs', { limit: 2 }, {}, 'Queue q holds 4 of at most 2 GPUs and this asks for 1.'],
    [
      'of cores',
      { limitCpuMilli: 4_000 },
      { request: { cpuMilli: 2_000 } },
      'Queue q holds 8 cores of at most 4 cores and this asks for 2 cores.',
    ],
    [
      'of memory',
      { limitMemoryMib: 50 },
      { request: { memoryMib: 20 } },
      'Queue q holds 80 MiB of at most 50 MiB and this asks for 20 MiB.',
    ],
    ['of GPUs: none at all', { limit: 0 }, {}, 'Queue q holds 4 of at most 0 GPUs and this asks for 1'],
  ])('%s evict nobody and start nothing until there is room', (_, rules, ask, summary) => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8 });
    const running = cluster.submitMany(4, 'q', ask);
    cluster.settle();
    cluster.queue('q', { guarantee: 8, ...rules });
    const waiting = cluster.submit('q', ask);
    expect(decidedLater(cluster)).toBe(0);
    expect(cluster.explain(waiting)?.summary).toContain(summary);
    for (const number of running.slice(0, 2)) cluster.finish(number);
    cluster.settle();
    expect(cluster.where(waiting)).toBe('');
    for (const number of running.slice(2)) cluster.finish(number);
    cluster.settle();
    expect(cluster.where(waiting)).toBe(rules.limit === 0 ? '' : 'n0:0');
  });

  it('keep elastic work from growing, and what was taken from it from coming back', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8 });
    const elastic = cluster.submit('q', { tasks: 1, maxTasks: 6 });
    cluster.settle();
    cluster.queue('q', { guarantee: 8, limit: 3 }).settle();
    expect(cluster.tasks(elastic)).toHaveLength(6);
    cluster.lose(elastic, 5).lose(elastic, 4).settle();
    expect(cluster.tasks(elastic)).toEqual([0, 1, 2, 3]);
  });

  it('are the most that the queue keeps when another one wants more', () => {
    const cluster = lawfulCluster().nodes(1).queue('a', { guarantee: 0 }).queue('b');
    cluster.submitMany(8, 'a');
    cluster.settle();
    cluster.queue('a', { limit: 1 });
    cluster.submitMany(8, 'b');
    for (let cycles = 0; cycles < 3; cycles++) cluster.cycle();
    expect([cluster.held('a'), cluster.held('b')]).toEqual([1, 7]);
  });
});

describe('a quota that changes while work runs takes effect in the next step', () => {
  it.each<[string, QueueOptions, QueueOptions, readonly [number, number]]>([
    // new rules of a and of b, what they hold a cycle later; before both weigh 1 and share 8 evenly
    ['a guarantee that grows', { guarantee: 6 }, {}, [7, 1]],
    ['a guarantee that goes', {}, { guarantee: 0 }, [4, 4]],
    ['a weight', { weight: 3 }, {}, [6, 2]],
    ['a weight of 0', { weight: 0 }, {}, [0, 8]],
    ['a priority', { priority: 200 }, {}, [8, 0]],
    ['a limit', { limit: 1 }, {}, [1, 7]],
  ])('%s', (_, a, b, held) => {
    const cluster = lawfulCluster().nodes(1).queue('a').queue('b');
    cluster.submitMany(8, 'a');
    cluster.submitMany(8, 'b');
    cluster.settle();
    expect([cluster.held('a'), cluster.held('b')]).toEqual([4, 4]);
    cluster.queue('a', a).queue('b', b);
    cluster.cycle();
    expect([cluster.held('a'), cluster.held('b')]).toEqual(held);
    expect(decidedLater(cluster)).toBe(0);
  });

  it('a queue that moves below another one takes its work along', () => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('x', { guarantee: 4 })
      .queue('y', { guarantee: 4, limit: 4 })
      .queue('a', { parent: 'x', guarantee: 4 })
      .queue('b', { parent: 'y', guarantee: 4 });
    cluster.submitMany(4, 'a');
    cluster.submitMany(2, 'b');
    cluster.settle();
    cluster.queue('a', { parent: 'y', guarantee: 4 });
    expect([share(cluster, 'x'), share(cluster, 'y')]).toMatchObject([{ allocatedGpus: 0 }, { allocatedGpus: 6 }]);
    const more = cluster.submit('b');
    expect(cluster.settle()).toEqual([]);
    expect(cluster.explain(more)?.summary).toBe('Queue y holds 6 of at most 4 GPUs and this asks for 1.');
  });
});

describe('a view made from the records alone', () => {
  /** One queue borrows from the other, which waits for one GPU that it is promised and for one more. */
  function busy(): TestCluster {
    const cluster = lawfulCluster()
      .nodes(2, { gpus: 2 })
      .queue('top')
      .queue('a', { parent: 'top' })
      .queue('b', { guarantee: 1 });
    for (const node of ['n0', 'n1']) for (const gpu of [0, 1]) cluster.running('a', node, [gpu]);
    cluster.submitMany(2, 'b');
    cluster.settle();
    return cluster;
  }

  it.each<[string, (cluster: TestCluster) => unknown]>([
    ['nothing', () => null],
    ['a GPU was gone', (cluster) => cluster.node('n1', { gpus: 1 })],
    ['a GPU was gone and came back', (cluster) => cluster.node('n1', { gpus: 1 }).node('n1', { gpus: 2 })],
    ['a GPU got another name', (cluster) => cluster.node('n1', { gpus: 2, uuids: { 1: 'x' } })],
    ['a model changed', (cluster) => cluster.node('n1', { gpus: 2, model: 'NVIDIA B200' })],
    ['a GPU was found unhealthy', (cluster) => cluster.node('n1', { gpus: 2, unhealthy: [0] })],
    ['a node was removed', (cluster) => cluster.removeNode('n0')],
    ['a node was down', (cluster) => cluster.liveness('n0', 'down')],
    ['a node had less CPU', (cluster) => cluster.node('n0', { gpus: 2, cpus: 1 })],
    ['a node was in another pool', (cluster) => cluster.node('n0', { gpus: 2, pool: 'x' })],
    ['a queue was deleted', (cluster) => cluster.removeQueue('a')],
    ['a queue above was deleted', (cluster) => cluster.removeQueue('top')],
    ['a queue moved', (cluster) => cluster.queue('a', { parent: 'b' })],
    ['guarantees changed', (cluster) => cluster.queue('a', { parent: 'top', guarantee: 3 }).queue('b')],
    ['a limit was set', (cluster) => cluster.queue('b', { guarantee: 1, limit: 0 })],
    ['users were limited', (cluster) => cluster.queue('a', { parent: 'top', userLimitGpus: 1 })],
  ])('sees the same as the one that followed when %s', (_, happens) => {
    const cluster = busy();
    happens(cluster);
    const fresh = cluster.freshView();
    expect(cluster.view.queueShares()).toEqual(fresh.queueShares());
    const decided = step(cluster.view, cluster.nowMs, 1e9);
    expect(decided.decisions).toEqual(step(fresh, cluster.nowMs, 1e9).decisions);
    cluster.cycle();
    expect(cluster.view.queueShares()).toEqual(cluster.freshView().queueShares());
    expect(step(cluster.freshView(), cluster.nowMs, 1e9).decisions).toEqual([]);
  });
});

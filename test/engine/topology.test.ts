// Tasks that belong together: in one NVLink group, node, rack or block; required or preferred; of the whole gang, of a role.
import { describe, expect, it } from 'vitest';
import type { TopologyLevel, TopologyRule } from '../../scheduler/model/records.js';
import type { TestCluster } from './cluster.js';
import { lawfulCluster } from './laws.js';

const required = (level: TopologyLevel): TopologyRule => ({ level, required: true });
const preferred = (level: TopologyLevel): TopologyRule => ({ level, required: false });

const all = [0, 1, 2, 3, 4, 5, 6, 7];

/** Two blocks of two racks of two nodes of 8 GPUs: `a11` is the first node in the first rack of block a. */
function hall(): TestCluster {
  const cluster = lawfulCluster().queue('q', { guarantee: 100 });
  for (const block of ['a', 'b']) {
    for (const rack of ['1', '2']) {
      for (const at of ['1', '2']) cluster.node(`${block}${rack}${at}`, { rack, block });
    }
  }
  return cluster;
}

/** Takes the first GPUs of nodes for work that stays: `{ a11: 3 }`. */
function taken(cluster: TestCluster, counts: Readonly<Record<string, number>>): TestCluster {
  for (const [node, count] of Object.entries(counts)) {
    const gpus = Array.from({ length: count }, (_, index) => index);
    cluster.running('q', node, gpus, { preemptible: false });
  }
  return cluster;
}

function nodesOf(cluster: TestCluster, number: Parameters<TestCluster['where']>[0]): string {
  return cluster
    .allocationsOf(number)
    .map(({ node }) => node)
    .join(' ');
}

describe('a gang that must be together', () => {
  const cases: readonly {
    readonly title: string;
    readonly level: TopologyLevel;
    readonly taken: Readonly<Record<string, number>>;
    readonly gpus: number;
    readonly tasks: number;
    /** The node of each task; empty = it waits. */
    readonly nodes: string;
  }[] = [
    { title: 'goes into one rack', level: 'rack', taken: { a12: 8, b11: 8 }, gpus: 8, tasks: 2, nodes: 'a21 a22' },
    {
      title: 'goes into the rack with the least room that suffices',
      level: 'rack',
      taken: { a11: 2, b21: 4 },
      gpus: 6,
      tasks: 2,
      nodes: 'a11 a12',
    },
    {
      title: 'goes into the tightest rack, though other nodes are fuller',
      level: 'rack',
      taken: { a11: 7, b21: 4, b22: 4 },
      gpus: 4,
      tasks: 2,
      nodes: 'b21 b22',
    },
    {
      title: 'waits where no rack has room for all of it',
      level: 'rack',
      taken: { a11: 8, a21: 8, b11: 8, b21: 8 },
      gpus: 8,
      tasks: 2,
      nodes: '',
    },
    {
      title: 'goes into one block',
      level: 'block',
      taken: { a11: 8 },
      gpus: 8,
      tasks: 4,
      nodes: 'b11 b12 b21 b22',
    },
    {
      title: 'goes into the tightest block',
      level: 'block',
      taken: { b12: 8 },
      gpus: 8,
      tasks: 3,
      nodes: 'b11 b21 b22',
    },
    { title: 'waits where no block has room', level: 'block', taken: { a11: 8, b11: 8 }, gpus: 8, tasks: 4, nodes: '' },
    {
      title: 'goes onto one node',
      level: 'node',
      taken: { a11: 4, a12: 4, a21: 2, a22: 2, b11: 1, b12: 2, b21: 4, b22: 4 },
      gpus: 2,
      tasks: 3,
      nodes: 'a21 a21 a21',
    },
    {
      title: 'waits where no node has room for all of it',
      level: 'node',
      taken: { a11: 4, a12: 4, a21: 4, a22: 4, b11: 4, b12: 4, b21: 4, b22: 4 },
      gpus: 1,
      tasks: 5,
      nodes: '',
    },
  ];
  it.each(cases)('$title', ({ level, taken: counts, gpus, tasks, nodes }) => {
    const cluster = taken(hall(), counts);
    const gang = cluster.submit('q', { gpus, tasks, topology: required(level) });
    cluster.settle();
    expect(nodesOf(cluster, gang)).toBe(nodes);
    if (nodes === '') expect(cluster.reason(gang)).toBe('TOPOLOGY');
  });

  it('goes past the tightest rack that lacks CPU', () => {
    const cluster = lawfulCluster().queue('q', { guarantee: 100 });
    for (const name of ['a1', 'a2']) cluster.node(name, { rack: 'a', gpus: 2, cpus: 1 });
    for (const name of ['b1', 'b2']) cluster.node(name, { rack: 'b', gpus: 4, cpus: 8 });
    const request = { cpuMilli: 4_000 };
    const gang = cluster.submit('q', { gpus: 1, tasks: 3, request, topology: required('rack') });
    cluster.settle();
    expect(nodesOf(cluster, gang)).toBe('b1 b1 b2');
  });

  it('with shares packs them inside the domain', () => {
    const cluster = hall();
    const gang = cluster.submit('q', { milli: 500, tasks: 4, topology: required('node') });
    cluster.settle();
    expect(cluster.where(gang)).toBe('a11:0 a11:0 a11:1 a11:1');
  });

  it('with shares of which a node cannot hold all goes elsewhere', () => {
    const cluster = lawfulCluster().node('a', { gpus: 1 }).node('b', { gpus: 2 }).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { milli: 600, tasks: 2, topology: required('node') });
    cluster.settle();
    expect(cluster.where(gang)).toBe('b:0 b:1');
  });

  it('may be of MIG instances', () => {
    const mig = { 0: ['3g.40gb', '3g.40gb'] };
    const cluster = lawfulCluster()
      .node('a', { gpus: 1, mig: { 0: ['3g.40gb', '1g.10gb'] } })
      .node('b', { gpus: 1, mig })
      .queue('q', { guarantee: 100 });
    const request = { migProfile: '3g.40gb' };
    const gang = cluster.submit('q', { tasks: 2, request, topology: required('node') });
    cluster.settle();
    expect(cluster.instances(gang)).toEqual(['b-0-0', 'b-0-1']);
  });

  it('without GPUs is together too', () => {
    const cluster = lawfulCluster().nodes(3, { gpus: 0, cpus: 4 }).queue('q');
    cluster.placed('q', 'n0:', { gpus: 0, request: { cpuMilli: 1_000 } });
    const request = { cpuMilli: 1_000 };
    const gang = cluster.submit('q', { gpus: 0, tasks: 4, request, topology: required('node') });
    cluster.settle();
    expect(new Set(nodesOf(cluster, gang).split(' ')).size).toBe(1);
    expect(nodesOf(cluster, gang)).not.toContain('n0');
  });

  it('is not put on nodes of which nobody says where they stand', () => {
    const cluster = lawfulCluster().nodes(2).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { gpus: 8, tasks: 2, topology: required('rack') });
    cluster.settle();
    expect(cluster.where(gang)).toBe('');
  });

  it('takes racks of one name in two blocks for two', () => {
    const cluster = lawfulCluster()
      .node('a', { rack: '1', block: 'x' })
      .node('b', { rack: '1', block: 'y' })
      .queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { gpus: 8, tasks: 2, topology: required('rack') });
    cluster.settle();
    expect(cluster.where(gang)).toBe('');
    cluster.node('b', { rack: '1', block: 'x' }).settle();
    expect(nodesOf(cluster, gang)).toBe('a b');
  });

  it('starts when room comes free in its domain', () => {
    const cluster = hall();
    const blockers = ['a11', 'a21', 'b11', 'b21'].map((node) =>
      cluster.running('q', node, [0], { preemptible: false }),
    );
    const gang = cluster.submit('q', { gpus: 8, tasks: 2, topology: required('rack') });
    cluster.settle();
    expect(cluster.where(gang)).toBe('');
    for (const blocker of blockers.slice(2, 3)) cluster.finish(blocker);
    cluster.settle();
    expect(nodesOf(cluster, gang)).toBe('b11 b12');
  });
});

describe('a gang that prefers to be together', () => {
  it('is, where it can', () => {
    const cluster = taken(hall(), { a12: 8, b11: 8 });
    const gang = cluster.submit('q', { gpus: 8, tasks: 2, topology: preferred('rack') });
    cluster.settle();
    expect(nodesOf(cluster, gang)).toBe('a21 a22');
  });

  it('starts all the same where it cannot', () => {
    const cluster = taken(hall(), { a11: 8, a21: 8, b11: 8, b21: 8 });
    const gang = cluster.submit('q', { gpus: 8, tasks: 2, topology: preferred('rack') });
    cluster.settle();
    expect(nodesOf(cluster, gang)).toBe('a12 a22');
  });
});

describe('NVLink groups', () => {
  const groups = [0, 0, 0, 0, 1, 1, 1, 1];
  it.each([
    // GPUs taken, GPUs asked for, rule, GPUs given
    ['of one node hold what must be together', [0, 1], 4, required('nvlink'), '4,5,6,7'],
    ['the tightest that suffices', [0, 1], 2, required('nvlink'), '2,3'],
    ['or it waits', [0, 1, 4, 5], 3, required('nvlink'), null],
    ['what only prefers it takes what there is', [0, 1, 4, 5], 3, preferred('nvlink'), '2,3,6'],
    ['without a rule one group is chosen where it can be', [0], 4, null, '4,5,6,7'],
  ])('%s', (_, used, gpus, topology, given) => {
    const cluster = lawfulCluster().nodes(1, { nvlink: groups }).queue('q', { guarantee: 100 });
    cluster.running('q', 'n0', used, { preemptible: false });
    const workload = cluster.submit('q', { gpus, ...(topology && { topology }) });
    cluster.settle();
    expect(cluster.where(workload)).toBe(given === null ? '' : `n0:${given}`);
    if (given === null) expect(cluster.reason(workload)).toBe('TOPOLOGY');
  });

  it('hold all tasks of a gang', () => {
    const cluster = lawfulCluster().nodes(1, { nvlink: groups }).queue('q', { guarantee: 100 });
    cluster.running('q', 'n0', [0]);
    const gang = cluster.submit('q', { gpus: 2, tasks: 2, topology: required('nvlink') });
    cluster.settle();
    expect(cluster.where(gang)).toBe('n0:4,5 n0:6,7');
  });

  it('that are not known hold nothing', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { gpus: 2, topology: required('nvlink') });
    cluster.settle();
    expect(cluster.where(gang)).toBe('');
  });
});

describe('a role of its own rule', () => {
  it('is together while others may be anywhere', () => {
    const cluster = taken(hall(), { a11: 8, a21: 7, b11: 8, b12: 8, b21: 8 });
    const gang = cluster.submit('q', {
      roles: [
        { name: 'head', gpus: 8 },
        { name: 'worker', gpus: 1, tasks: 9, topology: required('rack') },
      ],
    });
    cluster.settle();
    const [head, ...workers] = cluster.allocationsOf(gang).map(({ node }) => node);
    expect(new Set(workers)).toEqual(new Set(['a21', 'a22']));
    expect(['a12', 'b22']).toContain(head);
  });

  it('is together inside the domain of all', () => {
    const cluster = taken(hall(), { a11: 6, a12: 6, a21: 4, a22: 4 });
    const gang = cluster.submit('q', {
      topology: required('block'),
      roles: [
        { name: 'x', gpus: 8, tasks: 2, topology: required('rack') },
        { name: 'y', gpus: 8, tasks: 2, topology: required('rack') },
      ],
    });
    cluster.settle();
    expect(nodesOf(cluster, gang)).toBe('b11 b12 b21 b22');
  });
});

describe('surplus tasks', () => {
  it('join the domain of their gang, or wait', () => {
    const cluster = taken(hall(), { a11: 8, b11: 8, b12: 4, b21: 8 });
    const elastic = cluster.submit('q', { gpus: 8, tasks: 1, maxTasks: 4, topology: required('rack') });
    cluster.settle();
    // Not in a2, where two nodes are free: the tightest rack that suffices holds its core.
    expect(nodesOf(cluster, elastic)).toBe('a12');
    cluster.node('a13', { rack: '1', block: 'a' }).settle();
    expect(nodesOf(cluster, elastic)).toBe('a12 a13');
  });

  it('of a role that must be together join the tasks of that role', () => {
    const cluster = hall();
    const elastic = cluster.submit('q', {
      roles: [{ name: 'worker', gpus: 8, tasks: 2, maxTasks: 4, topology: required('rack') }],
    });
    cluster.settle();
    expect(nodesOf(cluster, elastic)).toBe('a11 a12');
  });

  /** Core of 2 GPUs in NVLink group 0, of which work of 2 GPUs has the rest; a surplus task wants 2 more. */
  function inGroup(preemptible: boolean) {
    const cluster = lawfulCluster()
      .nodes(1, { nvlink: [0, 0, 0, 0, 1, 1, 1, 1] })
      .queue('q', { guarantee: 100 });
    const blocker = cluster.running('q', 'n0', [0, 1], { preemptible });
    cluster.running('q', 'n0', [4], { preemptible });
    const elastic = cluster.submit('q', { gpus: 2, tasks: 1, maxTasks: 2, topology: required('nvlink') });
    cluster.settle();
    return { cluster, blocker, elastic };
  }

  it('join the NVLink group of their gang, or wait', () => {
    const { cluster, blocker, elastic } = inGroup(false);
    expect(cluster.where(elastic)).toBe('n0:2,3');
    cluster.finish(blocker).settle();
    expect(cluster.where(elastic)).toBe('n0:2,3 n0:0,1');
  });

  it('may have others moved out of the domain of their gang', () => {
    const { cluster, blocker, elastic } = inGroup(true);
    cluster.cycle();
    expect(cluster.where(elastic)).toBe('n0:2,3 n0:0,1');
    expect(cluster.where(blocker)).toBe('n0:5,6');
  });
});

describe('a role with a rule of its own', () => {
  it('has its tasks together, or its gang waits', () => {
    const nvlink = [0, 0, 0, 0, 1, 1, 1, 1];
    const roles = [
      { name: 'head', gpus: 1 },
      { name: 'worker', gpus: 1, tasks: 3, topology: required('nvlink') },
    ];
    const cluster = lawfulCluster().nodes(1, { nvlink }).queue('q', { guarantee: 100 });
    cluster.running('q', 'n0', [0, 1], { preemptible: false });
    const blocker = cluster.running('q', 'n0', [4, 5], { preemptible: false });
    const gang = cluster.submit('q', { roles });
    expect(cluster.settle()).toEqual([]);
    cluster.finish(blocker).settle();
    const [, ...workers] = cluster.where(gang).split(' ');
    expect(workers.every((place) => /^n0:[4-7]$/.test(place))).toBe(true);
  });
});

/** The GPUs of a node of two NVLink groups of four. */
function groupsOf(node: string): (readonly [string, number])[][] {
  return [0, 4].map((first) => [0, 1, 2, 3].map((gpu) => [node, first + gpu] as const));
}

describe('victims of a gang that must be together', () => {
  it('are all in one domain where that is possible at all', () => {
    const cluster = lawfulCluster().queue('a').queue('b', { guarantee: 16 });
    for (const name of ['n1', 'n2']) cluster.node(name, { rack: 'x' });
    for (const name of ['n3', 'n4']) cluster.node(name, { rack: 'y' });
    const older = [cluster.running('a', 'n3', all), cluster.running('a', 'n4', all)];
    cluster.queue('fixed', { guarantee: 8 }).running('fixed', 'n1', all, { preemptible: false });
    cluster.nowMs += 60_000;
    // The youngest would give first, but its rack can never hold the gang.
    const youngest = cluster.running('a', 'n2', all);
    const owner = cluster.submit('b', { gpus: 8, tasks: 2, topology: required('rack') });
    cluster.cycle();
    expect(nodesOf(cluster, owner)).toBe('n3 n4');
    expect(cluster.states(youngest, ...older)).toEqual(['running', 'pending', 'pending']);
  });

  it('are as few as one NVLink group holds', () => {
    const cluster = lawfulCluster()
      .nodes(1, { nvlink: [0, 0, 0, 0, 1, 1, 1, 1] })
      .queue('a')
      .queue('b', { guarantee: 4 });
    for (let gpu = 0; gpu < 8; gpu++) cluster.running('a', 'n0', [gpu]);
    const owner = cluster.submit('b', { gpus: 4, topology: required('nvlink') });
    cluster.cycle();
    expect(['n0:0,1,2,3', 'n0:4,5,6,7']).toContain(cluster.where(owner));
    expect(cluster.held('a')).toBe(4);
  });

  it('are as few as one rack holds', () => {
    const cluster = hall().queue('a').queue('b', { guarantee: 16 });
    for (const { name } of cluster.nodeRecords()) for (const gpu of all) cluster.running('a', name, [gpu]);
    const owner = cluster.submit('b', { gpus: 8, tasks: 2, topology: required('rack') });
    cluster.cycle();
    expect(cluster.states(owner)).toEqual(['starting']);
    expect(cluster.held('a')).toBe(48);
  });

  it('are as few as one node holds', () => {
    const cluster = lawfulCluster().nodes(3, { gpus: 4 }).queue('a').queue('b', { guarantee: 4 });
    for (const { name } of cluster.nodeRecords()) for (const gpu of [0, 1, 2, 3]) cluster.running('a', name, [gpu]);
    const owner = cluster.submit('b', { gpus: 1, tasks: 3, topology: required('node') });
    cluster.cycle();
    expect(new Set(nodesOf(cluster, owner).split(' ')).size).toBe(1);
    expect(cluster.held('a')).toBe(9);
  });

  it('are looked for in one rack alone, so that the last of them there may still give', () => {
    const cluster = lawfulCluster().queue('a', { guarantee: 4 }).queue('b', { guarantee: 4 });
    for (const [name, rack] of [
      ['n1', 'x'],
      ['n2', 'x'],
      ['n3', 'y'],
      ['n4', 'y'],
    ] as const)
      cluster.node(name, { rack, gpus: 2 });
    const small = cluster.running('a', 'n1', [0]);
    const other = cluster.running('a', 'n3', [0]);
    const gang = cluster.placed('a', 'n2:0 n2:1 n4:0 n4:1');
    const owner = cluster.submit('b', { gpus: 1, tasks: 4, topology: required('rack') });
    // A holds 6 and is guaranteed 4. Two may give; the one in the other rack would be one of them.
    cluster.cycle();
    expect(nodesOf(cluster, owner)).toBe('n1 n1 n2 n2');
    expect(cluster.states(small, other, gang)).toEqual(['starting', 'running', 'pending']);
    expect(cluster.where(small)).toBe('n3:1');
  });

  it.each(['node', 'nvlink'] as const)('are looked for in one domain alone: %s', (level) => {
    const cluster = lawfulCluster().queue('a', { guarantee: 4 }).queue('b', { guarantee: 4 });
    const places =
      level === 'node' ? [0, 1].map((node) => [0, 1, 2, 3].map((gpu) => [`n${node}`, gpu] as const)) : groupsOf('n0');
    if (level === 'node') cluster.nodes(2, { gpus: 4 });
    else cluster.nodes(1, { nvlink: [0, 0, 0, 0, 1, 1, 1, 1] });
    const [full = [], nearly = []] = places;
    for (const [node, gpu] of nearly.slice(1)) cluster.running('a', node, [gpu]);
    cluster.nowMs += 60_000;
    // The younger would give first; three may give in all, and four of them are where they are.
    for (const [node, gpu] of full) cluster.running('a', node, [gpu]);
    const owner = cluster.submit('b', { gpus: 1, tasks: 4, topology: required(level) });
    cluster.settle();
    const [node] = nearly[0] ?? [''];
    expect(cluster.workload(owner).claim?.placements.map(({ node: on, gpus }) => [on, ...gpus])).toEqual(
      nearly.map(([, gpu]) => [node, gpu]),
    );
    expect(cluster.held('a')).toBe(7);
  });

  it.each([
    ['where the fewest GPUs have to be taken', { x: [2, 2], y: [2, 1], z: [2, 2] }, ['n3', 'n4']],
    ['of these in the smallest', { x: [2, 2, 2], y: [2, 2], z: [2, 2, 2] }, ['n4', 'n5']],
    ['of these in the first by name', { x: [2, 2], y: [2, 2], z: [2, 2] }, ['n1', 'n2']],
  ] as const)('are looked for first %s', (_, racks, expected) => {
    const cluster = lawfulCluster().queue('a').queue('b', { guarantee: 4 });
    let count = 0;
    for (const [rack, taken] of Object.entries(racks)) {
      for (const gpus of taken) {
        const name = `n${++count}`;
        cluster.node(name, { rack, gpus: 2 });
        for (let gpu = 0; gpu < gpus; gpu++) cluster.running('a', name, [gpu]);
        // The later, the sooner it would give.
        cluster.nowMs += 1_000;
      }
    }
    const owner = cluster.submit('b', { gpus: 2, tasks: 2, topology: required('rack') });
    cluster.settle();
    expect(cluster.workload(owner).claim?.placements.map(({ node }) => node)).toEqual(expected);
  });

  it('are nobody where no domain would do', () => {
    const cluster = lawfulCluster().queue('a').queue('b', { guarantee: 16 });
    cluster.node('n1', { rack: 'x' }).node('n2', { rack: 'y' });
    for (const node of ['n1', 'n2']) cluster.running('a', node, [0, 1, 2, 3, 4, 5, 6, 7]);
    const owner = cluster.submit('b', { gpus: 8, tasks: 2, topology: required('rack') });
    expect(cluster.settle()).toEqual([]);
    expect(cluster.states(owner)).toEqual(['pending']);
  });
});

describe('why a gang that must be together waits', () => {
  it('names the level and the domain that comes nearest', () => {
    const cluster = taken(hall(), { a11: 8, a21: 8, b11: 8, b21: 2 });
    const gang = cluster.submit('q', { gpus: 8, tasks: 2, topology: required('rack') });
    cluster.settle();
    const explanation = cluster.explain(gang);
    expect(explanation).toMatchObject({
      reason: 'TOPOLOGY',
      summary: 'Enough GPUs are free, but its tasks must be in one rack and no rack has room for them together.',
    });
    expect(explanation?.lines.find(({ title }) => title === 'Nearest')?.text).toMatch(/^rack .* 1 of 2 tasks/);
  });

  it('is that there are no such GPUs when no rack could ever hold it', () => {
    const cluster = hall();
    const gang = cluster.submit('q', { gpus: 8, tasks: 3, topology: required('rack') });
    cluster.settle();
    const explanation = cluster.explain(gang);
    expect(explanation?.reason).toBe('NO_SUCH_GPU');
    expect(explanation?.summary).toContain('rack');
  });
});

// CPU and memory bind as GPUs do: on nodes, in limits, in guarantees and in what is taken back. Work that asks for no GPUs
// stays away from those who have them while it can.
import { describe, expect, it } from 'vitest';
import type { WorkloadOptions } from './cluster.js';
import { lawfulCluster } from './laws.js';

const cores = (count: number, more: WorkloadOptions = {}): WorkloadOptions => ({
  gpus: 0,
  ...more,
  request: { cpuMilli: count * 1_000 },
});
const withCores = (count: number): WorkloadOptions => cores(count, { gpus: 1 });

describe('a node gives', () => {
  it.each([
    // cores and MiB of the node, of a task with one GPU each; how many of 8 start
    ['as many GPUs as it has', 64, 64_000, 0, 0, 8],
    ['as many cores as it has', 16, 64_000, 4_000, 0, 4],
    ['no core twice', 16, 64_000, 5_000, 0, 3],
    ['parts of a core', 1, 64_000, 300, 0, 3],
    ['as much memory as it has', 64, 1_000, 0, 250, 4],
    ['what is scarcer of both', 16, 1_000, 4_000, 400, 2],
  ])('%s', (_, cpus, memoryMib, cpuMilli, askMib, most) => {
    const cluster = lawfulCluster().nodes(1, { cpus, memoryMib }).queue('q', { guarantee: 100 });
    cluster.submitMany(8, 'q', { request: { cpuMilli, memoryMib: askMib } });
    cluster.settle();
    expect(cluster.allocations()).toHaveLength(most);
  });

  it('without a bound what it does not say it has', () => {
    const cluster = lawfulCluster().nodes(1, { cpus: 0, memoryMib: 0 }).queue('q', { guarantee: 100 });
    const workload = cluster.submit('q', { request: { cpuMilli: 9_000, memoryMib: 9_000 } });
    cluster.settle();
    expect(cluster.where(workload)).toBe('n0:0');
  });

  it('its cores again when their holder has left, not before', () => {
    const cluster = lawfulCluster().nodes(1, { cpus: 4 }).queue('q', { guarantee: 100 });
    const first = cluster.submit('q', withCores(4));
    cluster.settle();
    const second = cluster.submit('q', withCores(4));
    cluster.cancel(first).settle();
    expect(cluster.where(second)).toBe('');
    cluster.release().settle();
    expect(cluster.where(second)).toBe('n0:1');
  });
});

describe('a gang', () => {
  it('is spread as CPU allows', () => {
    const cluster = lawfulCluster().nodes(2, { cpus: 16 }).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { ...withCores(4), tasks: 6 });
    cluster.settle();
    expect(cluster.where(gang)).toBe('n0:0 n0:1 n0:2 n0:3 n1:0 n1:1');
  });

  it('starts not at all when CPU lacks for its last task', () => {
    const cluster = lawfulCluster().nodes(2, { cpus: 16 }).queue('q', { guarantee: 100 });
    const gang = cluster.submit('q', { ...withCores(4), tasks: 9 });
    cluster.settle();
    expect(cluster.where(gang)).toBe('');
    expect(cluster.reason(gang)).toBe('CPU_OR_MEMORY');
  });

  it('goes where CPU is, though GPUs are fuller elsewhere', () => {
    const cluster = lawfulCluster().nodes(2, { cpus: 16 }).queue('q', { guarantee: 100 });
    cluster.placed('q', 'n0:0', withCores(16));
    const gang = cluster.submit('q', { ...withCores(2), tasks: 2 });
    cluster.settle();
    expect(cluster.where(gang)).toBe('n1:0 n1:1');
  });
});

describe('why work waits for CPU or memory', () => {
  it.each([
    [
      'GPUs are free, cores are not',
      { request: { cpuMilli: 4_000 } },
      'GPUs are free, but no node that has them also has 4 cores free.',
      'n0 has 2 cores of 4 cores free',
    ],
    [
      'GPUs are free, memory is not',
      { request: { memoryMib: 300 } },
      'GPUs are free, but no node that has them also has 300 MiB of memory free.',
      'n0 has 200 of 300 MiB free',
    ],
    [
      'neither is',
      { request: { cpuMilli: 2_500, memoryMib: 201 } },
      'GPUs are free, but no node that has them also has 2.5 cores and 201 MiB of memory free.',
      'n0 has 2 cores of 2.5 cores, 200 of 201 MiB free',
    ],
  ])('%s', (_, options, summary, nearest) => {
    const cluster = lawfulCluster().nodes(1, { cpus: 10, memoryMib: 1_000 }).queue('q', { guarantee: 100 });
    cluster.placed('q', 'n0:0', { request: { cpuMilli: 8_000, memoryMib: 800 } });
    const workload = cluster.submit('q', options);
    cluster.settle();
    const explanation = cluster.explain(workload);
    expect(explanation).toMatchObject({ reason: 'CPU_OR_MEMORY', summary });
    expect(explanation?.lines).toContainEqual({ title: 'Nearest', text: nearest });
  });

  it('without GPUs: no node has it', () => {
    const cluster = lawfulCluster().nodes(2, { gpus: 0, cpus: 8 }).queue('q');
    cluster.placed('q', 'n0:', cores(7));
    cluster.placed('q', 'n1:', cores(5));
    const workload = cluster.submit('q', cores(4));
    cluster.settle();
    const explanation = cluster.explain(workload);
    expect(explanation?.summary).toBe('No node has 4 cores free.');
    expect(explanation?.reason).toBe('CPU_OR_MEMORY');
    expect(explanation?.lines).toContainEqual({ title: 'Nearest', text: 'n1 has 3 cores of 4 cores free' });
  });

  it('GPUs that are all in use are the reason before CPU is', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 1, cpus: 4 }).queue('q', { guarantee: 100 });
    cluster.placed('q', 'n0:0', withCores(4));
    const workload = cluster.submit('q', withCores(4));
    cluster.settle();
    expect(cluster.reason(workload)).toBe('RESOURCES');
  });
});

describe('work without GPUs', () => {
  it('goes to nodes without GPUs while it can, then to others', () => {
    const cluster = lawfulCluster().node('a', { cpus: 8 }).node('z', { gpus: 0, cpus: 8 }).queue('q');
    const tasks = cluster.submitMany(3, 'q', cores(4));
    cluster.settle();
    expect(tasks.map((task) => cluster.where(task))).toEqual(['z:', 'z:', 'a:']);
  });

  it('packs: where the fewest cores are free', () => {
    const cluster = lawfulCluster().nodes(3, { gpus: 0, cpus: 8 }).queue('q');
    cluster.placed('q', 'n1:', cores(5));
    cluster.placed('q', 'n2:', cores(2));
    const tasks = [cluster.submit('q', cores(3)), cluster.submit('q', cores(3))];
    cluster.settle();
    expect(tasks.map((task) => cluster.where(task))).toEqual(['n1:', 'n2:']);
  });
});

describe('queues rule CPU and memory', () => {
  it.each([
    [
      { limitCpuMilli: 8_000 },
      { cpuMilli: 3_000 },
      'Queue q holds 6 cores of at most 8 cores and this asks for 3 cores.',
    ],
    [
      { limitMemoryMib: 1_000 },
      { memoryMib: 400 },
      'Queue q holds 800 MiB of at most 1000 MiB and this asks for 400 MiB.',
    ],
  ])('with a limit: %o', (rules, request, summary) => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('q', { ...rules, guarantee: 100 });
    const all = cluster.submitMany(3, 'q', { request });
    cluster.settle();
    expect(cluster.states(...all)).toEqual(['starting', 'starting', 'pending']);
    expect(all[2] && cluster.explain(all[2])).toMatchObject({ reason: 'QUEUE_LIMIT', summary });
  });

  it('at every level', () => {
    const cluster = lawfulCluster()
      .nodes(1)
      .queue('top', { limitCpuMilli: 8_000 })
      .queue('a', { parent: 'top' })
      .queue('b', { parent: 'top' });
    cluster.submit('a', cores(5));
    cluster.settle();
    const other = cluster.submit('b', cores(4));
    cluster.settle();
    expect(cluster.reason(other)).toBe('QUEUE_LIMIT');
  });

  it('with a guarantee, which is the bound of work that is not preemptible', () => {
    const cluster = lawfulCluster().nodes(1).queue('q', { guarantee: 8, guaranteeCpuMilli: 6_000 });
    const fixed = cluster.submitMany(2, 'q', { ...withCores(4), preemptible: false });
    cluster.settle();
    expect(cluster.states(...fixed)).toEqual(['starting', 'pending']);
    expect(fixed[1] && cluster.explain(fixed[1])).toMatchObject({
      reason: 'GUARANTEE_EXHAUSTED',
      summary:
        'Work that is not preemptible must stay within the guarantee: queue q is guaranteed 6 cores, ' +
        'holds 4 cores for such work, and this asks for 4 cores.',
    });
  });

  it('with a guarantee that is taken back, no more than is owed', () => {
    const cluster = lawfulCluster()
      .nodes(1, { gpus: 0, cpus: 16 })
      .queue('a', { guaranteeCpuMilli: 8_000 })
      .queue('b', { guaranteeCpuMilli: 8_000 });
    cluster.submitMany(4, 'a', cores(4));
    cluster.settle();
    const owners = cluster.submitMany(3, 'b', cores(4));
    cluster.cycle();
    expect(cluster.states(...owners)).toEqual(['starting', 'starting', 'pending']);
    expect(cluster.workloads().filter(({ spec, state }) => spec.queue === 'a' && state === 'starting')).toHaveLength(2);
  });

  it('and what is left over by the same weights and priorities as GPUs', () => {
    const cluster = lawfulCluster()
      .nodes(1, { gpus: 0, cpus: 16 })
      .queue('a', { guaranteeCpuMilli: 0, priority: 200 })
      .queue('b', { guaranteeCpuMilli: 4_000 });
    cluster.submitMany(4, 'b', cores(4));
    cluster.settle();
    cluster.submitMany(3, 'a', cores(4));
    cluster.cycle();
    expect(cluster.workloads().filter(({ spec, state }) => spec.queue === 'a' && state === 'starting')).toHaveLength(3);
  });

  it.each([
    // What the giver's guarantees are of GPUs and cores (it holds 4 and 16), what is asked for, whether it gives
    ['nothing that is not asked for is a reason to give', 4, 4_000, 0, false],
    ['what is asked for is one', 4, 4_000, 2_000, true],
    ['GPUs that are asked for are one, whatever the CPU', 2, 64_000, 0, true],
    ['within all its guarantees it gives nothing', 4, 64_000, 2_000, false],
  ])('by resource: %s', (_, guarantee, guaranteeCpuMilli, cpuMilli, gives) => {
    const cluster = lawfulCluster()
      .nodes(1, { gpus: 4, cpus: 64 })
      .queue('giver', { guarantee, guaranteeCpuMilli })
      .queue('taker', { guarantee: 1, guaranteeCpuMilli: 8_000 });
    for (const gpu of [0, 1, 2, 3]) cluster.placed('giver', `n0:${gpu}`, withCores(4));
    cluster.submit('taker', { request: { cpuMilli } });
    cluster.settle();
    expect(cluster.decisions.some(({ type }) => type === 'evict')).toBe(gives);
  });

  it('where CPU lacks and GPUs do not, for whose CPU is owed to the queue', () => {
    const cluster = lawfulCluster()
      .nodes(1, { cpus: 16 })
      .queue('a', { guaranteeCpuMilli: 0 })
      .queue('b', { guarantee: 2, guaranteeCpuMilli: 8_000 });
    const [old, young] = [cluster.placed('a', 'n0:', cores(8)), cluster.placed('a', 'n0:', cores(8))];
    const owner = cluster.submit('b', { ...withCores(8) });
    cluster.settle();
    expect(cluster.states(old, young)).toEqual(['running', 'stopping']);
    expect(cluster.reason(owner)).toBe('RECLAIMING');
    cluster.release().settle();
    expect(cluster.where(owner)).toBe('n0:0');
  });

  it('keeping the cores that leave for whoever they were freed for', () => {
    const cluster = lawfulCluster().nodes(1, { gpus: 0, cpus: 8 }).queue('q');
    const low = cluster.placed('q', 'n0:', cores(8, { priority: 10 }));
    const high = cluster.submit('q', cores(6, { priority: 90 }));
    cluster.settle();
    expect(cluster.states(low)).toEqual(['stopping']);
    const small = cluster.submit('q', cores(3));
    const fits = cluster.submit('q', cores(2));
    cluster.cycle();
    expect(cluster.states(high, small, fits)).toEqual(['starting', 'pending', 'starting']);
  });
});

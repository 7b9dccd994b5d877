// A scenario's facts in our records.
import { describe, expect, test } from 'vitest';
import type { Scenario } from '../../simulator/conformance/scenario.js';
import { recordsOf, START_MS, translate } from '../../simulator/conformance/translate.js';
import { jobOf, nodeOf, runsOn, scenarioWith, WAITS } from './builder.js';

function recordsAtStart(scenario: Scenario) {
  const translated = translate(scenario);
  return recordsOf(translated, translated.jobs);
}

/** The records of one job, alone. */
function jobRecords(
  tasks: readonly object[],
  more: Record<string, unknown> = {},
  others: Record<string, unknown> = {},
) {
  const { workloads, allocations } = recordsAtStart(scenarioWith({ jobs: [jobOf('job', tasks, more)], ...others }));
  const [workload] = workloads;
  if (!workload) throw new Error('a job is a workload');
  return { workload, roles: workload.spec.roles, allocations };
}

describe('queues', () => {
  test('are as old as their place in the list and keep what is said of them', () => {
    const { queues } = recordsAtStart(
      scenarioWith({
        queues: [
          { name: 'top', quota_gpus: 3, limit_gpus: 4, over_quota_weight: 2, priority: 7 },
          { name: 'leaf', parent: 'top', quota_gpus: 0.5, over_quota_weight: 0, limit_cpu_millis: 1_500 },
        ],
      }),
    );
    expect(queues).toMatchObject([
      { name: 'top', parent: null, guaranteeGpus: 3, limitGpus: 4, weight: 2, priority: 7, createdMs: 1 },
      { name: 'leaf', parent: 'top', guaranteeGpus: 0.5, limitGpus: null, weight: 0, priority: 100, createdMs: 2 },
    ]);
    expect(queues).toMatchObject([
      { guaranteeCpuMilli: null, limitCpuMilli: null, guaranteeMemoryMib: null, limitMemoryMib: null },
      { limitCpuMilli: 1_500 },
    ]);
  });

  test('without bound are guaranteed all GPUs there are', () => {
    const { queues } = recordsAtStart(
      scenarioWith({
        nodes: [nodeOf('node0', 2), nodeOf('node1', 3), nodeOf('node2', 4, { mig_strategy: 'mixed' })],
        queues: [{ name: 'queue0', quota_gpus: -1, over_quota_weight: 0 }],
      }),
    );
    expect(queues[0]?.guaranteeGpus).toBe(5);
  });
});

describe('memory', () => {
  test('is in megabytes when all amounts are whole ones', () => {
    const { nodes, workloads } = recordsAtStart(
      scenarioWith({ jobs: [jobOf('job', [WAITS], { memory_bytes_per_task: 1_000_000_000 })] }),
    );
    expect(nodes[0]?.memoryMib).toBe(20_000);
    expect(workloads[0]?.spec.roles[0]?.request.memoryMib).toBe(1_000);
  });

  test('is in the unit that divides all amounts when some are less than a megabyte', () => {
    const { nodes, workloads, queues } = recordsAtStart(
      scenarioWith({
        nodes: [nodeOf('node0', 1, { memory_bytes: 2_000 })],
        queues: [{ name: 'queue0', limit_memory_bytes: 1_750 }],
        jobs: [jobOf('job', [WAITS], { memory_bytes_per_task: 1_500 })],
      }),
    );
    expect(nodes[0]?.memoryMib).toBe(8);
    expect(workloads[0]?.spec.roles[0]?.request.memoryMib).toBe(6);
    expect(queues[0]?.limitMemoryMib).toBe(7);
  });

  test('that has no common unit is rounded so that nothing fits which would not', () => {
    const { nodes, workloads } = recordsAtStart(
      scenarioWith({
        nodes: [nodeOf('node0', 1, { memory_bytes: 8_000_000_001 })],
        jobs: [jobOf('job', [WAITS], { memory_bytes_per_task: 4_000_000_001 })],
      }),
    );
    const memoryMib = nodes[0]?.memoryMib ?? 0;
    expect(memoryMib).toBeLessThan(2 ** 31);
    expect(2 * (workloads[0]?.spec.roles[0]?.request.memoryMib ?? 0)).toBeGreaterThan(memoryMib);
  });
});

describe('a job asks', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['for whole GPUs', { gpus_per_task: 2 }, { gpus: 2, gpuMilli: 1_000 }],
    ['for no GPU', { gpus_per_task: 0, cpus_per_task: 1.5 }, { gpus: 0, cpuMilli: 1_500 }],
    ['for a share', { gpus_per_task: 0.3 }, { gpus: 1, gpuMilli: 300, gpuMemoryMib: 0 }],
    ['for a share of several', { gpus_per_task: 0.3, fraction_devices_per_task: 2 }, { gpus: 2, gpuMilli: 300 }],
    ['for memory', { gpus_per_task: 0, gpu_memory_mib_per_task: 60 }, { gpus: 1, gpuMilli: 1_000, gpuMemoryMib: 60 }],
    [
      'for memory of several',
      { gpus_per_task: 0, gpu_memory_mib_per_task: 60, fraction_devices_per_task: 2 },
      { gpus: 2, gpuMemoryMib: 60 },
    ],
    [
      'for nothing',
      { best_effort: true, cpus_per_task: 1, memory_bytes_per_task: 5 },
      { gpus: 0, cpuMilli: 0, memoryMib: 0 },
    ],
  ])('%s', (_, job, request) => {
    expect(jobRecords([WAITS], job).roles).toMatchObject([{ request }]);
  });

  test('for MIG instances', () => {
    const { roles } = jobRecords([{ ...WAITS, mig_instances: { 'mig-1g.10gb': 2 } }], { gpus_per_task: 0 });
    expect(roles).toMatchObject([{ request: { gpus: 2, migProfile: '1g.10gb' } }]);
  });

  test('what one request cannot hold, and that is said', () => {
    const two = { ...WAITS, mig_instances: { 'mig-1g.10gb': 1, 'mig-2g.20gb': 1 } };
    expect(() => jobRecords([two])).toThrow('a task of job job asks for several MIG profiles');
    expect(() => jobRecords([WAITS], { gpus_per_task: 1.5 })).toThrow('a task of job job asks for 1.5 GPUs');
  });

  test('with the priority that says whether it is preemptible, unless it says so itself', () => {
    const preemptible = (more: Record<string, unknown>) => jobRecords([WAITS], more).workload.spec.preemptible;
    expect(preemptible({ priority: 99 })).toBe(true);
    expect(preemptible({ priority: 100 })).toBe(false);
    expect(preemptible({ priority: 100, preemptible: true })).toBe(true);
  });

  test('and is as old as it says', () => {
    expect(jobRecords([WAITS], { age_minutes: 3 }).workload.submittedMs).toBe(START_MS - 180_000);
  });
});

describe('tasks', () => {
  test('that are alike are one role, elastic beyond the gang', () => {
    expect(jobRecords([WAITS, WAITS, WAITS], { min_tasks: 2 }).roles).toMatchObject([
      { name: '', minTasks: 2, maxTasks: 3 },
    ]);
  });

  test('are numbered by their order, and the gang is the first of them', () => {
    const tasks = [
      { ...WAITS, order_priority: 1 },
      { ...WAITS, order_priority: 2, gpus: 2 },
      { ...WAITS, order_priority: 2, gpus: 2 },
    ];
    const scenario = scenarioWith({ jobs: [jobOf('job', tasks, { min_tasks: 2 })] });
    const translated = translate(scenario);
    expect(translated.jobs[0]?.taskNumbers).toEqual([2, 0, 1]);
    expect(recordsOf(translated, translated.jobs).workloads[0]?.spec.roles).toMatchObject([
      { name: 'role0', minTasks: 2, maxTasks: 2, request: { gpus: 2 } },
      { name: 'role1', minTasks: 0, maxTasks: 1, request: { gpus: 1 } },
    ]);
  });

  test('that may go to some nodes only are a role of their own', () => {
    const { roles } = jobRecords([WAITS, { ...WAITS, allowed_nodes: ['node7'] }]);
    expect(roles.map(({ rules }) => rules.nodes)).toEqual([[], ['node7']]);
  });

  test('that a gang lacks altogether go nowhere', () => {
    expect(jobRecords([WAITS], { min_tasks: 3 }).roles).toMatchObject([
      { minTasks: 1, maxTasks: 1, rules: { nodes: [] } },
      { minTasks: 2, maxTasks: 2, rules: { nodes: ['no such node'] } },
    ]);
  });

  test('with a share never go to a node whose instances serve as whole GPUs', () => {
    const nodes = [nodeOf('node0', 2, { mig_strategy: 'single' }), nodeOf('node1', 2)];
    expect(jobRecords([WAITS], { gpus_per_task: 0.5 }, { nodes }).roles[0]?.rules.nodes).toEqual(['node1']);
    expect(jobRecords([WAITS], { gpus_per_task: 1 }, { nodes }).roles[0]?.rules.nodes).toEqual([]);
    const onlySingle = { nodes: nodes.slice(0, 1) };
    expect(jobRecords([WAITS], { gpus_per_task: 0.5 }, onlySingle).roles[0]?.rules.nodes).toEqual(['no such node']);
  });
});

describe('what runs at the start', () => {
  test('holds GPUs of its own', () => {
    const { workload, allocations } = jobRecords([runsOn('node0'), runsOn('node0')], { age_minutes: 2 });
    expect(workload).toMatchObject({ state: 'running', allocations: ['1/0', '1/1'], startedMs: START_MS - 120_000 });
    expect(allocations.map(({ state, gpus }) => [state, gpus[0]?.index, gpus[0]?.parts])).toEqual([
      ['running', 0, 7_000],
      ['running', 1, 7_000],
    ]);
  });

  test('shares GPUs by group, and has one of its own without a group', () => {
    const share = (name: string, groups?: readonly string[]) =>
      jobOf(name, [runsOn('node0', groups && { gpu_groups: groups })], { gpus_per_task: 0.25 });
    const { allocations } = recordsAtStart(
      scenarioWith({
        nodes: [nodeOf('node0', 3)],
        jobs: [share('a', ['g']), share('b'), share('c', ['g']), share('d', ['h'])],
      }),
    );
    expect(allocations.map(({ gpus }) => [gpus[0]?.index, gpus[0]?.parts])).toEqual([
      [0, 1_750],
      [1, 1_750],
      [0, 1_750],
      [2, 1_750],
    ]);
  });

  test('holds a share given as memory, rounded up to a hundredth', () => {
    const { allocations } = jobRecords(
      [runsOn('node0', { gpu_groups: ['g'] })],
      { gpus_per_task: 0, gpu_memory_mib_per_task: 50 },
      { nodes: [nodeOf('node0', 1, { gpu_memory_mib: 99 })] },
    );
    expect(allocations[0]?.gpus).toMatchObject([{ index: 0, parts: 51 * 70 }]);
  });

  test('holds MIG instances, packed onto few GPUs', () => {
    const node = nodeOf('node0', 1, { mig_strategy: 'mixed', mig_instances: { 'mig-3g.20gb': 3, 'mig-1g.5gb': 1 } });
    const scenario = scenarioWith({
      nodes: [node],
      jobs: [jobOf('job', [runsOn('node0', { mig_instances: { 'mig-3g.20gb': 3 } })])],
    });
    const { nodes, allocations } = recordsAtStart(scenario);
    expect(nodes[0]?.gpus.map(({ mig }) => mig?.map(({ profile, memoryMib }) => `${profile} ${memoryMib}`))).toEqual([
      [],
      ['3g.20gb 20480', '3g.20gb 20480', '1g.5gb 5120'],
      ['3g.20gb 20480'],
    ]);
    expect(allocations[0]?.gpus.map(({ index, parts, instance }) => [index, parts, instance])).toEqual([
      [1, 3_000, 'node0/3g.20gb/0'],
      [1, 3_000, 'node0/3g.20gb/1'],
      [2, 3_000, 'node0/3g.20gb/2'],
    ]);
  });

  test('and does not fit is said', () => {
    expect(() => jobRecords([runsOn('node0'), runsOn('node0'), runsOn('node0')])).toThrow(
      'node node0 has no 7000 of 7000 parts of a GPU left for what is there at the start',
    );
  });

  test('and is bounded by a number of tasks is said', () => {
    expect(() => jobRecords([WAITS], {}, { nodes: [nodeOf('node0', 2, { max_tasks: 1 })] })).toThrow(
      'node node0 takes at most 1 tasks; records have no such bound',
    );
  });
});

describe('what is being released or promised at the start', () => {
  test('is told to stop and comes back, or not', () => {
    const leaving = { state: 'releasing', node: 'node0' };
    expect(jobRecords([leaving])).toMatchObject({
      workload: { state: 'stopping', afterStop: 'requeue' },
      allocations: [{ state: 'stopping', stop: { requestedMs: START_MS } }],
    });
    expect(jobRecords([leaving], { deleted_when_evicted: true }).workload.afterStop).toBe('cancel');
  });

  test('leaves the others of its workload running', () => {
    const { workload, allocations } = jobRecords([runsOn('node0'), { state: 'releasing', node: 'node0' }]);
    expect(workload).toMatchObject({ state: 'running', afterStop: null });
    expect(allocations.map(({ state }) => state)).toEqual(['running', 'stopping']);
  });

  test('is a claim on the GPUs that leave', () => {
    const { workloads } = recordsAtStart(
      scenarioWith({
        nodes: [nodeOf('node0', 2)],
        jobs: [
          jobOf('next', [{ state: 'pipelined', node: 'node0' }]),
          jobOf('stays', [runsOn('node0')]),
          jobOf('leaves', [{ state: 'releasing', node: 'node0' }]),
        ],
      }),
    );
    expect(workloads[0]).toMatchObject({
      state: 'pending',
      claim: { placements: [{ task: 0, node: 'node0', gpus: [1], parts: 7_000 }] },
    });
  });
});

// Submissions against a cluster: what no known node could hold, what no quota allows, what is waited for, and arrays.
import { status } from '@grpc/grpc-js';
import { beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../../common/errors.js';
import type { NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { registerNode } from '../../scheduler/control/commands/nodes.js';
import { MAX_PENDING_PER_QUEUE, submit } from '../../scheduler/control/commands/submit.js';
import type { Gpu, PlacementRules, Role, TaskRequest, WorkloadSpec } from '../../scheduler/model/records.js';
import { ANYWHERE, oneRole, wholeGpus } from '../../scheduler/model/requests.js';
import { nodeReport, submission, Workshop } from './workshop.js';

function refusal(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

interface NodeFields {
  readonly pool?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly driverVersion?: string;
  readonly cpuCount?: number;
  readonly memoryMib?: number;
  readonly gpus?: readonly Partial<Gpu>[];
}

function addNode(shop: Workshop, name: string, { pool, labels, gpus = [], ...inventory }: NodeFields): void {
  const report = nodeReport(`node-${name}` as NodeId, name, gpus.length);
  shop.change((draft) =>
    registerNode(
      draft,
      {
        ...report,
        pool: pool ?? report.pool,
        labels: labels ?? {},
        inventory: {
          ...report.inventory,
          ...inventory,
          gpus: report.inventory.gpus.map((gpu, index) => ({ ...gpu, ...gpus[index] })),
        },
      },
      shop.nowMs,
    ),
  );
}

const H100 = { model: 'NVIDIA H100 80GB HBM3', memoryMib: 81_559 };
const A100 = { model: 'NVIDIA A100-SXM4-40GB', memoryMib: 40_960 };

function asking(request: Partial<TaskRequest>, rules: Partial<PlacementRules> = {}): readonly Role[] {
  return oneRole(1, { ...wholeGpus(0), ...request }, { ...ANYWHERE, ...rules });
}

describe('what no known node could hold is refused by the constraint that leaves none, with the nearest miss', () => {
  let shop: Workshop;
  beforeEach(() => {
    shop = new Workshop();
    shop.queue('research');
    addNode(shop, 'n1', {
      pool: 'big',
      labels: { net: 'ib' },
      driverVersion: '550.54.15',
      cpuCount: 64,
      memoryMib: 262_144,
      gpus: [0, 0, 1, 1].map((nvlinkGroup) => ({ ...H100, nvlinkGroup })),
    });
    addNode(shop, 'n2', {
      pool: 'small',
      labels: { net: 'tcp' },
      driverVersion: '535.104.5',
      cpuCount: 8,
      memoryMib: 65_536,
      gpus: [A100, A100],
    });
    const mig = (profile: string, index: number) => ({ uuid: `MIG-${profile}-${index}`, profile, memoryMib: 19_968 });
    addNode(shop, 'n3', {
      pool: 'sliced',
      driverVersion: '535.9',
      gpus: [
        { ...A100, mig: [mig('3g.20gb', 0), mig('3g.20gb', 1)] },
        { ...A100, mig: [mig('1g.5gb', 0)] },
      ],
    });
  });

  test.each<[string, readonly Role[], string, string]>([
    [
      'a pool nobody has',
      asking({}, { pool: 'lab' }),
      'pool',
      'no pool is called "lab" (there are: big, sliced, small)',
    ],
    ['a mistyped node', asking({}, { nodes: ['n9'] }), 'nodes', 'none of "n9" is a known node; did you mean "n1"?'],
    [
      'a node of another pool',
      asking({}, { pool: 'big', nodes: ['n2'] }),
      'nodes',
      'none of "n2" is a known node in pool "big"',
    ],
    [
      'a label nobody has',
      asking({}, { labels: { zone: 'a' } }),
      'node_labels',
      'the label zone=a (none has that label)',
    ],
    [
      'another value of a label',
      asking({}, { labels: { net: 'roce' } }),
      'node_labels',
      'label net=roce (there are: ib, tcp)',
    ],
    [
      'a newer driver',
      asking({}, { minDriver: '560' }),
      'min_driver',
      'driver 560 or newer, but the newest that fits (on n1) has 550.54.15',
    ],
    [
      'a newer driver in a pool',
      asking({}, { pool: 'sliced', minDriver: '535.10' }),
      'min_driver',
      'the newest that fits (on n3) has 535.9',
    ],
    [
      'a model nobody has',
      asking({ gpus: 1 }, { models: ['b200', 'h200'] }),
      'gpu_model',
      'no known node has a GPU of model "b200" or "h200" (there are: NVIDIA A100-SXM4-40GB, NVIDIA H100 80GB HBM3)',
    ],
    [
      'larger GPUs',
      asking({ gpus: 1 }, { minGpuMemoryMib: 90_000 }),
      'min_gpu_memory_mib',
      'at least 90000 MiB of memory, but the largest that fits (on n1) has 81559 MiB',
    ],
    ['more GPUs', asking({ gpus: 5 }), 'gpus', '5 GPUs per task, but the largest node (n1) has 4; use more tasks'],
    ['more shares than GPUs', asking({ gpus: 5, gpuMilli: 100 }), 'gpus', 'the largest node (n1) has 4'],
    ['more GPUs of one kind', asking({ gpus: 3 }, { models: ['a100'] }), 'gpus', 'the largest node (n2) has 2'],
    [
      'GPUs in MIG mode as a whole',
      asking({ gpus: 1 }, { pool: 'sliced' }),
      'gpus',
      '(n3) has 0 beside 2 in MIG mode, of which instances are asked for by profile',
    ],
    [
      'more memory than a GPU has',
      asking({ gpus: 1, gpuMemoryMib: 90_000 }),
      'gpus',
      '90000 MiB of one GPU, but the largest that fits (on n1) has 81559 MiB',
    ],
    [
      'more large shares than such GPUs',
      asking({ gpus: 3, gpuMemoryMib: 30_000 }, { models: ['a100'] }),
      'gpus',
      'the largest node (n2) has 2',
    ],
    [
      'a MIG profile nobody has',
      asking({ gpus: 1, migProfile: '7g.40gb' }),
      'mig_profile',
      'an instance of 7g.40gb (there are: 1g.5gb, 3g.20gb)',
    ],
    [
      'more MIG instances',
      asking({ gpus: 3, migProfile: '3g.20gb' }),
      'mig_profile',
      '3 instances of 3g.20gb per task, but the largest node (n3) has 2',
    ],
    [
      'MIG where there is none',
      asking({ gpus: 1, migProfile: '3g.20gb' }, { pool: 'big' }),
      'mig_profile',
      'none, no GPU is in MIG mode',
    ],
    [
      'more CPUs',
      asking({ cpuMilli: 64_500 }),
      'cpu_milli',
      '64.5 CPUs per task, but the largest node that fits (n1) has 64',
    ],
    [
      'more CPUs beside a model',
      asking({ gpus: 1, cpuMilli: 9_000 }, { pool: 'small' }),
      'cpu_milli',
      '9 CPUs per task, but the largest node that fits (n2) has 8',
    ],
    [
      'more memory',
      asking({ memoryMib: 300_000 }),
      'memory_mib',
      '300000 MiB of memory per task, but the largest node that fits (n1) has 262144 MiB',
    ],
  ])('%s', (_, roles, field, words) => {
    const error = refusal(() => shop.submit({ roles }));
    expect(error).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'UNSATISFIABLE' });
    expect(error.fields).toEqual([
      { field: `specs[0].resources.${field}`, description: expect.stringContaining(words) },
    ]);
    expect(error.message).toContain(words);
    expect(shop.state.workloads.size).toBe(0);
  });

  test.each<[string, readonly Role[]]>([
    [
      'exactly as much as there is',
      asking({ gpus: 4, cpuMilli: 64_000, memoryMib: 262_144 }, { pool: 'big', nodes: ['n1', 'n9'] }),
    ],
    ['the second-best model', asking({ gpus: 1 }, { models: ['b200', 'a100'] })],
    ['all memory of a GPU', asking({ gpus: 4, gpuMemoryMib: 81_559 })],
    ['MIG instances of one node', asking({ gpus: 2, migProfile: '3g.20gb' })],
    ['a driver by its numbers', asking({}, { pool: 'small', minDriver: '535.99' })],
  ])('%s is taken', (_, roles) => {
    expect(shop.submit({ roles })).toBe(1);
  });

  test('the role that fits nowhere is named', () => {
    const [launcher] = asking({});
    const [worker] = asking({ gpus: 8 });
    if (launcher === undefined || worker === undefined) throw new Error('no roles');
    const roles = [
      { ...launcher, name: 'launcher' },
      { ...worker, name: 'worker' },
    ];
    expect(refusal(() => shop.submit({ roles })).fields[0]?.field).toBe('specs[0].roles[1].resources.gpus');
  });

  const together = (level: 'nvlink' | 'node' | 'rack') => ({ level, required: true }) as const;
  test.each<[string, Partial<WorkloadSpec>, string]>([
    [
      'a gang larger than a node',
      { roles: oneRole(3, wholeGpus(2)), topology: together('node') },
      '6 GPUs together on one node, but the largest (n1) has 4',
    ],
    [
      'a gang larger than an NVLink group',
      { roles: oneRole(1, wholeGpus(3)), topology: together('nvlink') },
      '3 GPUs together in one NVLink group, but the largest (n1) has 2',
    ],
    [
      'a rack where nobody says his',
      { roles: oneRole(1, wholeGpus(1)), topology: together('rack') },
      'no known node has the label "rack"',
    ],
  ])('%s is not held together', (_, fields, words) => {
    const error = refusal(() => shop.submit(fields));
    expect(error.fields).toEqual([{ field: 'specs[0].topology', description: expect.stringContaining(words) }]);
  });

  test('a wish for a level is always taken', () => {
    expect(shop.submit({ roles: oneRole(3, wholeGpus(2)), topology: { level: 'nvlink', required: false } })).toBe(1);
  });

  test('a machine that does not say how much it has is not held to it', () => {
    addNode(shop, 'n4', { pool: 'mute', cpuCount: 0, memoryMib: 0 });
    expect(shop.submit({ roles: asking({ cpuMilli: 1e6, memoryMib: 1e6 }, { pool: 'mute' }) })).toBe(1);
  });
});

describe('what is above a quota by itself is refused', () => {
  test.each<[string, object, Partial<WorkloadSpec>, string]>([
    [
      'shares above a limit',
      { limitGpus: 1 },
      { roles: oneRole(3, { ...wholeGpus(1), gpuMilli: 500 }) },
      'asks for 1.5 GPUs, but queue "research" has a limit of 1 GPU; it could never start\nAsk for less, or have the limit raised: sluice queue update research --limit 1.5',
    ],
    [
      'MIG above a limit',
      { limitGpus: 0.25 },
      { roles: oneRole(1, { ...wholeGpus(1), migProfile: '3g.20gb' }) },
      'has a limit of 0.25 GPUs',
    ],
    [
      'CPU above a limit',
      { limitCpuMilli: 4_000 },
      { roles: asking({ cpuMilli: 4_500 }) },
      'asks for 4.5 CPUs, but queue "research" has a limit of 4 CPUs; it could never start\nAsk for less, or have the limit raised: sluice queue update research --limit-cpus 4.5',
    ],
    [
      'memory above a limit',
      { limitMemoryMib: 1_024 },
      { roles: asking({ memoryMib: 2_048 }) },
      'sluice queue update research --limit-memory 2048MiB',
    ],
    [
      'CPU above the guarantee of fixed work',
      { guaranteeGpus: 8, guaranteeCpuMilli: 1_000 },
      { preemptible: false, roles: asking({ cpuMilli: 2_000 }) },
      'has a guarantee of 1 CPU and work that is not preemptible must stay within it',
    ],
    [
      'more than one user may have',
      { userLimitGpus: 2 },
      { roles: oneRole(3, wholeGpus(1)) },
      'has a limit for one user of 2 GPUs',
    ],
    [
      'more of a pool',
      { scopes: [{ pool: 'big', model: '', guaranteeGpus: 0, limitGpus: 2 }] },
      { roles: asking({ gpus: 3 }, { pool: 'big' }) },
      'asks for 3 GPUs of pool "big", but queue "research" has a limit of 2 GPUs of pool "big"; it could never start\nAsk for less, or have the limit raised: sluice queue update research --scope pool=big,limit=3',
    ],
    [
      'more of a model',
      { scopes: [{ pool: '', model: 'h100', guaranteeGpus: 0, limitGpus: 2 }] },
      { roles: asking({ gpus: 3 }, { models: ['H100 80GB'] }) },
      'limit of 2 GPUs of model "h100"',
    ],
  ])('%s', (_, figures, fields, words) => {
    const shop = new Workshop();
    shop.queue('research', figures);
    const error = refusal(() => shop.submit(fields));
    expect(error).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'QUOTA_LIMIT_EXCEEDED' });
    expect(error.message).toContain(words);
    expect(error.message.split('\n').length).toBeLessThanOrEqual(3);
  });

  test.each<[string, object, Partial<WorkloadSpec>]>([
    ['surplus tasks', { limitGpus: 2 }, { roles: oneRole(2, wholeGpus(1)).map((role) => ({ ...role, maxTasks: 9 })) }],
    [
      'what may go elsewhere',
      { scopes: [{ pool: '', model: 'h100', guaranteeGpus: 0, limitGpus: 2 }] },
      { roles: asking({ gpus: 3 }, { models: ['h100', 'a100'] }) },
    ],
    [
      'what a limit of CPU without guarantee allows',
      { guaranteeGpus: 1 },
      { preemptible: false, roles: asking({ gpus: 1, cpuMilli: 1e6 }) },
    ],
  ])('but not %s', (_, figures, fields) => {
    const shop = new Workshop();
    shop.queue('research', figures);
    expect(shop.submit(fields)).toBe(1);
  });

  test('a share given as memory counts by the largest GPU', () => {
    const shop = new Workshop();
    shop.queue('research', { limitGpus: 0.5 });
    addNode(shop, 'n1', { gpus: [H100] });
    const roles = (gpuMemoryMib: number) => asking({ gpus: 1, gpuMemoryMib });
    expect(refusal(() => shop.submit({ roles: roles(60_000) })).message).toContain('asks for 0.74 GPUs');
    expect(shop.submit({ roles: roles(40_000) })).toBe(1);
  });
});

describe('a dependency', () => {
  const on = (workload: number, condition: 'succeeded' | 'ended' | 'failed' | 'started' = 'succeeded') => ({
    dependencies: [{ workload: workload as WorkloadNumber, condition }],
  });

  test('on what was accepted before is taken', () => {
    const shop = new Workshop();
    shop.queue('research');
    shop.submit();
    expect(shop.workload(shop.submit(on(1))).spec.dependencies).toEqual([{ workload: 1, condition: 'succeeded' }]);
  });

  test.each([
    ['itself', 2],
    ['a later one of the same request', 3],
    ['one that nobody submitted', 4_000],
  ])('on %s is refused, so that no cycle can be', (_, number) => {
    const shop = new Workshop();
    shop.queue('research');
    shop.submit();
    const error = refusal(() => shop.run(submit(submission([on(number), {}]))));
    expect(error.fields[0]).toMatchObject({ field: 'specs[0].dependencies[0].workload' });
    expect(error.message).toContain(`workload ${number} is not there (the newest is 1)`);
    expect(shop.state.workloads.size).toBe(1);
  });

  test.each([
    ['succeeded', 'DEPENDENCY_NEVER_MET'],
    ['failed', 'DEPENDENCY_NEVER_MET'],
    ['started', 'DEPENDENCY_NEVER_MET'],
    ['ended', null],
  ] as const)('on %s of one that was cancelled before it started: %s', (condition, reason) => {
    const shop = new Workshop();
    shop.queue('research');
    shop.submit({ name: 'first' });
    shop.run(cancel(['first'], '', 'alice'));
    if (reason === null) {
      expect(shop.submit(on(1, condition))).toBe(2);
    } else {
      const error = refusal(() => shop.submit(on(1, condition)));
      expect(error.reason).toBe(reason);
      expect(error.message).toContain(`workload 1 (first) was cancelled, so it can never have ${condition}`);
    }
  });

  test('on one whose record is gone is taken only for its end', () => {
    const shop = new Workshop();
    shop.queue('research');
    shop.submit({ name: 'first' });
    shop.run(cancel(['first'], '', 'alice'));
    shop.change((draft) => draft.delete('workloads', '000000000001'));
    expect(refusal(() => shop.submit(on(1))).message).toContain(
      'workload 1 has ended and its record is no longer kept',
    );
    expect(shop.submit(on(1, 'ended'))).toBe(2);
  });
});

describe('an array', () => {
  const asArray = { size: 3, concurrency: 2, firstIndex: 5 };

  test('becomes as many workloads in one step, with numbers that follow each other', () => {
    const shop = new Workshop();
    shop.queue('research');
    const [before, sweep, after] = submission([{ name: 'before' }, { name: 'sweep' }, { name: 'after' }]).specs;
    if (before === undefined || sweep === undefined || after === undefined) throw new Error('no specs');
    const accepted = shop.run(submit({ ...submission([]), specs: [before, { ...sweep, asArray }, after] }));
    const place = { of: 2, size: 3, concurrency: 2 };
    expect(accepted.map(({ number, spec }) => [number, spec.name, spec.array])).toEqual([
      [1, 'before', null],
      [2, 'sweep', { ...place, index: 5 }],
      [3, 'sweep', { ...place, index: 6 }],
      [4, 'sweep', { ...place, index: 7 }],
      [5, 'after', null],
    ]);
    expect(shop.state.meta.lastWorkload).toBe(5);
    expect(accepted[1]?.spec).not.toHaveProperty('asArray');
  });

  test('without a name shares the one that is made', () => {
    const shop = new Workshop();
    shop.queue('research');
    const specs = submission([{ name: '' }]).specs.map((spec) => ({ ...spec, asArray }));
    const accepted = shop.run(submit({ ...submission([]), specs }));
    expect(accepted.map(({ spec }) => spec.name)).toEqual(['batch-1', 'batch-1', 'batch-1']);
  });

  test('is answered as the first time when its request comes again', () => {
    const shop = new Workshop();
    shop.queue('research');
    const specs = submission([{}]).specs.map((spec) => ({ ...spec, asArray }));
    const request = { ...submission([], 'alice/r1'), specs };
    const first = shop.run(submit(request));
    expect(shop.run(submit(request))).toEqual(first);
    expect(shop.state.workloads.size).toBe(3);
  });

  test('that does not fit into its queue is not taken in part', () => {
    const shop = new Workshop();
    shop.queue('research', { parent: null as QueueName | null });
    const huge = { ...asArray, size: MAX_PENDING_PER_QUEUE + 1 };
    const specs = submission([{}]).specs.map((spec) => ({ ...spec, asArray: huge }));
    const error = refusal(() => shop.run(submit({ ...submission([]), specs })));
    expect(error).toMatchObject({ code: status.RESOURCE_EXHAUSTED, reason: 'QUEUE_FULL' });
    expect(error.message).toContain('there is no room for 1000001 more');
    expect(shop.state.workloads.size).toBe(0);
  });
});

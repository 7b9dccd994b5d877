// What a request for a workload may say: every field with its range, every contradiction with what to do.
import { describe, expect, test } from 'vitest';
import { ApiError, type FieldViolation } from '../../common/errors.js';
import type { WorkloadNumber } from '../../common/ids.js';
import type { TaskResources } from '../../proto/gen/sluice/v1/TaskResources.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import { LIMITS } from '../../scheduler/api/limits.js';
import { specToProto } from '../../scheduler/api/spec-to-proto.js';
import { digestOf, parseSpecs } from '../../scheduler/api/validate.js';
import type { AskedSpec } from '../../scheduler/control/commands/submit.js';
import { receivedSpec } from './wire.js';

const MAX_GRACE_MS = 60_000;

function parsed(fields: WorkloadSpec): AskedSpec {
  const [spec] = parseSpecs([receivedSpec(fields)], MAX_GRACE_MS);
  if (spec === undefined) throw new Error('no spec came back');
  return spec;
}

function complaints(...specs: readonly WorkloadSpec[]): readonly FieldViolation[] {
  try {
    parseSpecs(specs.map(receivedSpec), MAX_GRACE_MS);
  } catch (error) {
    if (error instanceof ApiError) return error.fields;
    throw error;
  }
  throw new Error('it was taken');
}

const WHOLE = { gpus: 0, gpuMilli: 1_000, gpuMemoryMib: 0, migProfile: '', cpuMilli: 0, memoryMib: 0 };
const ANYWHERE = { pool: '', models: [], minGpuMemoryMib: 0, minDriver: '', labels: {}, nodes: [] };

describe('the digest of a request', () => {
  const digest = (...specs: readonly WorkloadSpec[]): string => {
    const received = specs.map(receivedSpec);
    return digestOf({ specs: received, requestId: 'r', validateOnly: false });
  };

  test.each<[string, string, WorkloadSpec]>([
    [
      'of one as early versions knew it',
      '76cd3b61915e2a7c9a3bc0375e3aecea351ee23cb14779f766bf098325b8e76b',
      { name: 'a', queue: 'q', command: { argv: ['true'] }, checkpoint: { directory: '/c' } },
    ],
    [
      'of one with all that came later',
      '8cbf12e17b8f4df417d9a0bd3ced8bc7ff60c3de008ff703c761208c77d972fa',
      {
        name: 'a',
        queue: 'q',
        launcher: 'LAUNCHER_TORCHRUN',
        separateStderr: true,
        notify: [{ to: 'x', on: ['NOTIFY_ON_END'] }],
        command: { argv: ['true'] },
        checkpoint: { earlySignal: { signal: 'USR1', ahead: { seconds: 1 } } },
      },
    ],
  ])('%s stays what it was, since ids outlive an upgrade', (_, expected, spec) => {
    expect(digest(spec)).toBe(expected);
  });

  test('tells apart what says more, by every field that came later too', () => {
    const more: readonly WorkloadSpec[] = [
      {},
      { checkpoint: {} },
      { checkpoint: { earlySignal: { signal: 'USR1', ahead: { seconds: 1 } } } },
      { launcher: 'LAUNCHER_TORCHRUN' },
      { separateStderr: true },
      { notify: [{ to: 'x', on: ['NOTIFY_ON_END'] }] },
      { name: 'b' },
    ];
    expect(new Set(more.map((spec) => digest(spec))).size).toBe(more.length);
    expect(digest({}, { name: 'b' })).not.toBe(digest({ name: 'b' }, {}));
  });
});

describe('what is not said', () => {
  test('is one task without GPUs, tried once, without end', () => {
    expect(parsed({})).toMatchObject({
      kind: 'batch',
      priority: 50,
      preemptible: true,
      roles: [{ name: '', minTasks: 1, maxTasks: 1, request: WHOLE, rules: ANYWHERE, topology: null, program: null }],
      topology: null,
      timeLimitMs: null,
      retry: { max: 0 },
      dependencies: [],
      array: null,
      graceMs: 30_000,
    });
  });

  test.each<[string, WorkloadSpec, object]>([
    [
      'a retry pauses 10 s, at most 10 min',
      { retry: { max: 2 } },
      { retry: { backoffMs: 10_000, maxBackoffMs: 600_000 } },
    ],
    [
      'a long pause is the longest',
      { retry: { max: 2, backoff: { seconds: 3_600 } } },
      { retry: { backoffMs: 3_600_000, maxBackoffMs: 3_600_000 } },
    ],
    [
      'a dependency wants success',
      { dependencies: [{ workload: 7 }] },
      { dependencies: [{ workload: 7, condition: 'succeeded' }] },
    ],
    [
      'a topology rule is a wish',
      { topology: { level: 'TOPOLOGY_LEVEL_RACK' } },
      { topology: { level: 'rack', required: false } },
    ],
  ])('%s', (_, fields, expected) => {
    expect(parsed(fields)).toMatchObject(expected);
  });
});

describe('what one task asks for', () => {
  test.each<[string, TaskResources, object]>([
    ['whole GPUs', { gpus: 4 }, { request: { ...WHOLE, gpus: 4 } }],
    ['whole GPUs said as a share', { gpus: 4, gpuMilli: 1_000 }, { request: { ...WHOLE, gpus: 4 } }],
    ['half a GPU', { gpus: 1, gpuMilli: 500 }, { request: { ...WHOLE, gpus: 1, gpuMilli: 500 } }],
    ['a thousandth of each of four', { gpus: 4, gpuMilli: 1 }, { request: { ...WHOLE, gpus: 4, gpuMilli: 1 } }],
    ['memory of a GPU', { gpus: 1, gpuMemoryMib: 20_480 }, { request: { ...WHOLE, gpus: 1, gpuMemoryMib: 20_480 } }],
    ['MIG instances', { gpus: 2, migProfile: '3g.20gb' }, { request: { ...WHOLE, gpus: 2, migProfile: '3g.20gb' } }],
    [
      'a MIG profile with an attribute',
      { gpus: 1, migProfile: '1g.10gb+me' },
      { request: { migProfile: '1g.10gb+me' } },
    ],
    [
      'CPU and memory',
      { cpuMilli: 1_500, memoryMib: 2_048 },
      { request: { ...WHOLE, cpuMilli: 1_500, memoryMib: 2_048 } },
    ],
    ['one model', { gpus: 1, gpuModel: 'h100' }, { rules: { models: ['h100'] } }],
    [
      'several models, the best first',
      { gpus: 1, gpuModels: ['h100', 'a100'] },
      { rules: { models: ['h100', 'a100'] } },
    ],
    [
      'a certain place',
      { pool: 'big', minGpuMemoryMib: 40_960, minDriver: '535.104', nodeLabels: { net: 'ib' }, nodes: ['n1', 'n2'] },
      {
        rules: {
          pool: 'big',
          models: [],
          minGpuMemoryMib: 40_960,
          minDriver: '535.104',
          labels: { net: 'ib' },
          nodes: ['n1', 'n2'],
        },
      },
    ],
  ])('%s', (_, resources, expected) => {
    expect(parsed({ resources }).roles[0]).toMatchObject(expected);
  });
});

describe('a workload', () => {
  test('may be elastic', () => {
    expect(parsed({ tasks: 2, maxTasks: 8 }).roles).toMatchObject([{ minTasks: 2, maxTasks: 8 }]);
  });

  test('may have roles with requests, rules, levels and programs of their own', () => {
    const { roles, program, topology } = parsed({
      topology: { level: 'TOPOLOGY_LEVEL_BLOCK', required: true },
      roles: [
        { name: 'launcher', resources: { cpuMilli: 2_000 }, builtin: { name: 'serve' } },
        {
          name: 'worker',
          tasks: 2,
          maxTasks: 4,
          resources: { gpus: 8 },
          topology: { level: 'TOPOLOGY_LEVEL_NVLINK', required: true },
        },
      ],
    });
    expect(topology).toEqual({ level: 'block', required: true });
    expect(program).toEqual({ type: 'command', argv: ['true'] });
    expect(roles).toMatchObject([
      { name: 'launcher', minTasks: 1, maxTasks: 1, request: { gpus: 0, cpuMilli: 2_000 }, program: { name: 'serve' } },
      { name: 'worker', minTasks: 2, maxTasks: 4, request: { gpus: 8 }, topology: { level: 'nvlink' }, program: null },
    ]);
  });

  test('needs no program of its own when every role has one', () => {
    const command = { argv: ['a'] };
    expect(parsed({ command: null, roles: [{ name: 'x', command }] }).program).toEqual({ type: 'command', ...command });
  });

  test('may be an array', () => {
    const { array, asArray } = parsed({ array: { size: 100, concurrency: 10, firstIndex: 1 } });
    expect({ array, asArray }).toEqual({ array: null, asArray: { size: 100, concurrency: 10, firstIndex: 1 } });
  });
});

describe('a launcher', () => {
  const asked = { name: 'w', queue: 'q', command: { argv: ['true'] } };

  test('is kept as it was asked for, and absent when it was not', () => {
    expect(parsed({ ...asked, resources: { gpus: 2 }, launcher: 'LAUNCHER_PER_GPU' }).launcher).toBe('per_gpu');
    expect(parsed({ ...asked, launcher: 'LAUNCHER_TORCHRUN' }).launcher).toBe('torchrun');
    expect(parsed(asked)).not.toHaveProperty('launcher');
  });

  test.each<[string, WorkloadSpec, string]>([
    ['no GPUs', { launcher: 'LAUNCHER_PER_GPU' }, 'no task asks for any'],
    ['a terminal', { launcher: 'LAUNCHER_TORCHRUN', kind: 'WORKLOAD_KIND_INTERACTIVE' }, 'whose terminal is joined'],
    [
      'what is built in',
      { launcher: 'LAUNCHER_TORCHRUN', command: null, builtin: { name: 'train', args: [] } },
      '"train" is built in',
    ],
  ])('is refused with %s', (_, fields, words) => {
    const [complaint] = complaints({ ...asked, ...fields });
    expect(complaint?.field).toBe('specs[0].launcher');
    expect(complaint?.description).toContain(words);
  });
});

describe('is refused', () => {
  const twoRoles = [{ name: 'a' }, { name: 'b' }];
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`);
  const cases: readonly (readonly [what: string, fields: WorkloadSpec, field: string, words: string])[] = [
    // Ranges.
    ['fewer than no GPUs', { resources: { gpus: -1 } }, 'resources.gpus', '-1 is out of range; allowed are 0 to 256'],
    ['too many GPUs', { resources: { gpus: 257 } }, 'resources.gpus', '257 is out of range'],
    [
      'a share above a GPU',
      { resources: { gpus: 1, gpuMilli: 1_001 } },
      'resources.gpu_milli',
      'allowed are 0 to 1000',
    ],
    ['a share below nothing', { resources: { gpus: 1, gpuMilli: -5 } }, 'resources.gpu_milli', '-5 is out of range'],
    [
      'too much GPU memory',
      { resources: { gpus: 1, gpuMemoryMib: LIMITS.gpuMemoryMib + 1 } },
      'resources.gpu_memory_mib',
      'out of range',
    ],
    ['too much CPU', { resources: { cpuMilli: LIMITS.cpuMilli + 1 } }, 'resources.cpu_milli', 'out of range'],
    ['too much memory', { resources: { memoryMib: LIMITS.memoryMib + 1 } }, 'resources.memory_mib', 'out of range'],
    [
      'too large a GPU',
      { resources: { minGpuMemoryMib: LIMITS.gpuMemoryMib + 1 } },
      'resources.min_gpu_memory_mib',
      'out of range',
    ],
    ['too many tasks', { tasks: 4_097 }, 'tasks', '4097 is out of range; allowed are 1 to 4096'],
    ['too many tasks at most', { tasks: 1, maxTasks: 4_097 }, 'max_tasks', '4097 is out of range'],
    [
      'too short a time',
      { timeLimit: { seconds: 0, nanos: 5e8 } },
      'time_limit',
      '500ms is out of range; allowed are 1.0s to 366d00h',
    ],
    ['too long a time', { timeLimit: { seconds: 4e7 } }, 'time_limit', 'out of range'],
    [
      'a grace beyond the cluster',
      { checkpoint: { grace: { seconds: 61 } } },
      'checkpoint.grace',
      '1m01s is out of range; this cluster allows 0 to 1m00s',
    ],
    [
      'a signal that cannot go ahead',
      { checkpoint: { earlySignal: { signal: 'KILL', ahead: { seconds: 10 } } } },
      'checkpoint.early_signal.signal',
      '"KILL" is no signal that can be sent ahead; there are HUP, INT, QUIT, USR1, USR2',
    ],
    [
      'a signal at no time',
      { checkpoint: { earlySignal: { signal: 'usr1' } } },
      'checkpoint.early_signal.ahead',
      'must be longer than nothing',
    ],
    [
      'a signal and a grace beyond the cluster',
      { checkpoint: { grace: { seconds: 30 }, earlySignal: { signal: 'SIGUSR1', ahead: { seconds: 31 } } } },
      'checkpoint.early_signal.ahead',
      '31s and the grace of 30s are 1m01s; together at most 1m00s, which this cluster allows',
    ],
    [
      'a signal before the start',
      { timeLimit: { seconds: 20 }, checkpoint: { earlySignal: { signal: 'SIGUSR1', ahead: { seconds: 20 } } } },
      'checkpoint.early_signal.ahead',
      '20s before the time limit of 20s is before its start',
    ],
    ['too high a priority', { priority: 1_000_001 }, 'priority', 'out of range'],
    ['too many retries', { retry: { max: 1_001 } }, 'retry.max', '1001 is out of range; allowed are 0 to 1000'],
    [
      'a pause of days',
      { retry: { max: 1, backoff: { seconds: 90_000 } } },
      'retry.backoff',
      '1d01h is out of range; allowed are 0 to 1d00h',
    ],
    [
      'an exit code of success',
      { retry: { max: 1, codes: [0] } },
      'retry.codes[0]',
      '0 is out of range; allowed are 1 to 255',
    ],
    ['no exit code', { retry: { max: 1, neverCodes: [256] } }, 'retry.never_codes[0]', '256 is out of range'],
    ['an empty array', { array: { size: 0 } }, 'array.size', '0 is out of range; allowed are 1 to 10000'],
    ['too large an array', { array: { size: 10_001 } }, 'array.size', '10001 is out of range'],
    ['a cap below nothing', { array: { size: 5, concurrency: -1 } }, 'array.concurrency', '-1 is out of range'],
    ['an index below nothing', { array: { size: 5, firstIndex: -1 } }, 'array.first_index', '-1 is out of range'],
    ['no workload to wait for', { dependencies: [{ workload: 0 }] }, 'dependencies[0].workload', '0 is out of range'],
    // Counts.
    [
      'too many models',
      { resources: { gpus: 1, gpuModels: names(17) } },
      'resources.gpu_models',
      '17 are too many; at most 16',
    ],
    [
      'too many labels',
      { resources: { nodeLabels: Object.fromEntries(names(65).map((name) => [name, 'x'])) } },
      'resources.node_labels',
      '65 are too many; at most 64',
    ],
    ['too many nodes', { resources: { nodes: names(1_001) } }, 'resources.nodes', '1001 are too many; at most 1000'],
    ['too many roles', { roles: names(17).map((name) => ({ name })) }, 'roles', '17 are too many; at most 16'],
    [
      'too many tasks over all roles',
      {
        roles: [
          { name: 'a', tasks: 4_000 },
          { name: 'b', tasks: 10, maxTasks: 97 },
        ],
      },
      'roles',
      '4097 tasks together; at most 4096',
    ],
    [
      'too many to wait for',
      { dependencies: names(101).map((_, index) => ({ workload: index + 1 })) },
      'dependencies',
      '101 are too many; at most 100',
    ],
    [
      'too many exit codes',
      { retry: { max: 1, codes: Array.from({ length: 256 }, (_, code) => code + 1) } },
      'retry.codes',
      '256 are too many',
    ],
    // Forms.
    ['no MIG profile', { resources: { gpus: 1, migProfile: '3g' } }, 'resources.mig_profile', '"3g" is no MIG profile'],
    [
      'more slices than a GPU has',
      { resources: { gpus: 1, migProfile: '8g.80gb' } },
      'resources.mig_profile',
      'is no MIG profile',
    ],
    [
      'no version',
      { resources: { minDriver: 'latest' } },
      'resources.min_driver',
      '"latest" is no version of a driver',
    ],
    ['no name of a node', { resources: { nodes: ['N 1'] } }, 'resources.nodes[0]', 'is no name of a node'],
    ['an empty model', { resources: { gpuModels: [''] } }, 'resources.gpu_models[0]', 'is empty'],
    ['a label without name', { resources: { nodeLabels: { '': 'x' } } }, 'resources.node_labels', 'is empty'],
    ['too long a word', { resources: { pool: 'x'.repeat(257) } }, 'resources.pool', 'has 257 characters; at most 256'],
    ['a NUL', { resources: { gpuModel: 'h\0' } }, 'resources.gpu_model', 'NUL'],
    [
      'two logs of a terminal',
      { separateStderr: true, kind: 'WORKLOAD_KIND_INTERACTIVE' },
      'separate_stderr',
      'one output',
    ],
    [
      'no level',
      { topology: { required: true } },
      'topology.level',
      'is no level; there are NVLINK, NODE, RACK and BLOCK',
    ],
    ['a level of a later release', { topology: { level: 99 as never } }, 'topology.level', '99 is no level'],
    [
      'a condition of a later release',
      { dependencies: [{ workload: 3, condition: 99 as never }] },
      'dependencies[0].condition',
      '99 is no condition',
    ],
    ['a role without name', { roles: [{}] }, 'roles[0].name', 'must be 1 to 63'],
    // Contradictions.
    [
      'a share said twice',
      { resources: { gpus: 1, gpuMilli: 500, gpuMemoryMib: 1_024 } },
      'resources.gpu_memory_mib',
      'both say the share of a GPU',
    ],
    [
      'MIG with a share',
      { resources: { gpus: 1, gpuMilli: 500, migProfile: '3g.20gb' } },
      'resources.mig_profile',
      'exclude each other',
    ],
    [
      'MIG with memory of a GPU',
      { resources: { gpus: 1, gpuMemoryMib: 1_024, migProfile: '3g.20gb' } },
      'resources.mig_profile',
      'exclude each other',
    ],
    [
      'a share of no GPU',
      { resources: { gpuMilli: 500 } },
      'resources.gpus',
      '0 GPUs and 500 thousandths of each ask for nothing',
    ],
    ['instances of no number', { resources: { migProfile: '3g.20gb' } }, 'resources.gpus', 'ask for nothing'],
    [
      'a model said twice',
      { resources: { gpus: 1, gpuModel: 'h100', gpuModels: ['a100'] } },
      'resources.gpu_model',
      'both say the model',
    ],
    [
      'a model listed twice',
      { resources: { gpus: 1, gpuModels: ['h100', 'h100'] } },
      'resources.gpu_models[1]',
      'is there twice',
    ],
    ['a node listed twice', { resources: { nodes: ['n1', 'n1'] } }, 'resources.nodes[1]', 'is there twice'],
    ['at most fewer tasks than at least', { tasks: 4, maxTasks: 2 }, 'max_tasks', '2 is below tasks, which is 4'],
    ['tasks beside roles', { tasks: 2, roles: twoRoles }, 'tasks', 'cannot be together with roles'],
    [
      'at most so many tasks beside roles',
      { maxTasks: 2, roles: twoRoles },
      'max_tasks',
      'cannot be together with roles',
    ],
    [
      'resources beside roles',
      { resources: { gpus: 1 }, roles: twoRoles },
      'resources',
      'cannot be together with roles',
    ],
    [
      'two roles of one name',
      { roles: [{ name: 'a' }, { name: 'a' }] },
      'roles[1].name',
      '"a" is the name of another role, too',
    ],
    [
      'a role without any program',
      { command: null, roles: [{ name: 'a', command: { argv: ['x'] } }, { name: 'b' }] },
      'command',
      'one for every role (b)',
    ],
    [
      'the longest pause below the first',
      { retry: { max: 1, backoff: { seconds: 60 }, maxBackoff: { seconds: 30 } } },
      'retry.max_backoff',
      '30s is below backoff, which is 1m00s',
    ],
    [
      'an exit code in both lists',
      { retry: { max: 1, codes: [1, 75], neverCodes: [75] } },
      'retry.never_codes',
      '75 stand in codes, too',
    ],
    ['an exit code twice', { retry: { max: 1, codes: [75, 75] } }, 'retry.codes[1]', '75 is there twice'],
    ['rules for a retry that never comes', { retry: { codes: [75] } }, 'retry.max', '0 means never tried again'],
    [
      'one workload awaited twice',
      { dependencies: [{ workload: 3 }, { workload: 3, condition: 'DEPENDENCY_CONDITION_ENDED' }] },
      'dependencies[1].workload',
      '3 is there twice',
    ],
  ];
  test.each(cases)('%s', (_, fields, field, words) => {
    const found = complaints(fields);
    expect(found.map((each) => each.field)).toContain(`specs[0].${field}`);
    expect(found.find((each) => each.field === `specs[0].${field}`)?.description).toContain(words);
  });

  test('every mistake at once', () => {
    const found = complaints(
      { tasks: -1, resources: { gpus: -1, cpuMilli: -1 } },
      { name: 'X', timeLimit: { seconds: -1 } },
    );
    expect(found.map(({ field }) => field)).toEqual([
      'specs[0].tasks',
      'specs[0].resources.gpus',
      'specs[0].resources.cpu_milli',
      'specs[1].name',
      'specs[1].time_limit',
    ]);
  });

  test('a request whose arrays together are too many', () => {
    const arrays = [{ array: { size: 6_000 } }, { array: { size: 4_001 } }];
    expect(complaints(...arrays)[0]?.description).toContain('10001 workloads with their arrays; at most 10000');
  });

  test('a request whose arrays together are too long', () => {
    const environment = [{ name: 'BIG', value: 'x'.repeat(10_000) }];
    expect(complaints({ array: { size: 10_000 }, environment })[0]?.description).toMatch(
      /are \d+ bytes long with their arrays; at most 33554432/,
    );
  });
});

describe('what is told of a spec', () => {
  test.each<[string, WorkloadSpec]>([
    ['with nothing special', { tasks: 2, resources: { gpus: 4, gpuModel: 'h100', pool: 'big' } }],
    ['with a share', { resources: { gpus: 2, gpuMilli: 250 } }],
    ['with memory of a GPU', { resources: { gpus: 1, gpuMemoryMib: 4_096 } }],
    ['with MIG', { resources: { gpus: 1, migProfile: '1g.5gb' } }],
    [
      'with everything else',
      {
        name: 'all',
        kind: 'WORKLOAD_KIND_TRAIN',
        priority: 7,
        preemptible: false,
        topology: { level: 'TOPOLOGY_LEVEL_RACK', required: true },
        timeLimit: { seconds: 3_600 },
        retry: { max: 3, backoff: { seconds: 5 }, maxBackoff: { seconds: 50 }, codes: [75], neverCodes: [2] },
        dependencies: [{ workload: 3, condition: 'DEPENDENCY_CONDITION_STARTED' }],
        environment: [{ name: 'A', value: '1' }],
        workingDirectory: '/srv',
        checkpoint: {
          grace: { seconds: 9 },
          directory: '/ckpt',
          earlySignal: { signal: 'SIGUSR1', ahead: { seconds: 20 } },
        },
        roles: [
          { name: 'launcher', resources: { cpuMilli: 500, memoryMib: 64 }, command: { argv: ['mpirun'] } },
          {
            name: 'worker',
            tasks: 2,
            maxTasks: 8,
            resources: {
              gpus: 8,
              gpuModels: ['h100', 'a100'],
              minGpuMemoryMib: 1_024,
              minDriver: '535.1',
              nodeLabels: { net: 'ib' },
              nodes: ['n1'],
            },
            topology: { level: 'TOPOLOGY_LEVEL_NODE' },
          },
        ],
      },
    ],
  ])('%s can be submitted again and means the same', (_, fields) => {
    const spec = parsed(fields);
    expect(parsed(specToProto(spec, 12 as WorkloadNumber))).toEqual(spec);
  });

  test('of an array is the whole array, from every place in it', () => {
    const { asArray, ...spec } = parsed({ array: { size: 5, concurrency: 2, firstIndex: 10 } });
    const place = { of: 100 as WorkloadNumber, index: 13, size: 5, concurrency: 2 };
    expect(parsed(specToProto({ ...spec, array: place }, 103 as WorkloadNumber))).toEqual({ ...spec, asArray });
  });
});

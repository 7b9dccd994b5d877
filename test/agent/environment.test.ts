// Which variables a task gets.
import { describe, expect, test } from 'vitest';
import { taskEnvironment } from '../../node-agent/runtime/environment.js';
import { wants } from './session-builder.js';

const AROUND = {
  nodeName: 'n1',
  agentEnvironment: { PATH: '/bin', HOME: '/home/u', NODE_OPTIONS: '--inspect', AWS_SECRET: 'x', TZ: '' },
  checkpointDir: '/c',
  resume: null,
  stopFile: '/s',
  reportFile: '/r',
  outputDir: '/o',
  timeLeftFile: '/l',
  gpuMemoryMib: (uuid: string) =>
    new Map([
      ['g', 80_000],
      ['h', 80_000],
      ['i', 9_984],
    ]).get(uuid) ?? null,
  user: null,
};

function grantedBy(gpus: readonly string[], rest: Parameters<typeof wants>[2] = {}): Readonly<Record<string, string>> {
  return taskEnvironment(wants('a', gpus, rest), AROUND).variables;
}

function environmentOf(environment: Readonly<Record<string, string>>, rest: Parameters<typeof wants>[2] = {}) {
  const list = Object.entries(environment).map(([name, value]) => ({ name, value }));
  return taskEnvironment(wants('a', ['g@1', 'h@1'], { environment: list, ...rest }), AROUND);
}

describe('the environment of a task', () => {
  test('takes a few names from the agent, with defaults, and nothing else', () => {
    const { variables } = environmentOf({});
    expect(variables).toMatchObject({ PATH: '/bin', HOME: '/home/u', LANG: 'C.UTF-8', TMPDIR: '/tmp' });
    expect(Object.keys(variables).filter((name) => !/^(SLUICE|CUDA)_/.test(name))).toEqual([
      'PATH',
      'HOME',
      'LANG',
      'TMPDIR',
    ]);
  });

  test('has a folder for scratch files of its own, unless the user names another one', () => {
    const around = { ...AROUND, scratchDir: '/own/tmp' };
    expect(taskEnvironment(wants('a', ['g@1']), around).variables['TMPDIR']).toBe('/own/tmp');
    const environment = [{ name: 'TMPDIR', value: '/scratch' }];
    expect(taskEnvironment(wants('a', ['g@1'], { environment }), around).variables['TMPDIR']).toBe('/scratch');
  });

  test.each([
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'NVIDIA_VISIBLE_DEVICES',
    'CUDA_VISIBLE_DEVICES',
    'SLUICE_ALLOCATION_ID',
    'NODE_OPTIONS',
    'OPENSSL_CONF',
    'BASH_ENV',
    'BASH_FUNC_echo%%',
    'SHELLOPTS',
    'PS4',
    'ENV',
    'GCONV_PATH',
    'GLIBC_TUNABLES',
    'LOCPATH',
    '',
    'A=B',
  ])('refuses %j of a user and says so', (name) => {
    const { variables, notes } = environmentOf({ [name]: 'evil' });
    expect(Object.values(variables)).not.toContain('evil');
    expect(notes).toEqual([`variable ${JSON.stringify(name)} was not passed on: users may not set it`]);
  });

  test.each(['MY_ENV', 'OLD_LD', 'PATH', 'CUDA_CACHE_PATH', 'CUDA_DEVICE_ORDER'])('lets a user set %s', (name) => {
    const { variables, notes } = environmentOf({ [name]: 'mine' });
    expect(variables[name]).toBe('mine');
    expect(notes).toEqual([]);
  });

  test('names GPUs by UUID in the order of the grant, and none as an empty list', () => {
    expect(environmentOf({}).variables).toMatchObject({ CUDA_VISIBLE_DEVICES: 'g,h', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' });
    expect(environmentOf({}, { gpus: [] }).variables).toMatchObject({ CUDA_VISIBLE_DEVICES: '', SLUICE_NUM_GPUS: '0' });
    expect(environmentOf({}, { gpus: [] }).variables).not.toHaveProperty('SLUICE_SIMULATED_GPUS');
  });
});

describe('the environment of a part of a GPU', () => {
  const OF_SHARES = [
    'SLUICE_GPU_SHARE',
    'XLA_PYTHON_CLIENT_MEM_FRACTION',
    'TF_FORCE_GPU_ALLOW_GROWTH',
    'CUDA_MPS_ACTIVE_THREAD_PERCENTAGE',
  ];

  test('whole GPUs: their memory, and no word of shares', () => {
    const variables = grantedBy(['g@1', 'h@1']);
    expect(variables).toMatchObject({ CUDA_VISIBLE_DEVICES: 'g,h', SLUICE_GPU_MEMORY_MIB: '80000' });
    for (const name of OF_SHARES) expect(variables).not.toHaveProperty(name);
  });

  test.each([
    ['a half', 3_500, '500', '40000', '0.450', '50'],
    ['a thousandth', 7, '1', '80', '0.001', '1'],
    ['a third, rounded down', 7 * 333, '333', '26640', '0.299', '33'],
  ])('a share is the same GPU and how much of it: %s', (_, parts, milli, memoryMib, fraction, percent) => {
    expect(grantedBy([`g@1*${parts}`])).toMatchObject({
      CUDA_VISIBLE_DEVICES: 'g',
      SLUICE_NUM_GPUS: '1',
      SLUICE_GPU_SHARE: milli,
      SLUICE_GPU_MEMORY_MIB: memoryMib,
      XLA_PYTHON_CLIENT_MEM_FRACTION: fraction,
      TF_FORCE_GPU_ALLOW_GROWTH: 'true',
      CUDA_MPS_ACTIVE_THREAD_PERCENTAGE: percent,
    });
  });

  test('shares of several GPUs', () => {
    const gpus = ['g@1*3500', 'h@4*3500'];
    expect(grantedBy(gpus)).toMatchObject({ CUDA_VISIBLE_DEVICES: 'g,h', SLUICE_GPU_SHARE: '500' });
  });

  test('a MIG instance is named by its own UUID and has its own memory', () => {
    const variables = grantedBy(['g@1/i*1000']);
    expect(variables).toMatchObject({ CUDA_VISIBLE_DEVICES: 'i', SLUICE_GPU_MEMORY_MIB: '9984', SLUICE_NUM_GPUS: '1' });
    for (const name of OF_SHARES) expect(variables).not.toHaveProperty(name);
  });

  test('memory that is not known is not made up', () => {
    expect(grantedBy(['x@1*3500'])).not.toHaveProperty('SLUICE_GPU_MEMORY_MIB');
    expect(grantedBy([])).not.toHaveProperty('SLUICE_GPU_MEMORY_MIB');
  });

  test('advice to libraries gives way to what the user sets', () => {
    const { variables } = environmentOf(
      { XLA_PYTHON_CLIENT_MEM_FRACTION: '.3', OMP_NUM_THREADS: '7' },
      { gpus: wants('a', ['g@1*3500']).gpus, cpuMilli: 2_000 },
    );
    expect(variables).toMatchObject({ XLA_PYTHON_CLIENT_MEM_FRACTION: '.3', OMP_NUM_THREADS: '7' });
  });
});

describe('the environment of what is not a GPU', () => {
  test.each([
    [0, undefined, undefined],
    [250, '0.25', '1'],
    [1_500, '1.5', '1'],
    [64_000, '64', '64'],
  ])('CPU: %i thousandths of a core', (cpuMilli, cpus, threads) => {
    const variables = grantedBy([], { cpuMilli });
    expect(variables['SLUICE_CPUS']).toBe(cpus);
    expect(variables['OMP_NUM_THREADS']).toBe(threads);
  });

  test('memory', () => {
    expect(grantedBy([], { memoryMib: 2_048 })).toMatchObject({ SLUICE_MEMORY_MIB: '2048' });
    expect(grantedBy([])).not.toHaveProperty('SLUICE_MEMORY_MIB');
  });

  test('the role and the place in it', () => {
    expect(grantedBy([], { task: 5, tasks: 8, role: 'worker', roleRank: 4, roleTasks: 7 })).toMatchObject({
      SLUICE_TASK: '5',
      SLUICE_TASKS: '8',
      SLUICE_ROLE: 'worker',
      SLUICE_ROLE_RANK: '4',
      SLUICE_ROLE_TASKS: '7',
    });
    expect(Object.keys(grantedBy([])).filter((name) => /ROLE|ARRAY/.test(name))).toEqual([]);
  });

  test('the place in an array, also the first', () => {
    expect(grantedBy([], { array: { index: 0, size: 10, first: 1047 } })).toMatchObject({
      SLUICE_ARRAY_ID: '1047',
      SLUICE_ARRAY_INDEX: '0',
      SLUICE_ARRAY_SIZE: '10',
    });
  });
});

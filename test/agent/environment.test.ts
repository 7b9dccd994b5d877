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
};

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

  test.each([
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'NVIDIA_VISIBLE_DEVICES',
    'CUDA_VISIBLE_DEVICES',
    'SLUICE_ALLOCATION_ID',
    'NODE_OPTIONS',
    'BASH_ENV',
    'ENV',
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

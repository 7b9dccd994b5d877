import { describe, expect, it } from 'vitest';
import { readTaskEnvironment } from '../../node-agent/workers/task-environment.js';

describe('the environment of a task', () => {
  it.each([
    ['a GPU was granted', { CUDA_VISIBLE_DEVICES: 'GPU-1' }, false, { kind: 'real', count: 1 }],
    ['two GPUs were granted', { CUDA_VISIBLE_DEVICES: 'GPU-1,GPU-2' }, false, { kind: 'real', count: 2 }],
    ['no GPU was granted', { CUDA_VISIBLE_DEVICES: '' }, true, { kind: 'none', why: 'no GPU was granted' }],
    [
      'a simulated GPU was granted',
      { CUDA_VISIBLE_DEVICES: 'GPU-1', SLUICE_SIMULATED_GPUS: '1' },
      true,
      { kind: 'none', why: 'the granted GPUs are simulated' },
    ],
    ['it runs by hand where a driver is loaded', {}, true, { kind: 'real' }],
    ['it runs by hand where no driver is loaded', {}, false, { kind: 'none', why: 'this machine has no GPU driver' }],
  ])('says which GPUs may be used when %s', (_, env, driverLoaded, expected) => {
    expect(readTaskEnvironment(env, () => driverLoaded).gpus).toMatchObject(expected);
  });

  it('has defaults for a program that runs by hand, and takes empty for not set', () => {
    expect(readTaskEnvironment({ SLUICE_RESUME_FROM: '' }, () => false)).toMatchObject({
      checkpointDir: undefined,
      resumeFrom: undefined,
      stopFile: undefined,
      reportFile: undefined,
      tasks: 1,
    });
  });

  it('refuses a number of tasks that is none', () => {
    expect(() => readTaskEnvironment({ SLUICE_TASKS: 'two' }, () => false)).toThrow('SLUICE_TASKS=two');
  });
});

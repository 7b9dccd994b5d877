// What is advised from what was measured, case by case, and what is not said.
import { describe, expect, test } from 'vitest';
import {
  findingsOf,
  IDLE_TOLD_MS,
  LEAST_OBSERVED_MS,
  type MeasuredGpu,
  type MeasuredTask,
  type MeasuredWorkload,
  SETTLED_MS,
  summaryOf,
} from '../../scheduler/model/advice.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';

const HOUR_MS = 3_600_000;
const GIB = 1_024;

/** A whole GPU of 80 GiB, worked so much of three hours, and so hard. */
function gpu(busy: number, fields: Partial<MeasuredGpu> & { measuredMs?: number; peakGib?: number } = {}): MeasuredGpu {
  const { measuredMs = 3 * HOUR_MS, peakGib = 60, ...rest } = fields;
  const use = { measuredMs, busyMs: busy * measuredMs, workMs: busy * measuredMs, memoryPeakMib: peakGib * GIB };
  return { parts: GPU_PARTS, isInstance: false, memoryMib: 80 * GIB, idleMs: 0, use, ...rest };
}

function task(gpus: readonly MeasuredGpu[], fields: Partial<MeasuredTask> = {}): MeasuredTask {
  return { runMs: 3 * HOUR_MS, cpuMilli: 0, memoryMib: 0, cpuMs: null, memoryPeakMib: null, gpus, ...fields };
}

function workload(tasks: readonly MeasuredTask[], fields: Partial<MeasuredWorkload> = {}): MeasuredWorkload {
  return { kind: 'train', state: 'running', runMs: 3 * HOUR_MS, timeLimitMs: null, tasks, ...fields };
}

const told = (one: MeasuredWorkload): readonly string[] =>
  findingsOf(one).map(({ kind, message }) => `${kind}: ${message}`);
const asked = (memoryGib: number, peakGib: number, fields: Partial<MeasuredTask> = {}): MeasuredTask =>
  task([], { memoryMib: memoryGib * GIB, memoryPeakMib: peakGib * GIB, ...fields });
const cpus = (count: number, used: number, fields: Partial<MeasuredTask> = {}): MeasuredTask =>
  task([], { cpuMilli: count * 1_000, cpuMs: used * 3 * HOUR_MS, ...fields });

describe('advice', () => {
  test.each<[string, MeasuredWorkload, readonly string[]]>([
    ['all in use', workload([task([gpu(0.9), gpu(0.8)])]), []],
    [
      'one of four in use',
      workload([task([gpu(0.9), gpu(0), gpu(0), gpu(0.005)])]),
      ['gpus_unused: 4 GPUs granted, 1 used over 3h: ask for 1'],
    ],
    [
      'none in use',
      workload([task([gpu(0), gpu(0)])]),
      ['gpus_unused: 2 GPUs granted, none used over 3h: ask for none, or see whether the program finds them'],
    ],
    [
      'of a gang each task uses half',
      workload([task([gpu(0.9), gpu(0)]), task([gpu(0.9), gpu(0)])]),
      ['gpus_unused: 4 GPUs granted, 2 used over 3h: ask for 1 a task'],
    ],
    [
      'of a gang one task does nothing',
      workload([task([gpu(0.9), gpu(0.9)]), task([gpu(0), gpu(0)])]),
      ['gpus_unused: 4 GPUs granted, 2 used over 3h: 1 of 2 tasks used none'],
    ],
    [
      'half of a GPU that nobody uses',
      workload([task([gpu(0, { parts: GPU_PARTS / 2 })])]),
      ['gpus_unused: 0.5 GPUs granted, none used over 3h: ask for none, or see whether the program finds them'],
    ],
    [
      'idle now, after having worked',
      workload([task([gpu(0.5, { idleMs: 45 * 60_000 })])]),
      ['gpus_idle: GPU idle for 45m: see whether it waits for something (sluice logs), or cancel it'],
    ],
    [
      'two of three idle now',
      workload([task([gpu(0.5, { idleMs: HOUR_MS }), gpu(0.5, { idleMs: 1.5 * HOUR_MS }), gpu(0.9)])]),
      ['gpus_idle: 2 of 3 GPUs idle for 1h to 1h30m: see whether it waits for something (sluice logs), or cancel it'],
    ],
    ['idle for a moment', workload([task([gpu(0.5, { idleMs: IDLE_TOLD_MS - 1 })])]), []],
    ['idle when it ended', workload([task([gpu(0.5, { idleMs: HOUR_MS })])], { state: 'succeeded' }), []],
    [
      'barely used',
      workload([task([gpu(0.1), gpu(0.2)])]),
      ['gpus_barely_used: 2 GPUs worked 15 % of 3h in the mean: fewer may do, or feed them faster'],
    ],
    [
      'one GPU, little of its time and of its memory',
      workload([task([gpu(0.12, { peakGib: 9 })])]),
      ['gpu_share: a GPU with 80 GiB used 12 % of the time, with a peak of 9 GiB: a share of 0.2 would do'],
    ],
    [
      'one GPU, little of its time and much of its memory',
      workload([task([gpu(0.12)])]),
      ['gpus_barely_used: 1 GPU worked 12 % of 3h in the mean: see what it waits for: data, CPU, the network'],
    ],
    ['a share that does little', workload([task([gpu(0.3, { parts: GPU_PARTS / 2, peakGib: 3 })])]), []],
    ['a service without requests', workload([task([gpu(0, { idleMs: 9 * HOUR_MS })])], { kind: 'service' }), []],
    [
      'far too much memory',
      workload([asked(64, 9)]),
      ['memory_excess: memory 64 GiB asked, 9 GiB peak: ask for 12 GiB'],
    ],
    ['the task that needs most decides', workload([asked(64, 9), asked(64, 45)]), []],
    [
      'roles ask for different memory',
      workload([asked(64, 9), asked(256, 200), asked(512, 10)]),
      ['memory_excess: memory 512 GiB asked, 10 GiB peak: ask for 13 GiB'],
    ],
    ['a little too much memory', workload([asked(3, 1)]), []],
    ['enough, with room', workload([asked(16, 9)]), []],
    ['far too much CPU', workload([cpus(16, 1.2)]), ['cpu_excess: 16 CPUs asked, 1.2 used in the mean: ask for 2']],
    [
      'too little CPU',
      workload([cpus(4, 11.3)]),
      ['cpu_short: 4 CPUs asked, 11.3 used in the mean: ask for 12, on a full node there will be no more'],
    ],
    ['CPU in bursts', workload([cpus(4, 2.2)]), []],
    [
      'a time limit that keeps it waiting',
      workload([], { state: 'succeeded', runMs: 2 * HOUR_MS, timeLimitMs: 96 * HOUR_MS }),
      ['time_limit: ran 2h of a time limit of 4d: with 3h it can start earlier'],
    ],
    ['a time limit with some room', workload([], { state: 'succeeded', timeLimitMs: 6 * HOUR_MS }), []],
    ['a time limit of what failed', workload([], { state: 'failed', runMs: HOUR_MS, timeLimitMs: 96 * HOUR_MS }), []],
  ])('%s', (_, measured, expected) => {
    expect(told(measured)).toEqual(expected);
  });

  test.each<[string, MeasuredWorkload]>([
    ['GPUs that were not measured', workload([task([gpu(0, { measuredMs: 0 }), gpu(0, { measuredMs: 0 })])])],
    ['GPUs that were measured too short', workload([task([gpu(0, { measuredMs: LEAST_OBSERVED_MS - 1 }), gpu(0.9)])])],
    ['MIG instances', workload([task([gpu(0, { isInstance: true })])])],
    ['memory and CPU that were not measured', workload([task([], { memoryMib: 64 * GIB, cpuMilli: 16_000 })])],
    ['memory of work that may yet need it', workload([asked(64, 9)], { runMs: SETTLED_MS - 1 })],
    ['CPU of a task that just began', workload([cpus(16, 1, { runMs: LEAST_OBSERVED_MS - 1 })])],
    ['nothing asked for', workload([asked(0, 9), cpus(0, 7)])],
  ])('nothing is said of %s', (_, measured) => {
    expect(told(measured)).toEqual([]);
  });

  test('is said of what ended well after the least time', () => {
    const short = { runMs: LEAST_OBSERVED_MS };
    expect(told(workload([asked(64, 9, short)], { state: 'succeeded', ...short }))).toHaveLength(1);
    expect(told(workload([asked(64, 9, short)], { state: 'failed', ...short }))).toEqual([]);
  });
});

describe('the sum of what was used', () => {
  test('counts what was measured', () => {
    const half = gpu(0.5, { parts: GPU_PARTS / 2, peakGib: 20 });
    const first = task([gpu(1), half], { cpuMilli: 4_000, cpuMs: 6 * HOUR_MS, memoryMib: 10, memoryPeakMib: 5 });
    const second = task([gpu(0, { measuredMs: 0 }), gpu(0)], { cpuMilli: 8_000, memoryMib: 20 });
    expect(summaryOf(workload([first, second]))).toEqual({
      granted: 3.5,
      measured: 2.5,
      used: 1.5,
      utilization: 0.5,
      gpuMemoryPeakMib: 60 * GIB,
      gpuMemoryMib: 80 * GIB,
      cpuMilli: 4_000,
      cpuUsedMilli: 2_000,
      memoryMib: 10,
      memoryPeakMib: 5,
    });
  });

  test('says what is not known', () => {
    expect(summaryOf(workload([task([gpu(0, { measuredMs: 0 })])]))).toMatchObject({
      granted: 1,
      measured: 0,
      utilization: null,
      cpuUsedMilli: null,
      memoryPeakMib: null,
    });
  });
});

// What a request for a queue may say: every field with its range, and changes by mask.
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../common/errors.js';
import type { QueueSpec } from '../../proto/gen/sluice/v1/QueueSpec.js';
import { parseQueue, parseQueuePatch } from '../../scheduler/api/parse-queue.js';
import { queueSpecToProto } from '../../scheduler/api/spec-to-proto.js';
import { receivedQueue } from './wire.js';

const FULL: QueueSpec = {
  name: 'research',
  parent: 'org',
  guaranteeGpus: 2.5,
  limitGpus: 8,
  weight: 0.5,
  priority: 7,
  guaranteeCpuMilli: 64_000,
  guaranteeMemoryMib: 1_024,
  limitCpuMilli: 128_000,
  limitMemoryMib: 2_048,
  scopes: [
    { pool: 'big', gpuModel: '', guaranteeGpus: 1.25 },
    { pool: '', gpuModel: 'h100', guaranteeGpus: 1, limitGpus: 4 },
  ],
  shapes: [{ count: 1, gpus: 2, pool: 'big', gpuModel: 'h100', level: 'TOPOLOGY_LEVEL_NVLINK' }],
  userLimitGpus: 0.5,
  reclaimMinRuntime: { seconds: 60 },
  preemptMinRuntime: { seconds: 0 },
  maxGrace: { seconds: 30 },
  lendMaxMinRuntime: { seconds: 20 },
  lendMaxGrace: { seconds: 10 },
  idleLimit: { seconds: 1_800 },
  idleGpus: { warnAfter: { seconds: 3_600 }, reclaimAfter: { seconds: 7_200 } },
};

describe('a queue', () => {
  test('of which nothing is said is guaranteed nothing and limited in nothing', () => {
    expect(parseQueue(receivedQueue())).toEqual({
      name: 'research',
      parent: null,
      guaranteeGpus: 0,
      limitGpus: null,
      guaranteeCpuMilli: null,
      guaranteeMemoryMib: null,
      limitCpuMilli: null,
      limitMemoryMib: null,
      scopes: [],
      shapes: [],
      userLimitGpus: null,
      reclaimMinRuntimeMs: null,
      preemptMinRuntimeMs: null,
      maxGraceMs: null,
      lendMaxMinRuntimeMs: null,
      lendMaxGraceMs: null,
      idleLimitMs: null,
      budget: null,
      idleGpus: null,
      weight: 1,
      priority: 100,
    });
  });

  test('is told as it was given', () => {
    const queue = parseQueue(receivedQueue(FULL));
    expect(parseQueue(receivedQueue(queueSpecToProto({ ...queue, createdMs: 0 })))).toEqual(queue);
    expect(queue).toMatchObject({
      guaranteeGpus: 2.5,
      scopes: [{ model: '', limitGpus: null }, { limitGpus: 4 }],
      shapes: [{ level: 'nvlink' }],
      reclaimMinRuntimeMs: 60_000,
      preemptMinRuntimeMs: 0,
    });
  });

  test.each([
    [{ reclaimAfter: { seconds: 7_200 } }, { warnAfterMs: 6_300_000, reclaimAfterMs: 7_200_000 }],
    [{ reclaimAfter: { seconds: 600 } }, { warnAfterMs: 300_000, reclaimAfterMs: 600_000 }],
    [{ warnAfter: { seconds: 600 } }, { warnAfterMs: 600_000, reclaimAfterMs: null }],
    [{}, { warnAfterMs: null, reclaimAfterMs: null }],
  ])('warns of idle GPUs before it takes them back: %j', (idleGpus, expected) => {
    const queue = parseQueue(receivedQueue({ idleGpus }));
    expect(queue.idleGpus).toEqual(expected);
    expect(parseQueue(receivedQueue(queueSpecToProto({ ...queue, createdMs: 0 })))).toEqual(queue);
  });

  test('counts thousandths, whatever binary fractions make of them', () => {
    expect(parseQueue(receivedQueue({ guaranteeGpus: 0.1 + 0.2 })).guaranteeGpus).toBe(0.3);
  });

  test('means one node by a shape without level', () => {
    expect(parseQueue(receivedQueue({ shapes: [{ count: 1, gpus: 8 }] })).shapes[0]?.level).toBe('node');
  });

  const many = (count: number) => Array.from({ length: count }, (_, index) => index);
  test.each<[string, QueueSpec, string, string]>([
    ['a negative guarantee', { guaranteeGpus: -1 }, 'guarantee_gpus', '-1 is out of range; allowed are 0 to 10000000'],
    ['no number', { guaranteeGpus: NaN }, 'guarantee_gpus', 'NaN is out of range'],
    ['an endless limit', { limitGpus: Infinity }, 'limit_gpus', 'Infinity is out of range'],
    ['less than a thousandth', { guaranteeGpus: 0.0005 }, 'guarantee_gpus', '0.0005 GPUs cannot be counted'],
    ['a negative limit for users', { userLimitGpus: -0.5 }, 'user_limit_gpus', 'out of range'],
    ['negative CPU', { guaranteeCpuMilli: -1 }, 'guarantee_cpu_milli', 'out of range'],
    ['a negative limit of CPU', { limitCpuMilli: -1 }, 'limit_cpu_milli', 'out of range'],
    ['negative memory', { guaranteeMemoryMib: -1 }, 'guarantee_memory_mib', 'out of range'],
    ['a negative limit of memory', { limitMemoryMib: -1 }, 'limit_memory_mib', 'out of range'],
    [
      'a min-runtime of years',
      { reclaimMinRuntime: { seconds: 1e9 } },
      'reclaim_min_runtime',
      'allowed are 0 to 30d00h',
    ],
    ['a negative min-runtime', { preemptMinRuntime: { seconds: -1 } }, 'preempt_min_runtime', 'out of range'],
    ['a grace of years', { maxGrace: { seconds: 1e9 } }, 'max_grace', 'out of range'],
    [
      'idle GPUs for a moment',
      { idleGpus: { reclaimAfter: { seconds: 60 } } },
      'idle_gpus.reclaim_after',
      'out of range',
    ],
    ['idle GPUs for years', { idleGpus: { warnAfter: { seconds: 1e9 } } }, 'idle_gpus.warn_after', 'out of range'],
    [
      'a warning that comes too late',
      { idleGpus: { warnAfter: { seconds: 600 }, reclaimAfter: { seconds: 600 } } },
      'idle_gpus.warn_after',
      'must be below reclaim_after',
    ],
    ['a scope of everything', { scopes: [{ guaranteeGpus: 1 }] }, 'scopes[0]', 'names neither a pool nor a GPU model'],
    ['a bad figure in a scope', { scopes: [{ pool: 'a', limitGpus: -1 }] }, 'scopes[0].limit_gpus', 'out of range'],
    [
      'too many scopes',
      { scopes: many(65).map((index) => ({ pool: `p${index}` })) },
      'scopes',
      '65 are too many; at most 64',
    ],
    [
      'a shape of nothing',
      { shapes: [{ count: 1, gpus: 0 }] },
      'shapes[0].gpus',
      '0 is out of range; allowed are 1 to',
    ],
    [
      'no shape at all',
      { shapes: [{ count: 0, gpus: 8 }] },
      'shapes[0].count',
      '0 is out of range; allowed are 1 to 100000',
    ],
    [
      'a shape of a level of a later release',
      { shapes: [{ count: 1, gpus: 1, level: 99 as never }] },
      'shapes[0].level',
      '99 is no level',
    ],
    [
      'too many shapes',
      { shapes: many(65).map((index) => ({ count: 1, gpus: index + 1 })) },
      'shapes',
      '65 are too many; at most 64',
    ],
    ['a negative weight', { weight: -1 }, 'weight', 'out of range'],
    ['a bad name', { name: 'A' }, 'name', 'must be 1 to 63'],
  ])('with %s is refused', (_, fields, field, words) => {
    expect.assertions(1);
    try {
      parseQueue(receivedQueue(fields));
    } catch (error) {
      const found = error instanceof ApiError ? error.fields : [];
      expect(found).toContainEqual({ field: `queue.${field}`, description: expect.stringContaining(words) });
    }
  });
});

describe('a change of a queue', () => {
  test.each([
    [['limit_gpus'], { limitGpus: 8 }],
    [['limitGpus'], { limitGpus: 8 }],
    [['scopes', 'user_limit_gpus'], { scopes: [expect.anything(), expect.anything()], userLimitGpus: 0.5 }],
    [
      ['max_grace', 'reclaim_min_runtime', 'preempt_min_runtime'],
      { maxGraceMs: 30_000, reclaimMinRuntimeMs: 60_000, preemptMinRuntimeMs: 0 },
    ],
  ])('has what its mask %j names', (mask, expected) => {
    expect(parseQueuePatch(receivedQueue(FULL), mask)).toEqual(expected);
  });

  test('takes away what the mask names and the spec does not have', () => {
    const mask = ['limit_gpus', 'guarantee_cpu_milli', 'scopes', 'max_grace'];
    expect(parseQueuePatch(receivedQueue(), mask)).toEqual({
      limitGpus: null,
      guaranteeCpuMilli: null,
      scopes: [],
      maxGraceMs: null,
    });
  });

  test.each([[[]], [['name']], [['parent']], [['constructor']], [['nonsense']]])(
    'by the mask %j is refused',
    (mask) => {
      expect(() => parseQueuePatch(receivedQueue(FULL), mask)).toThrow(/there are guarantee_gpus, limit_gpus, weight/);
    },
  );
});

import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ELSEWHERE,
  type FreeCapacity,
  fragmentationScore,
  gradient,
  MAX_KINDS,
  MAX_REMEMBERED_KINDS,
  type RequestKind,
  RequestMix,
  REQUESTS_PER_HALF_LIFE,
  unusableParts,
} from '../../scheduler/engine/fragmentation.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { emptyMixes, observe, published, readTrace, replay, usualMixes } from './packing-trace.js';

const HALF = GPU_PARTS / 2;
const FIFTH = GPU_PARTS / 5;

/** Whole GPUs by default; CPU in cores. */
function kind(gpus: number, parts = GPU_PARTS, cores = 0, memoryMib = 0): RequestKind {
  return { gpus, parts: gpus === 0 ? 0 : parts, cpuMilli: cores * 1_000, memoryMib };
}

function free(wholeGpus: number, partialParts: readonly number[] = [], cores = 100, memoryMib = 1_000): FreeCapacity {
  return { wholeGpus, partialParts, cpuMilli: cores * 1_000, memoryMib };
}

function mixOf(...kinds: readonly (readonly [RequestKind, number])[]): RequestMix {
  const mix = new RequestMix();
  for (const [each, weight] of kinds) mix.observe(each, weight);
  return mix;
}

/** In GPUs, which reads better. */
function unusableGpus(mix: RequestMix, capacity: FreeCapacity): number {
  return unusableParts(mix, capacity) / GPU_PARTS;
}

describe('unusable GPUs of a node', () => {
  const ones = mixOf([kind(1), 1]);
  const eights = mixOf([kind(8), 1]);
  const both = mixOf([kind(1), 3], [kind(8), 1]);
  const shares = mixOf([kind(1, HALF), 1], [kind(1, FIFTH), 1]);
  const cores = mixOf([kind(1, GPU_PARTS, 8), 1], [kind(1, GPU_PARTS, 64), 1]);
  const memory = mixOf([kind(1, GPU_PARTS, 0, 500), 1]);
  const cases: readonly [string, RequestMix, FreeCapacity, number][] = [
    ['an empty mix can use everything', new RequestMix(), free(3, [HALF]), 0],
    ['whole GPUs for one-GPU requests', ones, free(3), 0],
    ['a rest of a GPU is lost for them', ones, free(3, [HALF]), 0.5],
    ['too few GPUs are all lost', eights, free(7), 7],
    ['enough of them are not', eights, free(8), 0],
    ['in proportion to the requests that cannot use them', both, free(7), 7 / 4],
    ['with a rest, which is lost for all', both, free(7, [HALF]), (3 * 0.5 + 7.5) / 4],
    ['each share has rests too small for it', shares, free(0, [HALF, 0.4 * GPU_PARTS, FIFTH, 0.1 * GPU_PARTS]), 0.4],
    ['without the CPU for half of the requests', cores, free(2, [], 63), 1],
    ['without the CPU for any', cores, free(2, [], 7), 2],
    ['without the memory', memory, free(2, [], 100, 499), 2],
    ['for requests without GPUs', mixOf([kind(0), 1], [kind(1), 1]), free(2), 1],
    ['for requests that go elsewhere', mixOf([ELSEWHERE, 1], [kind(1), 3]), free(4), 1],
    ['of several GPUs a part each', mixOf([kind(2, HALF), 1]), free(1, [HALF, FIFTH]), 0.2],
  ];
  it.each(cases)('%s', (_, mix, capacity, expected) => {
    expect(unusableGpus(mix, capacity)).toBeCloseTo(expected, 12);
  });
});

describe('the gradient of a placement', () => {
  const both = mixOf([kind(1), 3], [kind(8), 1]);
  const shares = mixOf([kind(1, HALF), 1], [kind(1), 1]);
  const cases: readonly [string, RequestMix, FreeCapacity, RequestKind, readonly number[], number][] = [
    ['breaks eight GPUs', both, free(8), kind(1), [GPU_PARTS], 7 / 4],
    ['takes from a broken node', both, free(7), kind(1), [GPU_PARTS], -1 / 4],
    ['takes all eight', both, free(8), kind(8), new Array<number>(8).fill(GPU_PARTS), 0],
    ['opens a GPU for a share', shares, free(1), kind(1, HALF), [GPU_PARTS], 0.25],
    ['completes a used GPU', shares, free(1, [HALF]), kind(1, HALF), [HALF], -0.25],
    ['leaves a rest nobody can use', shares, free(0, [HALF]), kind(1, FIFTH), [HALF], 0.3 - 0.25],
    ['takes the last CPU', mixOf([kind(1, GPU_PARTS, 4), 1]), free(2, [], 4), kind(0, 0, 1), [], 2],
  ];
  it.each(cases)('%s', (_, mix, capacity, request, chosen, expected) => {
    expect(gradient(mix, capacity, request, chosen) / GPU_PARTS).toBeCloseTo(expected, 12);
  });

  it('refuses GPUs that are not free as it was told', () => {
    expect(() => gradient(mixOf([kind(1), 1]), free(1, [HALF]), kind(1, FIFTH), [FIFTH])).toThrow(
      'a chosen GPU is one of the free ones',
    );
  });

  it('scores by it: 50 for no change, more for better, and coarsely', () => {
    expect([0, GPU_PARTS, -GPU_PARTS, 1, -1].map(fragmentationScore)).toEqual([50, 26, 73, 49, 50]);
    expect([1e9, -1e9].map(fragmentationScore)).toEqual([0, 100]);
  });

  const anyParts = fc.integer({ min: 1, max: 100 }).map((share) => share * 70);
  const anyKind = fc
    .record({ gpus: fc.nat(8), parts: anyParts, cores: fc.nat(32), memoryMib: fc.nat(300) })
    .map((each) => kind(each.gpus, each.gpus > 4 ? GPU_PARTS : each.parts, each.cores, each.memoryMib));
  const anyMix = fc.array(fc.tuple(anyKind, fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 5 });
  const anyFree = fc.record({
    wholeGpus: fc.nat(8),
    partialParts: fc.array(
      anyParts.filter((parts) => parts < GPU_PARTS),
      { maxLength: 3 },
    ),
    cpuMilli: fc.nat(40_000),
    memoryMib: fc.nat(400),
  });

  it('is the difference of what is unusable before and after, which is never more than what is free', () => {
    fc.assert(
      fc.property(anyMix, anyFree, anyKind, (kinds, capacity, request) => {
        const mix = mixOf(...kinds);
        const all = [...new Array<number>(capacity.wholeGpus).fill(GPU_PARTS), ...capacity.partialParts];
        const chosen = all.filter((parts) => parts >= request.parts).slice(0, request.gpus);
        const fits =
          chosen.length === request.gpus &&
          request.cpuMilli <= capacity.cpuMilli &&
          request.memoryMib <= capacity.memoryMib;
        fc.pre(fits);
        const rests = all.toSorted((a, b) => b - a);
        for (const parts of chosen) rests[rests.indexOf(parts)] = parts - request.parts;
        const after = {
          wholeGpus: rests.filter((parts) => parts === GPU_PARTS).length,
          partialParts: rests.filter((parts) => parts > 0 && parts < GPU_PARTS),
          cpuMilli: capacity.cpuMilli - request.cpuMilli,
          memoryMib: capacity.memoryMib - request.memoryMib,
        };
        const sum = (list: readonly number[]) => list.reduce((total, parts) => total + parts, 0);
        const before = unusableParts(mix, capacity);
        const grown = gradient(mix, capacity, request, chosen);
        expect(before).toBeGreaterThanOrEqual(0);
        expect(before).toBeLessThanOrEqual(sum(all));
        expect(unusableParts(mix, after)).toBeLessThanOrEqual(sum(rests));
        expect(grown).toBeCloseTo(unusableParts(mix, after) - before, 6);
        expect(grown).toBeGreaterThanOrEqual(-request.gpus * request.parts - 1e-6);
      }),
      { seed: 21, numRuns: 1_000 },
    );
  });
});

describe('the mix of requests', () => {
  it('is the same whatever the order of observations', () => {
    const kinds = fc.array(
      fc.tuple(
        fc.nat(90).map((gpus) => kind(gpus)),
        fc.integer({ min: 1, max: 50 }),
      ),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(kinds, fc.nat(100), (list, wholeGpus) => {
        const capacity = free(wholeGpus, [HALF]);
        expect(unusableParts(mixOf(...list.toReversed()), capacity)).toBe(unusableParts(mixOf(...list), capacity));
      }),
      { seed: 22 },
    );
  });

  it('counts only the most popular kinds', () => {
    const mix = new RequestMix();
    for (let gpus = 1; gpus <= MAX_KINDS + 1; gpus++) mix.observe(kind(gpus), 1_000 - gpus);
    expect(mix.share(kind(MAX_KINDS))).toBeGreaterThan(0);
    expect(mix.share(kind(MAX_KINDS + 1))).toBe(0);
  });

  it('remembers no more kinds than it may, and the popular ones', () => {
    const mix = mixOf([kind(1), 500]);
    for (let cores = 1; cores <= 3 * MAX_REMEMBERED_KINDS; cores++) mix.observe(kind(2, GPU_PARTS, cores), 1);
    expect(mix.kinds).toBeLessThanOrEqual(MAX_REMEMBERED_KINDS);
    expect(mix.share(kind(1))).toBeGreaterThan(0.8);
  });

  it('follows what is asked for lately', () => {
    const mix = mixOf([kind(1), REQUESTS_PER_HALF_LIFE]);
    expect(mix.share(kind(1))).toBe(1);
    mix.observe(kind(8), REQUESTS_PER_HALF_LIFE / 2);
    expect(mix.share(kind(8))).toBe(1 / 2);
    for (let round = 0; round < 24; round++) {
      mix.observe(kind(8), REQUESTS_PER_HALF_LIFE);
      expect(mix.share(kind(1))).toBeLessThanOrEqual(0.5 ** (round + 1));
    }
    expect(mix.kinds).toBe(1);
  });

  it('takes back what did not come after all', () => {
    const mix = mixOf([kind(1), 30], [kind(8), 10]);
    mix.forget(kind(8), 10);
    mix.forget(kind(4), 1);
    expect(mix.share(kind(1))).toBe(1);
    mix.forget(kind(1), 50);
    expect(unusableParts(mix, free(7, [HALF]))).toBe(0);
  });

  it('stays as it is until enough is new', () => {
    const mix = mixOf([kind(1), 640]);
    const first = mix.stamp;
    mix.observe(kind(8), 20);
    expect(mix.stamp).toBe(first);
    expect(mix.share(kind(8))).toBe(0);
    mix.observe(kind(8), 1);
    expect(mix.stamp).toBe(first + 1);
    expect(mix.share(kind(8))).toBe(21 / 661);
  });
});

const TRACES = new URL('../../../shared/traces/fgd', import.meta.url).pathname;

describe.skipIf(!existsSync(TRACES))('packing the trace of the paper', () => {
  it.each(['default', 'gpushare100', 'multigpu40'])('%s: exactly as published', (workload) => {
    const trace = readTrace(TRACES, workload, 's1');
    const outcome = replay(trace, usualMixes(trace));
    const expected = published(TRACES, workload, '1', 'FGD');
    expect({ ...outcome, unusableMilli: Number(outcome.unusableMilli.toFixed(3)) }).toEqual(expected);
  });

  it.each(['default'])('%s: more than best-fit, with a mix learned from the arrivals', (workload) => {
    const trace = readTrace(TRACES, workload, 's1');
    const mixes = emptyMixes(trace);
    const outcome = replay(trace, mixes, (row) => observe(mixes, row, 1));
    expect(outcome.usedMilli).toBeGreaterThan(published(TRACES, workload, '1', 'BestFit').usedMilli);
  });
});

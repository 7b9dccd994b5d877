// The laws of the baseline: it never rises, it never holds what is not rest, and what it was learned from is clean.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Baseline,
  DEFAULT_BASELINE_LIMITS as LIMITS,
  foreignUse,
  type GpuUse,
  judgeClean,
  learnBaseline,
} from '../../node-agent/gpu/idle-baseline.js';

const uses: fc.Arbitrary<GpuUse> = fc.record({
  usedMib: fc.option(fc.oneof(fc.nat(200), fc.nat(80_000)), { freq: 5 }),
  processes: fc.array(
    fc.record({ pid: fc.integer({ min: 1, max: 6 }), name: fc.constant('x'), usedMib: fc.constant(null) }),
    {
      maxLength: 3,
    },
  ),
});

function judge(baseline: Baseline | null, use: GpuUse | null) {
  return judgeClean([{ uuid: 'GPU-a', label: 'GPU 0', baseline, use }], LIMITS);
}

function learned(history: readonly GpuUse[]): Baseline | null {
  return history.reduce<Baseline | null>((known, use) => learnBaseline(known, use, LIMITS), null);
}

describe('laws', () => {
  it('never rises, and is the least that was seen at rest', () => {
    fc.assert(
      fc.property(fc.array(uses), (history) => {
        const atRest = history.flatMap(({ usedMib }) =>
          usedMib !== null && usedMib <= LIMITS.idleMib ? [usedMib] : [],
        );
        expect(learned(history)?.usedMib ?? null).toBe(atRest.length === 0 ? null : Math.min(...atRest));
      }),
    );
  });

  it('a GPU is clean when it looks as when the baseline was learned', () => {
    fc.assert(
      fc.property(uses, (use) => {
        const baseline = learned([use]);
        fc.pre(baseline !== null);
        expect(judge(baseline, use)).toEqual({ state: 'clean' });
        expect(foreignUse(baseline, use, LIMITS)).toBeNull();
      }),
    );
  });

  it('more memory never makes a GPU cleaner, nor does one more process', () => {
    const rank = { clean: 0, unknown: 0, dirty: 1 } as const;
    fc.assert(
      fc.property(fc.array(uses), uses, fc.nat(5000), fc.integer({ min: 1, max: 6 }), (history, use, moreMib, pid) => {
        const baseline = learned(history);
        const before = rank[judge(baseline, use).state];
        const more = { ...use, usedMib: use.usedMib === null ? null : use.usedMib + moreMib };
        const crowded = { ...use, processes: [...use.processes, { pid, name: 'y', usedMib: null }] };
        expect(rank[judge(baseline, more).state]).toBeGreaterThanOrEqual(before);
        expect(rank[judge(baseline, crowded).state]).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it('nothing clean counts as foreign use', () => {
    fc.assert(
      fc.property(fc.array(uses), uses, (history, use) => {
        const baseline = learned(history);
        fc.pre(judge(baseline, use).state === 'clean');
        expect(foreignUse(baseline, use, LIMITS)).toBeNull();
      }),
    );
  });
});

describe('cases', () => {
  it('a GPU without a figure, or without an answer, is unknown', () => {
    expect(judge(null, { usedMib: null, processes: [] })).toMatchObject({ state: 'unknown' });
    expect(judge({ usedMib: 4, pids: new Set() }, null)).toEqual({
      state: 'unknown',
      message: 'nvidia-smi gives no memory use of GPU 0',
    });
  });

  it('one dirty GPU decides over one that is unknown', () => {
    const verdict = judgeClean(
      [
        { uuid: 'a', label: 'GPU 0', baseline: null, use: null },
        { uuid: 'b', label: 'GPU 1', baseline: null, use: { usedMib: 2000, processes: [] } },
      ],
      LIMITS,
    );
    expect(verdict).toEqual({
      state: 'dirty',
      gpus: ['b'],
      message: 'GPU 1: 2,000 MiB in use without a process (at most 1,024 MiB at rest)',
    });
  });

  it('foreign use is told also where no process can be seen', () => {
    expect(foreignUse(null, { usedMib: 30_000, processes: [] }, LIMITS)).toBe(
      "In use by something, which is not Sluice's: 30,000 MiB used.",
    );
    expect(foreignUse(null, { usedMib: 1024, processes: [] }, LIMITS)).toBeNull();
  });
});

// What the program prints, and which scenarios it plays.
import { describe, expect, test } from 'vitest';
import { DEFAULT_POLICY } from '../../scheduler/engine/policy.js';
import { type ConformanceRun, engineNamed, runConformance, UsageError } from '../../simulator/conformance/run.js';
import type { EngineUnderTest } from '../../simulator/conformance/engine-under-test.js';
import { bind, jobOf, nodeOf, place, runsOn } from './builder.js';

const FITS = {
  id: 'fits',
  family: 'allocate',
  kind: 'one_action',
  nodes: [nodeOf('node0', 1)],
  queues: [{ name: 'queue0', quota_gpus: 1, over_quota_weight: 1 }],
  jobs: [jobOf('job', [{ state: 'pending' }])],
  expect: { jobs: { job: { status: 'binding', node: 'node0' } }, max_binds: 1 },
};
const WRONG = { ...FITS, id: 'wrong', expect: { jobs: { job: { status: 'pending' } } } };
const BAD = { ...FITS, id: 'bad', jobs: [{ name: 'job' }] };
const TOO_MUCH = { ...FITS, id: 'too-much', jobs: [jobOf('job', [runsOn('node0'), runsOn('node0')])] };

/** Puts the first task onto the first GPU, whatever it is asked. */
const PLACES_ONE: EngineUnderTest = { decide: () => [bind(1, place(0, 'node0', 0))] };

function run(scenarios: readonly object[], options: Partial<ConformanceRun> = {}) {
  const lines: string[] = [];
  const text = JSON.stringify(scenarios);
  const print = (line: string) => lines.push(line);
  const result = runConformance({ text, engine: PLACES_ONE, only: [], verbose: false, print, ...options });
  return { lines, ...result };
}

describe('a run', () => {
  test('prints a line per difference and closes with the count', () => {
    expect(run([FITS, WRONG])).toEqual({
      lines: ['wrong: job-0 expected pending got binding on node0 GPU 0', '1 passed, 1 failed'],
      passed: 1,
      failed: 1,
    });
  });

  test('counts what cannot be read or represented as failed and says why', () => {
    const { lines } = run([BAD, TOO_MUCH, FITS]);
    expect(lines[0]).toMatch(/^bad: cannot be read: jobs\.0\.queue: /);
    expect(lines.slice(1)).toEqual([
      'too-much: cannot be represented: node node0 has no 7000 of 7000 parts of a GPU left for what is there at the start',
      '1 passed, 2 failed',
    ]);
  });

  test('plays only what it is asked to', () => {
    expect(run([FITS, WRONG], { only: ['fits'] }).lines).toEqual(['1 passed, 0 failed']);
  });

  test('shows the decisions of each cycle when asked to', () => {
    expect(run([FITS], { verbose: true }).lines).toEqual([
      'fits (one_action, allocate)',
      '  cycle 1:',
      '    bind job: task 0 on node0 GPU 0 (7000 parts)',
      '    = job-0 binding on node0 GPU 0',
      '1 passed, 0 failed',
    ]);
  });

  test('goes on when the engine throws, and says where it did', () => {
    const engine: EngineUnderTest = {
      decide({ workloads }) {
        if (workloads.length > 1) throw new RangeError('too many workloads');
        return PLACES_ONE.decide({ queues: [], nodes: [], workloads, allocations: [] }, DEFAULT_POLICY, 0);
      },
    };
    const two = { ...FITS, id: 'two', jobs: [...FITS.jobs, jobOf('other', [{ state: 'pending' }])] };
    const { lines } = run([two, FITS], { engine });
    expect(lines[0]).toMatch(/^two: the engine failed: too many workloads at .*run\.test\.ts/);
    expect(lines.slice(1)).toEqual(['1 passed, 1 failed']);
  });

  test('says when a decision names what is not there', () => {
    const engine: EngineUnderTest = { decide: () => [bind(7, place(0, 'node0', 0))] };
    expect(run([FITS], { engine }).lines[0]).toMatch(
      /^fits: the engine failed: invariant "decisions name tasks of the scenario" does not hold: 7\/0 at /,
    );
  });

  test('refuses ids and engines that are not there', () => {
    expect(() => run([FITS], { only: ['fits', 'nobody'] })).toThrow(new UsageError('the file has no scenario nobody'));
    expect(() => engineNamed('constructor')).toThrow(
      new UsageError('there is no engine constructor, only real and reference'),
    );
  });
});

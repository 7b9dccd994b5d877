// The engine of the daemon against scenarios with a known right answer: ours, and those of the closest peer.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { runConformance } from '../../simulator/conformance/run.js';
import { needs, SHARED_FOLDER } from '../real-part.js';
import { OWN_SCENARIOS } from './own-scenarios.js';

/** The share of the peer's scenarios that must pass; what differs on purpose stands in docs/conformance.md. */
const LEAST_PASSED = 0.97;

function play(text: string) {
  const lines: string[] = [];
  const counts = runConformance({ text, engine: 'real', only: [], verbose: false, print: (line) => lines.push(line) });
  return { ...counts, differences: lines.slice(0, -1) };
}

describe('our scenarios', () => {
  test.each(OWN_SCENARIOS)('$scenario.id: $why', ({ scenario }) => {
    expect(play(JSON.stringify([scenario])).differences).toEqual([]);
  });
});

describe.runIf(needs('shared'))('the scenarios of the peer', () => {
  test(`pass, ${LEAST_PASSED * 100} % of them at least`, () => {
    const text = readFileSync(path.join(SHARED_FOLDER, 'conformance/scenarios.json'), 'utf8');
    const { passed, failed, differences } = play(text);
    expect(passed + failed).toBeGreaterThan(0);
    const enough = passed >= LEAST_PASSED * (passed + failed);
    expect(enough ? [] : differences).toEqual([]);
  });
});

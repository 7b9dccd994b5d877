// Scenarios with a known right answer, ours and those of the closest peer, against the engine of the daemon and against the
// slow reference: an answer that only one of them gives is wrong in the other, or wrong itself.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { engineNamed, runConformance } from '../../simulator/conformance/run.js';
import { needs, SHARED_FOLDER } from '../real-part.js';
import { OWN_SCENARIOS } from './own-scenarios.js';

/** The share of the peer's scenarios that must pass; what differs on purpose stands in docs/conformance.md. */
const LEAST_PASSED = 0.97;

function play(name: string, text: string) {
  const lines: string[] = [];
  const engine = engineNamed(name);
  const counts = runConformance({ text, engine, only: [], verbose: false, print: (line) => lines.push(line) });
  return { ...counts, differences: lines.slice(0, -1) };
}

describe.each(['real', 'reference'])('the %s engine', (engine) => {
  test.each(OWN_SCENARIOS)('$scenario.id: $why', ({ scenario }) => {
    expect(play(engine, JSON.stringify([scenario])).differences).toEqual([]);
  });

  test.runIf(needs('shared'))(`passes ${LEAST_PASSED * 100} % of the peer's scenarios`, () => {
    const text = readFileSync(path.join(SHARED_FOLDER, 'conformance/scenarios.json'), 'utf8');
    const { passed, failed, differences } = play(engine, text);
    expect(passed + failed).toBeGreaterThan(0);
    const enough = passed >= LEAST_PASSED * (passed + failed);
    expect(enough ? [] : differences).toEqual([]);
  });
});

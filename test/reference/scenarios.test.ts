// The peer's scenarios through the reference, where they are at hand: it is the referee of the engine only if it has the
// answers that are known.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { play } from '../../simulator/conformance/play.js';
import { readScenarios, type Scenario } from '../../simulator/conformance/scenario.js';
import { decide } from '../../simulator/reference/reference.js';

const FILE = path.resolve(import.meta.dirname, '../../../shared/conformance/scenarios.json');

/** A guard against a hang, far above what it takes. */
const TIMEOUT_MS = 120_000;

/** The peer moves single tasks of a gang; our gangs begin again as a whole. */
const DIFFERENT_ON_PURPOSE = ['consolidation-s006'];

describe.skipIf(!existsSync(FILE))('scenarios of the peer', () => {
  test(
    'all come out as they should when tasks move alone',
    () => {
      expect(failures(true)).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    'and but for what is different on purpose when gangs move as a whole',
    () => {
      expect([...new Set(failures(false).map((line) => line.split(':')[0]))]).toEqual(DIFFERENT_ON_PURPOSE);
    },
    TIMEOUT_MS,
  );
});

function failures(tasksMoveAlone: boolean): string[] {
  return scenarios().flatMap((scenario) =>
    play(scenario, {
      decide: (cluster, policy, nowMs) => decide({ ...cluster, policy, nowMs, tasksMoveAlone }),
    }).map((line) => `${scenario.id}: ${line}`),
  );
}

function scenarios(): readonly Scenario[] {
  const read = readScenarios(readFileSync(FILE, 'utf8'));
  expect(read.length).toBeGreaterThan(0);
  return read.map((each) => {
    if ('fault' in each) throw new Error(`${each.id}: ${each.fault}`);
    return each.scenario;
  });
}

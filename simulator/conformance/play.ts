// Plays one scenario against an engine: its cycles, what becomes of each, and how it compares.
import { unreachable } from '../../common/assert.js';
import type { Decision } from '../../scheduler/engine/decisions.js';
import { DEFAULT_POLICY, type EngineAction, type EnginePolicy } from '../../scheduler/engine/policy.js';
import { differences, excesses } from './compare.js';
import type { EngineUnderTest } from './engine-under-test.js';
import { CannotRepresent } from './hardware.js';
import type { Family, Scenario } from './scenario.js';
import { afterDecisions, type CycleOutcome, type PlayedJob, takenEffect } from './standing.js';
import { recordsOf, START_MS, translate, type TranslatedScenario } from './translate.js';

const CYCLE_MS = 1_000;

/** What an onlooker hears of each cycle. */
export type OnCycle = (
  scenario: Scenario,
  cycle: number,
  decisions: readonly Decision[],
  outcome: CycleOutcome,
) => void;

/**
 * Plays a scenario.
 * @returns a line per difference, without the scenario's id; none = it passed
 */
export function play(scenario: Scenario, engine: EngineUnderTest, onCycle: OnCycle = () => undefined): string[] {
  try {
    return playTranslated(scenario, translate(scenario), engine, onCycle);
  } catch (error) {
    if (error instanceof CannotRepresent) return [`cannot be represented: ${error.message}`];
    throw error;
  }
}

function playTranslated(
  scenario: Scenario,
  translated: TranslatedScenario,
  engine: EngineUnderTest,
  onCycle: OnCycle,
): string[] {
  const policy = policyFor(scenario);
  let cycles = 0;
  const runCycle = (jobs: readonly PlayedJob[]): CycleOutcome => {
    const nowMs = START_MS + cycles * CYCLE_MS;
    const decisions = engine.decide(recordsOf(translated, jobs), policy, nowMs);
    const outcome = afterDecisions(jobs, decisions, nowMs);
    onCycle(scenario, ++cycles, decisions, outcome);
    return outcome;
  };
  switch (scenario.kind) {
    case 'one_action':
      return playOnce(scenario, runCycle(translated.jobs));
    case 'steady':
      return playUntilSteady(scenario, translated.jobs, runCycle);
    default:
      return unreachable(scenario.kind);
  }
}

function playOnce({ expect }: Scenario, outcome: CycleOutcome): string[] {
  return [...differences(expect, outcome.jobs), ...excesses(expect, outcome)];
}

/** Cycles until it must be as expected, then cycles in which it must stay so. A difference is told once, when first seen. */
function playUntilSteady(
  { expect, rounds }: Scenario,
  atStart: readonly PlayedJob[],
  runCycle: (jobs: readonly PlayedJob[]) => CycleOutcome,
): string[] {
  const { until_match: untilMatch, stays_for: staysFor } = rounds ?? { until_match: 1, stays_for: 0 };
  const found = new Map<string, number>();
  const tell = (cycle: number, lines: readonly string[]) => {
    for (const line of lines) if (!found.has(line)) found.set(line, cycle);
  };
  let jobs = atStart;
  for (let cycle = 1; cycle <= untilMatch + staysFor; cycle++) {
    const outcome = runCycle(jobs);
    tell(cycle, excesses(expect, outcome));
    // Once it matches nothing may move at all: a task that is told to stop and would come back has moved.
    if (cycle > untilMatch) tell(cycle, differences(expect, outcome.jobs));
    jobs = takenEffect(outcome.jobs);
    if (cycle === untilMatch) tell(cycle, differences(expect, jobs));
  }
  return [...found].map(([line, cycle]) => `${line} (cycle ${cycle})`);
}

/** The policy under which the peer's answers hold: bin-packing, no reservation, no ageing, moves without a cap. */
export function policyFor({ kind, family }: Pick<Scenario, 'kind' | 'family'>): EnginePolicy {
  return {
    ...DEFAULT_POLICY,
    actions: kind === 'one_action' ? [actionOf(family)] : DEFAULT_POLICY.actions,
    placement: 'pack',
    reserveAfterMs: null,
    maxMoves: Number.MAX_SAFE_INTEGER,
    maxDisturbance: Infinity,
    brokenGangGraceMs: kind === 'one_action' ? 60_000 : 0,
    usageHalfLifeMs: null,
  };
}

function actionOf(family: Family): EngineAction {
  switch (family) {
    case 'allocate':
    case 'reclaim':
    case 'preempt':
      return family;
    case 'consolidation':
      return 'consolidate';
    case 'stalegangeviction':
      return 'repair';
    case 'consolidation_and_reclaim':
    case 'deletion_tests':
      throw new CannotRepresent(`${family} is no single action`);
    default:
      return unreachable(family);
  }
}

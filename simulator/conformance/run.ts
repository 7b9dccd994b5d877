// Plays all scenarios of a file and prints what differs: the program without its process.
import type { Decision } from '../../scheduler/engine/decisions.js';
import type { Placement } from '../../scheduler/model/records.js';
import { standingInWords } from './compare.js';
import type { EngineUnderTest } from './engine-under-test.js';
import { type OnCycle, play } from './play.js';
import { realEngine } from './real-engine.js';
import { referenceEngine } from './reference-engine.js';
import { readScenarios, type Scenario, taskName } from './scenario.js';
import type { CycleOutcome } from './standing.js';

/** The engines that can be judged, by the name that `--engine` takes. */
const ENGINES: ReadonlyMap<string, EngineUnderTest> = new Map([
  ['real', realEngine],
  ['reference', referenceEngine],
]);

/** What was asked for is not there. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ConformanceRun {
  /** A JSON array of scenarios. */
  readonly text: string;
  readonly engine: EngineUnderTest;
  /** Ids of the scenarios to play; empty = all. */
  readonly only: readonly string[];
  /** Prints the decisions of each cycle too. */
  readonly verbose: boolean;
  readonly print: (line: string) => void;
}

/**
 * The engine of a name.
 * @throws UsageError when there is none
 */
export function engineNamed(name: string): EngineUnderTest {
  const engine = ENGINES.get(name);
  if (!engine) throw new UsageError(`there is no engine ${name}, only ${[...ENGINES.keys()].join(' and ')}`);
  return engine;
}

/**
 * Plays scenarios and prints `scenario-id: task expected … got …` for each difference, then `N passed, M failed`.
 * @throws ScenarioFileError when the text holds no scenarios, UsageError when an id is not among them
 */
export function runConformance({ text, engine, only, verbose, print }: ConformanceRun) {
  const scenarios = readScenarios(text);
  const unknown = only.filter((wanted) => !scenarios.some(({ id }) => id === wanted));
  if (unknown.length > 0) throw new UsageError(`the file has no scenario ${unknown.join(', ')}`);
  const tell: OnCycle = (scenario, cycle, decisions, outcome) => {
    if (!verbose) return;
    if (cycle === 1) print(`${scenario.id} (${scenario.kind}, ${scenario.family})`);
    for (const line of describeCycle(cycle, decisions, outcome)) print(`  ${line}`);
  };
  let passed = 0;
  let failed = 0;
  for (const read of scenarios) {
    if (only.length > 0 && !only.includes(read.id)) continue;
    const lines = 'fault' in read ? [`cannot be read: ${read.fault}`] : playOrSayWhy(read.scenario, engine, tell);
    for (const line of lines) print(`${read.id}: ${line}`);
    if (lines.length === 0) passed++;
    else failed++;
  }
  print(`${passed} passed, ${failed} failed`);
  return { passed, failed };
}

/** An engine that throws has failed this scenario; the others are still worth playing. */
function playOrSayWhy(scenario: Scenario, engine: EngineUnderTest, onCycle: OnCycle): string[] {
  try {
    return play(scenario, engine, onCycle);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const [where = ''] = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
    return [`the engine failed: ${error.message} ${where.trim()}`];
  }
}

function* describeCycle(cycle: number, decisions: readonly Decision[], { jobs }: CycleOutcome): Generator<string> {
  const nameOf = (workload: number | null) => jobs.find((played) => played.workload === workload)?.job.name ?? 'nobody';
  yield `cycle ${cycle}:${decisions.length === 0 ? ' nothing is decided' : ''}`;
  for (const decision of decisions) {
    const who = nameOf(decision.workload);
    switch (decision.type) {
      case 'bind':
      case 'claim':
        yield `  ${decision.type} ${who}: ${decision.placements.map(inWords).join('; ')}`;
        break;
      case 'evict':
        yield `  evict ${who} (${decision.allocations.join(' ')}), ${decision.reason} for ${nameOf(decision.forWorkload)}: ${decision.message}`;
        break;
      case 'drop_claim':
        yield `  drop_claim ${who}: ${decision.message}`;
    }
  }
  for (const { job, tasks } of jobs) {
    yield `  = ${tasks.map((standing, index) => `${taskName(job.name, index)} ${standingInWords(standing)}`).join('; ')}`;
  }
}

function inWords({ task, node, gpus, parts }: Placement): string {
  return `task ${task} on ${node} GPU ${gpus.join(',')} (${parts} parts)`;
}

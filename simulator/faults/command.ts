// `npm run sim -- faults`: lives many simulated clusters with faults, and tells what broke, how to live it again, and how much was seen.
import { parseArgs } from 'node:util';
import { plural } from '../../common/units.js';
import { UsageError } from '../usage.js';
import type { Output } from '../properties/command.js';
import { runCampaign, type CampaignResult, type Chunk, type Failure } from './campaign.js';
import { Coverage } from './coverage.js';
import { planOf, type Fault, type Plan, type StoreKind } from './plan.js';
import { missingCells } from './required-cells.js';
import { shrink } from './shrink.js';
import { SILENT_LOG, tellingLog } from './silent-log.js';
import { live } from './world.js';

export const FAULTS_USAGE =
  'faults [--redis] --seeds A-B [--jobs N] | faults [--redis] --seed N [--only-faults i,j,…|none] [--verbose]';

const MAX_SEED = 2 ** 31 - 1;
/** Failures of a campaign that are made small and told in full; the others get a line. */
const MAX_TOLD = 3;
/** A campaign of so many seeds or more has to see everything that is required. */
const COVERING_SEEDS = 1_000;

/**
 * Lives the seeds that are asked for.
 * @returns how much is wrong: laws broken, and pairs that were not seen though they should
 * @throws UsageError when the arguments are not understood
 */
export async function checkFaults(args: readonly string[], output: Output): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      'only-faults': { type: 'string' },
      jobs: { type: 'string' },
      verbose: { type: 'boolean' },
      redis: { type: 'boolean' },
    },
  });
  const store: StoreKind = values.redis === true ? 'redis' : 'disk';
  if (values.seed !== undefined) {
    return replay(planOf(numberOf('seed', values.seed), store), values['only-faults'], values.verbose === true, output);
  }
  const [, from, to] = /^(\d+)-(\d+)$/.exec(values.seeds ?? '') ?? [];
  if (from === undefined || to === undefined || Number(to) < Number(from) || Number(to) > MAX_SEED) {
    throw new UsageError('--seeds A-B: two whole numbers, the second not below the first');
  }
  const jobs = values.jobs === undefined ? null : numberOf('jobs', values.jobs);
  return campaign({ from: Number(from), to: Number(to), store }, jobs, output);
}

async function campaign({ from, to, store }: Chunk, jobs: number | null, { tell, progress }: Output): Promise<number> {
  const begunMs = performance.now();
  let toldAt = 0;
  const result = await runCampaign({
    from,
    to,
    store,
    jobs,
    untilFailure: false,
    progress: (seeds) => {
      if (seeds - toldAt < 100 && seeds < to - from + 1) return;
      toldAt = seeds;
      progress(`${seeds} of ${to - from + 1} seeds, ${Math.round((performance.now() - begunMs) / 1000)} s`);
    },
  });
  for (const [place, failure] of result.failures.entries()) {
    if (place < MAX_TOLD) for (const line of await told(failure, planOf(failure.seed, store))) tell(line);
    else tell(`BROKEN ${failure.violation.law}: ${replayLine(planOf(failure.seed, store))}`);
  }
  const missing = result.seeds >= COVERING_SEEDS ? missingCells(result.coverage, store) : [];
  for (const cell of missing) tell(`NOT SEEN in ${result.seeds} seeds: ${cell}`);
  for (const line of summary(result)) tell(line);
  return result.failures.length + missing.length;
}

function summary(result: CampaignResult): readonly string[] {
  const { seeds, virtualMs, faults, failures, coverage, happenings, acknowledged, executions, starts } = result;
  const hours = (virtualMs / 3_600_000).toFixed(1);
  return [
    `${happenings} happenings, ${acknowledged} submissions acknowledged, ${executions} executions, ${starts} daemon starts`,
    `${coverage.cells} pairs of state and event seen`,
    // In these words whatever the numbers are, so that programs can read it.
    `${seeds} seeds, ${hours} virtual hours, ${faults} faults, ${failures.length} violations`,
  ];
}

/** A failure with as few faults as it takes. */
async function told({ violation }: Failure, plan: Plan): Promise<readonly string[]> {
  const { faults, violation: last } = await shrink(plan, violation);
  return [
    `BROKEN ${violation.law}: ${replayLine(plan, faults)}`,
    `  ${last.message} (at ${(last.atMs / 1000).toFixed(3)} s)`,
    ...faults.map((at) => `  ${faultLine(plan.faults[at], at)}`),
  ];
}

/** @param faults those that are needed; null = all */
function replayLine(plan: Plan, faults: readonly number[] | null = null): string {
  const line = `npm run sim -- faults${plan.redis === null ? '' : ' --redis'} --seed ${plan.seed}`;
  if (faults === null || faults.length === plan.faults.length) return line;
  return `${line} --only-faults ${faults.length === 0 ? 'none' : faults.join(',')}`;
}

function faultLine(fault: Fault | undefined, at: number): string {
  if (fault === undefined) return `fault ${at}`;
  const { kind, node, atMs, forMs } = fault;
  return `fault ${at}: ${kind}, node ${node}, at ${(atMs / 1000).toFixed(3)} s for ${(forMs / 1000).toFixed(3)} s`;
}

/** Lives one seed again, twice, and tells what became of it. */
async function replay(plan: Plan, only: string | undefined, verbose: boolean, { tell }: Output): Promise<number> {
  const { seed } = plan;
  const chosen = only === undefined ? null : placesOf(only, plan);
  for (const [at, fault] of plan.faults.entries()) if (chosen === null || chosen.has(at)) tell(faultLine(fault, at));
  const outcome = await live(plan, chosen, verbose ? tellingLog(tell) : SILENT_LOG);
  const again = await live(plan, chosen, SILENT_LOG);
  tell(
    `trace ${outcome.hash}${again.hash === outcome.hash ? ', the same again' : `, then ${again.hash}: NOT THE SAME`}`,
  );
  const failures: Failure[] = [];
  if (outcome.violation !== null) {
    const { law, message, atMs } = outcome.violation;
    tell(`BROKEN ${law}: ${message} (at ${(atMs / 1000).toFixed(3)} s)`);
    failures.push({ seed, violation: outcome.violation });
  }
  const coverage = new Coverage();
  coverage.add(outcome.coverage.counts);
  const { virtualMs, faults, happenings, figures } = outcome;
  for (const line of summary({ seeds: 1, virtualMs, faults, happenings, ...figures, failures, coverage })) tell(line);
  return failures.length + (again.hash === outcome.hash ? 0 : 1);
}

function placesOf(text: string, { faults }: Plan): ReadonlySet<number> {
  if (text === 'none') return new Set();
  const places = text.split(',').map(Number);
  const wrong = places.find((place) => !Number.isInteger(place) || place < 0 || place >= faults.length);
  if (wrong === undefined) return new Set(places);
  throw new UsageError(`this seed has ${plural(faults.length, 'fault')}, counted from 0; there is no fault "${text}"`);
}

function numberOf(option: string, text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= MAX_SEED) return Number(text);
  throw new UsageError(`--${option} is a whole number, not "${text}"`);
}

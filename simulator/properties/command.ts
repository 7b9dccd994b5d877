// `npm run sim -- properties`: checks random histories against the laws of the engine, for as long as one likes.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { plural } from '../../common/units.js';
import { UsageError } from '../usage.js';
import { checkAll, historyOfSeed, minimise, speaksOf, type Violation } from './check.js';
import { describe } from './describe.js';
import { LAWS } from './laws.js';
import type { Law } from './laws/law.js';

export const USAGE = 'properties [--runs N] [--seed N] [--law NAME[,NAME]]';

/** Histories of a run that does not say: some minutes on a small machine. */
const DEFAULT_RUNS = 2_000;
const MAX_SEED = 2 ** 32 - 1;
/** Violations of one law that are told; the others are counted. */
const MAX_TOLD = 3;
/** How many histories are checked between two lines of progress. */
const PROGRESS = 100;

export interface Output {
  readonly tell: (line: string) => void;
  readonly progress: (line: string) => void;
}

interface Options {
  readonly runs: number;
  readonly seed: number;
  readonly laws: readonly Law[];
}

/**
 * Checks histories and tells a line for each law, after each violation one that plays it again, and a line at the end.
 * @returns how many violations there were
 * @throws UsageError when the arguments are not understood
 */
export function checkProperties(args: readonly string[], { tell, progress }: Output): number {
  const { runs, seed, laws } = optionsOf(args);
  progress(`histories: ${runs}, from seed ${seed}; laws: ${laws.length}`);
  const counts = new Map(laws.map((law) => [law, { runs: 0, violations: 0 }]));
  for (let run = 0; run < runs; run += 1) {
    const history = historyOfSeed((seed + run) % (MAX_SEED + 1));
    for (const law of laws) if (speaksOf(law, history)) add(counts, law, 'runs');
    for (const violation of checkAll(laws, history)) {
      if (add(counts, violation.law, 'violations') <= MAX_TOLD) for (const line of told(violation)) tell(line);
    }
    if ((run + 1) % PROGRESS === 0) progress(`${run + 1} of ${runs}`);
  }
  let violations = 0;
  for (const [law, count] of counts) {
    violations += count.violations;
    tell(`${law.name}: ${plural(count.runs, 'run')}, ${plural(count.violations, 'violation')} (${law.says})`);
  }
  // In these words whatever the numbers are, so that programs can read it.
  tell(`${runs} histories, ${laws.length} laws, ${violations} violations`);
  return violations;
}

function add(
  counts: ReadonlyMap<Law, { runs: number; violations: number }>,
  law: Law,
  what: 'runs' | 'violations',
): number {
  const count = counts.get(law);
  return count === undefined ? 0 : (count[what] += 1);
}

function told(violation: Violation): readonly string[] {
  const { law, history, error } = minimise(violation);
  return [
    `BROKEN ${law.name}: npm run sim -- properties --seed ${history.seed} --law ${law.name}`,
    ...error.message.split('\n').map((line) => `  ${line}`),
    ...(error.name === 'LawBroken' ? [] : (error.stack ?? '').split('\n').slice(1, 4)),
    ...describe(history).map((line) => `    ${line}`),
  ];
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: { type: 'string' }, seed: { type: 'string' }, law: { type: 'string', multiple: true } },
  });
  const seed = values.seed === undefined ? randomInt(MAX_SEED) : numberOf('seed', values.seed, 0, MAX_SEED);
  // A seed alone names one history: that is how a violation is played again.
  const runs =
    values.runs === undefined ? (values.seed === undefined ? DEFAULT_RUNS : 1) : numberOf('runs', values.runs, 1, 1e9);
  const names = (values.law ?? []).flatMap((word) => word.split(','));
  const unknown = names.filter((name) => !LAWS.some((law) => law.name === name));
  if (unknown.length > 0) {
    throw new UsageError(`there is no law "${unknown[0]}"; there are: ${LAWS.map(({ name }) => name).join(', ')}`);
  }
  const laws = names.length === 0 ? LAWS : LAWS.filter(({ name }) => names.includes(name));
  return { runs, seed, laws };
}

function numberOf(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${option} is a whole number from ${least} to ${most}, not "${text}"`);
}

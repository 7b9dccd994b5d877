// `npm run sim -- mutants`: hunts each bug that was put in on purpose, and tells which law saw it, after how many seeds.
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import type { Output } from '../properties/command.js';
import { UsageError } from '../usage.js';
import type { MutantOutcome } from './mutant-child.js';
import { MUTANTS } from './mutants.js';

export const MUTANTS_USAGE = 'mutants [--jobs N] [--limit-s N] [--only NAME]';

/** Each has to be seen within so many seeds. */
const MAX_SEEDS = 10_000;
/** And each is hunted for at most so long unless told otherwise, so that all of them take no more than 25 minutes on two cores. */
const LONGEST_S = 75;
/** How much longer a process is waited for that does not come to an end by itself: a bug may keep a world busy for ever. */
const PATIENCE_MS = 30_000;

/** @returns how many were not caught */
export async function huntMutants(args: readonly string[], { tell, progress }: Output): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { jobs: { type: 'string' }, 'limit-s': { type: 'string' }, only: { type: 'string' } },
  });
  const jobs = values.jobs === undefined ? availableParallelism() : Number(values.jobs);
  const chosen = MUTANTS.filter(({ name }) => values.only === undefined || name === values.only);
  if (chosen.length === 0) throw new UsageError(`there is no mutant "${values.only}"`);
  const limitMs = Number(values['limit-s'] ?? LONGEST_S) * 1000;
  if (!(limitMs > 0)) throw new UsageError('--limit-s is a number of seconds');
  if (!Number.isInteger(jobs) || jobs < 1) throw new UsageError('--jobs is a whole number from 1 on');
  const waiting = [...chosen];
  const outcomes: MutantOutcome[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      outcomes.push(await hunt(next.name, limitMs));
      progress(`${outcomes.length} of ${chosen.length}: ${next.name}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const width = Math.max(...chosen.map(({ name }) => name.length));
  for (const { name } of chosen) {
    const outcome = outcomes.find((one) => one.name === name);
    const how =
      outcome?.law == null ? `NOT CAUGHT in ${outcome?.seeds ?? 0} seeds` : `${outcome.law}, seed ${outcome.seeds}`;
    tell(`${name.padEnd(width)}  ${how}`);
  }
  const caught = outcomes.filter(({ law }) => law !== null).length;
  tell(`caught ${caught} of ${chosen.length}`);
  return chosen.length - caught;
}

async function hunt(name: string, limitMs: number): Promise<MutantOutcome> {
  const child = fileURLToPath(new URL('mutant-child.js', import.meta.url));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [child, name, String(MAX_SEEDS), String(limitMs)], {
      timeout: limitMs + PATIENCE_MS,
      killSignal: 'SIGKILL',
    });
    return JSON.parse(stdout) as MutantOutcome;
  } catch (error) {
    // A bug that keeps a world from going on is seen by that; one that could not be put in is not.
    const wasKilled = (error as { readonly killed?: boolean }).killed === true;
    if (!wasKilled) throw error;
    return { name, law: 'a world does not come to an end', seeds: 0, message: '' };
  }
}

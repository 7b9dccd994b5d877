// `npm run sim -- mutants`: hunts each bug that was put in on purpose, and tells which law saw it, after how many seeds.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Output } from '../properties/command.js';
import { UsageError } from '../usage.js';
import type { MutantOutcome } from './mutant-child.js';
import { MUTANTS } from './mutants.js';
import { REDIS_MUTANTS } from './redis/mutants.js';

export const MUTANTS_USAGE = 'mutants [--jobs N] [--limit-s N] [--only NAME]';

/** Each has to be seen within so many seeds. */
const MAX_SEEDS = 10_000;
/** And each is hunted for at most so long unless told otherwise: most are seen within seconds, so that all take far less than 25 minutes on two cores. */
const LONGEST_S = 180;
/** A bug may keep a world busy for ever; the longest lives of any take a few seconds. */
const LONGEST_LIFE_MS = 90_000;

/** @returns how many were not caught */
export async function huntMutants(args: readonly string[], { tell, progress }: Output): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { jobs: { type: 'string' }, 'limit-s': { type: 'string' }, only: { type: 'string' } },
  });
  const jobs = values.jobs === undefined ? availableParallelism() : Number(values.jobs);
  const chosen = [...MUTANTS, ...REDIS_MUTANTS].filter(({ name }) => values.only === undefined || name === values.only);
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
    const { law = null, seed = 0, seeds = 0 } = outcome ?? {};
    const how = law === null ? `NOT CAUGHT in ${seeds} seeds` : `${law}, seed ${seed}, the ${ordinal(seeds)} lived`;
    tell(`${name.padEnd(width)}  ${how}`);
  }
  const caught = outcomes.filter(({ law }) => law !== null).length;
  tell(`caught ${caught} of ${chosen.length}`);
  return chosen.length - caught;
}

/** Has a process of its own live seeds until one shows the bug. */
function hunt(name: string, limitMs: number): Promise<MutantOutcome> {
  const program = fileURLToPath(new URL('mutant-child.js', import.meta.url));
  const child = spawn(process.execPath, [program, name, String(MAX_SEEDS), String(limitMs)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return new Promise((resolve, reject) => {
    const seeds: number[] = [];
    let outcome: MutantOutcome | null = null;
    let said = '';
    let isStuck = false;
    const giveUp = (): void => {
      isStuck = seeds.length > 0;
      child.kill('SIGKILL');
    };
    const patience = setTimeout(giveUp, LONGEST_LIFE_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      patience.refresh();
      if (line.startsWith('{')) outcome = JSON.parse(line) as MutantOutcome;
      else seeds.push(Number(line));
    });
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(patience);
      if (outcome !== null) resolve(outcome);
      // A bug that keeps a world from going on is seen by that; one that could not be put in is not.
      else if (isStuck) {
        const law = 'a world does not come to an end';
        resolve({ name, law, seed: seeds.at(-1) ?? 0, seeds: seeds.length, message: '' });
      } else reject(new Error(`the mutant "${name}" could not be lived:\n${said}`));
    });
  });
}

/** `1st`, `22nd` */
function ordinal(count: number): string {
  const endings: Readonly<Record<string, string>> = { one: 'st', two: 'nd', few: 'rd', other: 'th' };
  return `${count}${endings[ORDINALS.select(count)] ?? ''}`;
}

const ORDINALS = new Intl.PluralRules('en', { type: 'ordinal' });

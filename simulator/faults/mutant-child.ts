// A process that lives worlds with one bug in them until a checker sees it: `mutant-child NAME SEEDS LIMIT_MS`. Prints the number of each
// seed before it lives it, so that a world that does not come to an end is noticed, and last one line of JSON.
import { register } from 'node:module';
import { MUTANTS } from './mutants.js';
import { REDIS_MUTANTS } from './redis/mutants.js';
import type { Mutant } from './mutants.js';
import type { ThemeName } from './themes.js';

/** What became of a mutant. */
export interface MutantOutcome {
  readonly name: string;
  /** The law that was broken; null = none. */
  readonly law: string | null;
  /** The seed that was lived last: the one that showed it, if there was one. */
  readonly seed: number;
  /** How many were lived. */
  readonly seeds: number;
  readonly message: string;
}

const [name = '', seeds = '', limitMs = ''] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await hunt(name, Number(seeds), Number(limitMs)))}\n`);

async function hunt(wanted: string, most: number, longestMs: number): Promise<MutantOutcome> {
  const mutant = [...MUTANTS, ...REDIS_MUTANTS].find((one) => one.name === wanted);
  if (mutant === undefined) throw new Error(`there is no mutant "${wanted}"`);
  register<{ readonly mutant: Mutant }>('./mutant-hooks.js', { parentURL: import.meta.url, data: { mutant } });
  // Only now: what is loaded from here on is edited.
  const [{ planOf }, { seedsFrom }, { redisSeedsFrom }, { live }, { SILENT_LOG }] = await Promise.all([
    import('./plan.js'),
    import('./themes.js'),
    import('./redis/themes.js'),
    import('./world.js'),
    import('./silent-log.js'),
  ]);
  const endMs = performance.now() + longestMs;
  let last = 0;
  let seeds = 0;
  const onRedis = redisSeedsFrom(mutant.theme, most);
  for (const seed of onRedis ?? seedsFrom(mutant.theme as ThemeName, most)) {
    if (performance.now() >= endMs) break;
    process.stdout.write(`${seed}\n`);
    last = seed;
    seeds += 1;
    const { violation } = await live(planOf(seed, onRedis === null ? 'disk' : 'redis'), null, SILENT_LOG);
    if (violation !== null) return { name: wanted, law: violation.law, seed, seeds, message: violation.message };
  }
  return { name: wanted, law: null, seed: last, seeds, message: '' };
}

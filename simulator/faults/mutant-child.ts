// A process that lives worlds with one bug in them until a checker sees it: `mutant-child NAME SEEDS LIMIT_MS`. Prints one line of JSON.
import { register } from 'node:module';
import { MUTANTS } from './mutants.js';
import type { Mutant } from './mutants.js';

/** What became of a mutant. */
export interface MutantOutcome {
  readonly name: string;
  /** The law that was broken; null = none. */
  readonly law: string | null;
  readonly seeds: number;
  readonly message: string;
}

const [name = '', seeds = '', limitMs = ''] = process.argv.slice(2);
process.stdout.write(`${JSON.stringify(await hunt(name, Number(seeds), Number(limitMs)))}\n`);

async function hunt(wanted: string, most: number, longestMs: number): Promise<MutantOutcome> {
  const mutant = MUTANTS.find((one) => one.name === wanted);
  if (mutant === undefined) throw new Error(`there is no mutant "${wanted}"`);
  register<{ readonly mutant: Mutant }>('./mutant-hooks.js', { parentURL: import.meta.url, data: { mutant } });
  // Only now: what is loaded from here on is edited.
  const [{ planOf }, { live }, { SILENT_LOG }] = await Promise.all([
    import('./plan.js'),
    import('./world.js'),
    import('./silent-log.js'),
  ]);
  const endMs = performance.now() + longestMs;
  let seed = 0;
  while (seed < most && performance.now() < endMs) {
    seed += 1;
    const { violation } = await live(planOf(seed), null, SILENT_LOG);
    if (violation !== null) return { name: wanted, law: violation.law, seeds: seed, message: violation.message };
  }
  return { name: wanted, law: null, seeds: seed, message: '' };
}

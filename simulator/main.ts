// `npm run sim -- VERB ...`: the simulator. One verb a folder. Exit code: 0 all is well, 1 something was found, 2 it was not
// understood what was wanted.
import { checkFaults, FAULTS_USAGE } from './faults/command.js';
import { huntMutants, MUTANTS_USAGE } from './faults/mutants-command.js';
import { checkProperties, USAGE as PROPERTIES_USAGE, type Output } from './properties/command.js';
import { UsageError } from './usage.js';

interface Verb {
  readonly usage: string;
  /** @returns how much is wrong */
  readonly run: (args: readonly string[], output: Output) => number | Promise<number>;
}

const VERBS: ReadonlyMap<string, Verb> = new Map<string, Verb>([
  ['faults', { usage: FAULTS_USAGE, run: checkFaults }],
  ['mutants', { usage: MUTANTS_USAGE, run: huntMutants }],
  ['properties', { usage: PROPERTIES_USAGE, run: checkProperties }],
]);

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...args]: readonly string[]): Promise<number> {
  try {
    const verb = VERBS.get(name ?? '');
    if (verb === undefined) throw new UsageError(name === undefined ? 'name a verb' : `there is no verb "${name}"`);
    const found = await verb.run(args, {
      tell: (line) => process.stdout.write(`${line}\n`),
      progress: (line) => process.stderr.write(`${line}\n`),
    });
    return found > 0 ? 1 : 0;
  } catch (error) {
    process.stderr.write(`error: ${whatIsWrong(error)}\n${usage()}`);
    return 2;
  }
}

/** In words; what is nobody's input is thrown on. */
function whatIsWrong(error: unknown): string {
  if (error instanceof UsageError) return error.message;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS')) return (error as Error).message;
  throw error;
}

function usage(): string {
  return [...VERBS.values()].map((verb) => `usage: npm run sim -- ${verb.usage}\n`).join('');
}

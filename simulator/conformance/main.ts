// `npm run conformance -- FILE [--only ID[,ID]] [--verbose] [--engine NAME]`: plays scheduling scenarios against the engine and
// prints a line per difference. Exit code: 0 all passed, 1 some failed, 2 nothing could be played.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { engineNamed, runConformance, UsageError } from './run.js';
import { ScenarioFileError } from './scenario.js';

const USAGE = 'usage: npm run conformance -- FILE [--only ID[,ID]] [--verbose] [--engine real|reference]';

process.exitCode = main(process.argv.slice(2));

function main(args: string[]): number {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        only: { type: 'string', multiple: true, default: [] },
        verbose: { type: 'boolean', default: false },
        engine: { type: 'string', default: 'real' },
      },
    });
    const [file, ...others] = positionals;
    if (file === undefined || others.length > 0) throw new UsageError('name one file of scenarios');
    const only = values.only.flatMap((ids) => ids.split(',')).filter((id) => id !== '');
    const { failed } = runConformance({
      text: readFileSync(file, 'utf8'),
      engine: engineNamed(values.engine),
      only,
      verbose: values.verbose,
      print: (line) => process.stdout.write(`${line}\n`),
    });
    return failed > 0 ? 1 : 0;
  } catch (error) {
    process.stderr.write(`error: ${whatIsWrong(error)}\n`);
    return 2;
  }
}

/** In words; what is nobody's input is thrown on. */
function whatIsWrong(error: unknown): string {
  if (error instanceof ScenarioFileError) return `the file of scenarios cannot be used: ${error.message}`;
  if (error instanceof UsageError) return `${error.message}\n${USAGE}`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS')) return `${(error as Error).message}\n${USAGE}`;
  if (error instanceof Error && 'syscall' in error) return `the file of scenarios cannot be read: ${error.message}`;
  throw error;
}

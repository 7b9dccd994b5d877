// `sluice submit FILE…`: workloads from YAML files, all accepted in one step or none.
import { readFile, stat } from 'node:fs/promises';
import type { DefineCommand, Host, Invocation } from '../invocation.js';
import { whyUnusable } from '../../common/why-unusable.js';
import { CliError, EXIT, isApiError, usageError } from '../failure.js';
import { endText, followUntil, highestExitCode } from '../following.js';
import { hasEnded } from '../presentation.js';

import {
  MAX_SPECS,
  MAX_SPEC_BYTES,
  formatProblem,
  parseSpecs,
  problemFromApi,
  type SpecDocument,
  type SpecProblem,
} from '../spec/parse.js';
import { NAME_A_QUEUE, acceptOtherNames, send, tellSubmitted } from '../submission.js';
import { plural } from '../../common/units.js';

/** More mistakes than these are only counted. */
const MAX_PROBLEMS_SHOWN = 20;

interface Options {
  readonly queue?: string;
  readonly file?: readonly string[];
  readonly validateOnly?: boolean;
  readonly wait?: boolean;
  readonly requestId?: string;
  readonly json?: boolean;
}

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Submits the workloads of YAML files: all are accepted, durably, or none.')
    .usage('FILE… [FLAGS]')
    .argument('[file...]', 'YAML files, each with one or more documents; "-" is the standard input')
    .option('-f, --file <file...>', 'the same, for hands used to kubectl')
    .option('-A, --queue <name>', 'queue to charge, in place of the one in the files')
    .option('--validate-only', 'only check, here and by the scheduler; nothing is submitted')
    .option('-W, --wait', 'wait until all have ended; exit with the highest of their codes')
    .option('--request-id <id>', 'an id of your own: submitting again with it changes nothing and answers the same')
    .option('--json', 'print the answer as JSON')
    .addHelpText(
      'after',
      `
A file (docs/workload-spec.md tells all):
  kind: train
  name: resnet
  queue: research
  resources: {gpu: h100:4, tasks: 2}
  run: python train.py`,
    )
    .action((files: readonly string[], options: Options) => submit(invocation, files, options));
  acceptOtherNames(command);
};

async function submit(invocation: Invocation, words: readonly string[], options: Options): Promise<void> {
  const files = [...words, ...(options.file ?? [])];
  if (files.length === 0)
    throw usageError('no file to submit', 'Usage: sluice submit FILE…   ("-" is the standard input)');
  const documents = await readDocuments(invocation, files, options);
  const specs = documents.map(({ spec }) => spec);
  const api = await invocation.client();
  const response = await send(api, specs, {
    ...(options.requestId === undefined ? {} : { requestId: options.requestId }),
    validateOnly: options.validateOnly === true,
    repeatHint: (id) => `It may have accepted this. Repeating is safe with: --request-id ${id}`,
  }).catch((error: unknown) => {
    throw mappedToFiles(error, documents);
  });
  if (options.json === true || invocation.host.env['SLUICE_OUTPUT'] === 'json') {
    const { toProtoJson } = await import('../proto-json.js');
    await invocation.printData('json', toProtoJson('SubmitWorkloadsResponse', response));
  } else if (options.validateOnly === true) {
    invocation.out(`${plural(specs.length, 'workload')} valid, nothing submitted`);
  } else {
    tellSubmitted(invocation, response, specs);
  }
  if (options.wait !== true || options.validateOnly === true) return;
  const numbers = response.workloads.map(({ number }) => String(number));
  const ended = await followUntil(invocation, api, numbers, ({ state }) => hasEnded(state));
  for (const workload of ended) invocation.note(`workload/${workload.number} ${endText(workload)}`);
  invocation.exitCode = highestExitCode(ended);
}

/** Reads and checks all files; every mistake of all of them is told at once. */
export async function readDocuments(
  invocation: Invocation,
  files: readonly string[],
  options: Pick<Options, 'queue'>,
): Promise<readonly SpecDocument[]> {
  const fallbackQueue = (await invocation.settings()).queue.value;
  const documents: SpecDocument[] = [];
  const problems: SpecProblem[] = [];
  for (const file of files) {
    const parsed = parseSpecs(await readSpecFile(invocation.host, file), file === '-' ? '<stdin>' : file);
    problems.push(...parsed.problems);
    for (const document of parsed.documents) {
      const queue = options.queue ?? (document.spec.queue || fallbackQueue);
      if (queue === null || queue === '') {
        const message = `is missing\n${NAME_A_QUEUE}`;
        problems.push({ file: document.file, ...document.locate([]), field: 'queue', message });
      } else {
        documents.push({ ...document, spec: { ...document.spec, queue } });
      }
    }
  }
  if (problems.length > 0) throw invalidSpecs(problems);
  if (documents.length > MAX_SPECS) {
    throw usageError(`${documents.length} workloads are too many for one submission; at most ${MAX_SPECS}`);
  }
  return documents;
}

async function readSpecFile(host: Host, file: string): Promise<string> {
  if (file === '-') {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of host.stdin) {
      const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      bytes += buffer.length;
      if (bytes > MAX_SPEC_BYTES) throw tooLarge('the standard input');
      chunks.push(buffer);
    }
    return Buffer.concat(chunks).toString('utf8');
  }
  try {
    if ((await stat(file)).size > MAX_SPEC_BYTES) throw tooLarge(file);
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw usageError(`cannot read ${file}: ${whyUnusable(error)}`);
  }
}

function tooLarge(file: string): CliError {
  return usageError(`${file} is larger than ${MAX_SPEC_BYTES} bytes`);
}

/** One error that lists every mistake on a line of its own; the first line of the first stands after `error: `. */
function invalidSpecs(problems: readonly SpecProblem[]): CliError {
  const lines = problems.slice(0, MAX_PROBLEMS_SHOWN).map(formatProblem);
  const hidden = problems.length - lines.length;
  return new CliError(EXIT.usage, {
    code: 'INVALID_ARGUMENT',
    reason: 'SPEC_INVALID',
    message: [...lines, ...(hidden > 0 ? [`and ${hidden} more`] : [])].join('\n'),
    fields: problems.map(({ field, message }) => ({ field, description: message })),
  });
}

/** What the scheduler found wrong, with the place in the file where it is written. */
export function mappedToFiles(error: unknown, documents: readonly SpecDocument[]): unknown {
  if (!isApiError(error)) return error;
  const problems = error.fields.map(({ field, description }) => {
    const match = /^specs\[(\d+)\]\.?(.*)$/.exec(field);
    const document = documents[Number(match?.[1])];
    return match === null || document === undefined ? null : problemFromApi(document, match[2] ?? '', description);
  });
  const placed = problems.filter((problem) => problem !== null);
  // A complaint that belongs to no line must not get lost.
  return placed.length > 0 && placed.length === problems.length ? invalidSpecs(placed) : error;
}

// `sluice checkpoint done FOLDER`: inside a task, declares a checkpoint complete. Asks no scheduler: what counts is a file in the
// folder, which the agent reports, so that programs without this command can do the same.
import { constants } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type CheckpointMarker, COMPLETE_FILE, readMarker, writeMarker } from '../../common/checkpoint-marker.js';
import { failure, usageError } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';

/** A checkpoint of more files than this is declared by the file COMPLETE alone. */
const MAX_FILES = 100_000;

interface Options {
  readonly step?: string;
}

const EXAMPLES = `
Inside a task, once all of a checkpoint is written:
  sluice checkpoint done "$SLUICE_CHECKPOINT_DIR/step-1200" --step 1200
  sluice checkpoint done step-1200                       below SLUICE_CHECKPOINT_DIR; the step from the folder's name`;

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Declares checkpoints complete, from inside a task.')
    .usage('VERB [FLAGS]')
    .addHelpText('after', EXAMPLES);
  command
    .command('done')
    .usage('FOLDER [FLAGS]')
    .description('Puts a checkpoint on the disk, then declares it complete: the next attempt goes on from it.')
    .argument('<folder>', 'a folder of SLUICE_CHECKPOINT_DIR, by name or path')
    .option('--step <n>', 'how far it is; the highest counts. Default: the number at the end of the name')
    .action((folder: string, options: Options) => declareDone(invocation, folder, options));
};

async function declareDone(invocation: Invocation, word: string, options: Options): Promise<void> {
  const { env } = invocation.host;
  const directory = env['SLUICE_CHECKPOINT_DIR'] ?? '';
  if (directory === '') {
    throw usageError('SLUICE_CHECKPOINT_DIR is not set', 'This is for programs inside a task, which find it there.');
  }
  const folder = path.resolve(directory, word);
  // The agent looks there and no deeper.
  if (path.dirname(folder) !== path.resolve(directory)) {
    throw usageError(`${folder} is not in ${directory}`, 'Write each checkpoint into a folder of its own there.');
  }
  const step = stepOf(options.step, path.basename(folder));
  await checkFolder(folder);
  const attempt = Number(env['SLUICE_ATTEMPT'] ?? 0);
  const workload = Number(env['SLUICE_WORKLOAD'] ?? 0);
  await checkStale(directory, { attempt, workload }, env['SLUICE_STOP_FILE'] ?? '');
  await syncAll(folder);
  await writeMarker(folder, { step, attempt, workload, allocation: env['SLUICE_ALLOCATION_ID'] ?? '' });
  invocation.out(`checkpoint ${folder} is complete: step ${step}`);
}

function stepOf(given: string | undefined, name: string): number {
  const text = given ?? /(\d+)$/.exec(name)?.[1] ?? '';
  if (/^\d{1,15}$/.test(text)) return Number(text);
  if (given !== undefined) throw usageError(`--step ${given} is no whole number`);
  throw usageError(`how far is ${name}?`, 'Say it with --step N: of several checkpoints the highest step counts.');
}

async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory() === true) return;
  const what = found === null ? 'is not there' : 'is no folder';
  throw failure('NO_CHECKPOINT', `${folder} ${what}`, 'Write the checkpoint first, into a folder of its own.');
}

/** What is left of an attempt that was given up must not take the place of what came after it. */
async function checkStale(
  directory: string,
  { attempt, workload }: Pick<CheckpointMarker, 'attempt' | 'workload'>,
  stopFile: string,
): Promise<void> {
  const { reason } = JSON.parse((await readFile(stopFile, 'utf8').catch(() => '')) || '{}') as { reason?: unknown };
  if (reason === 'NODE_LOST') {
    throw failure(
      'STALE_ATTEMPT',
      'this task was given up: its node has lost the scheduler, and another attempt may run already',
    );
  }
  for (const name of await readdir(directory)) {
    const marker = await readMarker(path.join(directory, name));
    // Several workloads may write into one folder, one after the other: attempts of another one tell nothing of this.
    if (marker === null || ![0, workload].includes(marker.workload) || marker.attempt <= attempt) continue;
    const why = `attempt ${marker.attempt} has declared ${name} complete, and this is attempt ${attempt}`;
    throw failure('STALE_ATTEMPT', `this task was given up: ${why}`);
  }
}

/**
 * Content before the word that it is complete: after a crash of the machine a file could be empty that is said to be whole. A file is on the
 * disk only together with its name, which is the content of its folder (fsync(2)), and so on up to the folder of all checkpoints.
 */
async function syncAll(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  if (entries.length > MAX_FILES) {
    throw failure('TOO_MANY_FILES', `${folder} has ${entries.length} files; at most ${MAX_FILES} are put on the disk`);
  }
  for (const entry of entries) {
    const isWanted = entry.isDirectory() || (entry.isFile() && entry.name !== COMPLETE_FILE);
    if (isWanted) await sync(path.join(entry.parentPath, entry.name));
  }
  await sync(folder);
  await sync(path.dirname(folder));
}

/** Returns once a file, or the names in a folder, are on the disk. */
async function sync(file: string): Promise<void> {
  const handle = await open(file, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

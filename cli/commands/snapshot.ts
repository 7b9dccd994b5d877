// `sluice snapshot save|inspect|restore`: backups. Saving asks the scheduler; the other two work on files, without one.
import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { formatDuration } from '../../common/units.js';
import { failure } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';

interface InspectOptions {
  readonly output?: string;
}

interface RestoreOptions {
  readonly dataDir: string;
  readonly replace?: boolean;
}

const EXAMPLES = `
Examples:
  sluice snapshot save /backup/sluice.snapshot
  sluice snapshot inspect /backup/sluice.snapshot
  sluice snapshot restore /backup/sluice.snapshot --data-dir /var/lib/sluice --replace`;

/** Of a snapshot that is whole. */
interface Contents {
  readonly bytes: number;
  readonly header: { readonly epoch: number; readonly revision: number };
  readonly trailer: { readonly records: number };
}

/** For its owner alone: it holds what all users submitted. */
const SECRET_MODE = 0o600;

export const define: DefineCommand = (command, invocation) => {
  command
    .description('Saves the state of the scheduler to a file while it runs, and makes a data folder from such a file.')
    .usage('VERB FILE [FLAGS]')
    .addHelpText('after', EXAMPLES);
  command
    .command('save')
    .usage('FILE')
    .description(
      'Saves one moment of the whole state. The file appears once it is whole and on disk; an older one stays until then.\n' +
        'For administrators.',
    )
    .argument('<file>', 'where to; its folder must exist')
    .action((file: string) => save(invocation, file));
  command
    .command('inspect')
    .usage('FILE [FLAGS]')
    .description('Checks that a snapshot is whole, and says what it holds.')
    .argument('<file>', 'a snapshot')
    .option('-o, --output <format>', 'table, json or yaml')
    .action((file: string, options: InspectOptions) => inspect(invocation, file, options));
  command
    .command('restore')
    .usage('FILE --data-dir DIR [FLAGS]')
    .description(
      'Makes the data folder of a scheduler from a snapshot, while no scheduler uses it. What is restored begins a new\n' +
        'history: agents that know more than the snapshot are not taken for liars.',
    )
    .argument('<file>', 'a snapshot')
    .requiredOption('--data-dir <dir>', 'the data_dir of the scheduler; made if it is not there')
    .option('--replace', 'also when the folder holds data; the old file is kept beside the new one')
    .action((file: string, options: RestoreOptions) => restore(invocation, file, options));
};

async function save(invocation: Invocation, name: string): Promise<void> {
  const file = path.resolve(name);
  const partial = `${file}.partial-${process.pid}`;
  const api = await invocation.client();
  const handle = await open(partial, 'wx', SECRET_MODE).catch((error: unknown) => {
    throw notSaved(file, error);
  });
  try {
    const hash = await receive(api.saveSnapshot(), handle, file);
    const { verifySnapshot } = await import('../../scheduler/store/snapshot/read.js');
    // Read back from the disk: a backup that cannot be read is found out now and not when it is needed.
    const snapshot = await verifySnapshot(partial).catch((error: unknown) => {
      throw notSaved(file, error);
    });
    await rename(partial, file);
    await flushFolderOf(file);
    invocation.out(`Saved ${file}: ${contents(snapshot)}`);
    invocation.note(`sha256 ${hash}`);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Writes what comes, durably, and closes the file. @returns the SHA-256 of the file */
async function receive(chunks: AsyncIterable<Buffer>, handle: FileHandle, file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      await handle.writeFile(chunk).catch((error: unknown) => {
        throw notSaved(file, error);
      });
    }
    await handle.sync().catch((error: unknown) => {
      throw notSaved(file, error);
    });
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}

async function inspect(invocation: Invocation, file: string, options: InspectOptions): Promise<void> {
  const format = invocation.format(options.output, ['table', 'json', 'yaml']);
  const { verifySnapshot } = await import('../../scheduler/store/snapshot/read.js');
  const snapshot = await verifySnapshot(file).catch((error: unknown) => {
    throw refused('SNAPSHOT_UNUSABLE', error);
  });
  const { header, trailer, bytes } = snapshot;
  const { savedMs, ...rest } = header;
  const savedAt = new Date(savedMs).toISOString();
  if (format === 'json' || format === 'yaml') {
    await invocation.printData(format, { ...rest, savedAt, records: trailer.records, bytes, sha256: trailer.sha256 });
    return;
  }
  const rows = [
    ['saved', `${savedAt} (${formatDuration(Math.max(0, invocation.nowMs - savedMs))} ago)`],
    ['by', `Sluice ${header.writtenBy}`],
    ['schema', String(header.schema)],
    ['cluster', header.clusterId],
    ['lineage', header.lineage],
    ['epoch', String(header.epoch)],
    ['revision', String(header.revision)],
    ['records', String(trailer.records)],
    ['size', formatBytes(bytes)],
    ['checksum', 'right'],
  ];
  for (const [name = '', value = ''] of rows) invocation.out(`${name.padEnd(10)}${value}`);
}

async function restore(invocation: Invocation, file: string, { dataDir, replace }: RestoreOptions): Promise<void> {
  const { restoreSnapshot } = await import('../../scheduler/store/snapshot/restore.js');
  const options = { file, dataDir, replace: replace === true, nowMs: invocation.nowMs };
  const { snapshot, position, keptAs } = await restoreSnapshot(options).catch((error: unknown) => {
    throw refused('NOT_RESTORED', error);
  });
  invocation.out(`Restored ${contents(snapshot)}`);
  if (keptAs !== null) invocation.out(`The data that was there is kept as ${keptAs}`);
  invocation.out(`It goes on as lineage ${position.lineage}, epoch ${position.epoch}, revision ${position.revision}`);
}

function contents({ header, trailer, bytes }: Contents): string {
  return `${trailer.records} records at revision ${header.revision} of epoch ${header.epoch}, ${formatBytes(bytes)}`;
}

function formatBytes(bytes: number): string {
  return bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

async function flushFolderOf(file: string): Promise<void> {
  const folder = await open(path.dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function notSaved(file: string, error: unknown): Error {
  return failure('SNAPSHOT_NOT_SAVED', `the snapshot is not saved to ${file}: ${messageOf(error)}`);
}

function refused(reason: string, error: unknown): Error {
  return failure(reason, messageOf(error));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

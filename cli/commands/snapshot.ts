// `sluice snapshot save|inspect|restore`: backups. Saving asks the scheduler; the other two work on files, without one.
import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { formatDuration } from '../../common/units.js';
import { whyUnusable } from '../../common/why-unusable.js';
import { failure } from '../failure.js';
import type { DefineCommand, Invocation } from '../invocation.js';

interface InspectOptions {
  readonly output?: string;
}

interface RestoreOptions {
  readonly dataDir?: string;
  readonly store?: string;
  readonly redisPrefix?: string;
  readonly redisCopies?: string;
  readonly redisUsername?: string;
  readonly redisPasswordFile?: string;
  readonly redisSentinelUsername?: string;
  readonly redisSentinelPasswordFile?: string;
  readonly redisCa?: string;
  readonly redisAcceptWeak?: string;
  readonly replace?: boolean;
}

const EXAMPLES = `
Examples:
  sluice snapshot save /backup/sluice.snapshot
  sluice snapshot inspect /backup/sluice.snapshot
  sluice snapshot restore /backup/sluice.snapshot --data-dir /var/lib/sluice --replace
  sluice snapshot restore /backup/sluice.snapshot --store redis+sentinel://r1,r2,r3/sluice`;

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
    .usage('FILE --data-dir DIR|--store URL [FLAGS]')
    .description(
      'Makes the data folder of a scheduler, or its state in Redis, from a snapshot, while no scheduler uses it. What is\n' +
        'restored begins a new history: agents that know more than the snapshot are not taken for liars.',
    )
    .argument('<file>', 'a snapshot')
    .option('--data-dir <dir>', 'the data_dir of the scheduler; made if it is not there')
    .option('--store <url>', 'the Redis, as the scheduler is given it')
    .option('--redis-prefix <word>', 'these and others: as the scheduler is given them')
    .option('--redis-copies <count>')
    .option('--redis-username <name>')
    .option('--redis-password-file <file>')
    .option('--redis-sentinel-username <name>')
    .option('--redis-sentinel-password-file <file>')
    .option('--redis-ca <file>')
    .option('--redis-accept-weak <yes|no>')
    .option('--replace', 'also when there is data; the old is kept beside the new')
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
    const received = { bytes: 0 };
    const hash = await invocation.working(
      () => `receiving the snapshot: ${formatBytes(received.bytes)}`,
      receive(api.saveSnapshot(), handle, file, received),
    );
    const { verifySnapshot } = await import('../../scheduler/store/snapshot/read.js');
    // Read back from the disk: a backup that cannot be read is found out now and not when it is needed.
    const checked = invocation.working(() => 'reading it back from the disk', verifySnapshot(partial));
    const snapshot = await checked.catch((error: unknown) => {
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
async function receive(
  chunks: AsyncIterable<Buffer>,
  handle: FileHandle,
  file: string,
  received: { bytes: number },
): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of chunks) {
      hash.update(chunk);
      received.bytes += chunk.length;
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
  const checked = invocation.working(() => `checking ${file}`, verifySnapshot(file));
  const snapshot = await checked.catch((error: unknown) => {
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

async function restore(invocation: Invocation, file: string, given: RestoreOptions): Promise<void> {
  if ((given.dataDir === undefined) === (given.store === undefined)) {
    throw failure('NOT_RESTORED', 'say where to: either --data-dir DIR or --store URL');
  }
  const options = { file, replace: given.replace === true, nowMs: invocation.nowMs };
  const restored = given.dataDir === undefined ? intoRedis(options, given) : intoFolder(options, given.dataDir);
  const { snapshot, position, keptAs, unread } = await invocation
    .working(() => `restoring ${file}`, restored)
    .catch((error: unknown) => {
      throw refused('NOT_RESTORED', error);
    });
  invocation.out(`Restored ${contents(snapshot)}`);
  if (keptAs !== null) invocation.out(`The data that was there is kept as ${keptAs}`);
  if (unread !== null) {
    invocation.note(
      `The data that was there could not be read (${unread}): numbers that it gave to workloads after the snapshot may be given again.`,
    );
  }
  invocation.out(`It goes on as lineage ${position.lineage}, epoch ${position.epoch}, revision ${position.revision}`);
}

interface Restoring {
  readonly file: string;
  readonly replace: boolean;
  readonly nowMs: number;
}

async function intoFolder(options: Restoring, dataDir: string) {
  const { restoreSnapshot } = await import('../../scheduler/store/snapshot/restore.js');
  return await restoreSnapshot({ ...options, dataDir });
}

/** The flags are the scheduler's, and so are what they may be and what is said of wrong ones. */
async function intoRedis(options: Restoring, given: RestoreOptions) {
  const { restoreByFlags } = await import('../../scheduler/open-redis.js');
  const words = Object.entries(given).flatMap(([name, value]) => {
    const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return typeof value === 'string' ? [`--${flag}=${value}`] : [];
  });
  return await restoreByFlags(words, options);
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
  // A file that is to be made is not missing itself.
  const isNoFolder = error instanceof Error && 'code' in error && error.code === 'ENOENT';
  const why = isNoFolder ? `there is no folder ${path.dirname(path.resolve(file))}` : whyUnusable(error);
  return failure('SNAPSHOT_NOT_SAVED', `the snapshot is not saved to ${file}: ${why}`);
}

function refused(reason: string, error: unknown): Error {
  return failure(reason, messageOf(error));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

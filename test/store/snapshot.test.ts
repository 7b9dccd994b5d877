// Snapshot files: what is saved comes back, as the beginning of a new history; what is not whole is refused in one clear error.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { StoreUnusable } from '../../scheduler/store/data-folder.js';
import { type EmbeddedStore, openEmbeddedStore } from '../../scheduler/store/embedded.js';
import { headerLine, type SnapshotHeader, trailerLine } from '../../scheduler/store/snapshot/format.js';
import { verifySnapshot } from '../../scheduler/store/snapshot/read.js';
import { NUMBER_STEP } from '../../scheduler/model/history.js';
import { restoreSnapshot, SKIPPED_REVISIONS } from '../../scheduler/store/snapshot/restore.js';
import { snapshotBytes } from '../../scheduler/store/snapshot/write.js';
import type { StoredRecord, StorePosition } from '../../scheduler/store/state-store.js';

import { needs } from '../real-part.js';
import { commitNext, everything, following, meta, node, queue, workload } from './samples.js';

const NOW_MS = Date.UTC(2026, 10, 22, 20, 45);
const ABOUT = { schema: 1, writtenBy: '9.9.9', clusterId: 'c', savedMs: NOW_MS };

let folder: string;
let file: string;
let dataDir: string;
let opened: EmbeddedStore[];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-snapshot-'));
  file = path.join(folder, 'cluster.snapshot');
  dataDir = path.join(folder, 'data');
  opened = [];
});
afterEach(async () => {
  for (const store of opened) await store.close();
  rmSync(folder, { recursive: true });
});

async function open(dir = dataDir): Promise<EmbeddedStore> {
  const store = await openEmbeddedStore({ dataDir: dir });
  opened.push(store);
  return store;
}

async function save(store: EmbeddedStore, about: Partial<SnapshotHeader> = {}): Promise<Buffer> {
  const { position, records, release } = store.snapshot();
  const chunks: Buffer[] = [];
  for await (const chunk of snapshotBytes({ ...ABOUT, ...position, ...about }, records, systemClock))
    chunks.push(chunk);
  release();
  const bytes = Buffer.concat(chunks);
  writeFileSync(file, bytes);
  return bytes;
}

/** A store with a little of everything, saved; closed. */
async function saved(
  more: readonly StoredRecord[] = [],
): Promise<{ bytes: Buffer; at: StorePosition; records: StoredRecord[] }> {
  const store = await open(path.join(folder, 'origin'));
  const odd = workload(7, { message: 'a\u2028b\r\nc"\\ \u{1f600}', submittedMs: 1.5 });
  const puts = [meta(1047), queue('a'), node('n1', { rack: 'r7' }), workload(1), odd, ...more];
  const at = await commitNext(store, await store.beginEpoch(), { puts });
  const bytes = await save(store);
  const records = await everything(store);
  await store.close();
  return { bytes, at, records };
}

async function refusal(work: Promise<unknown>): Promise<StoreUnusable> {
  const outcome = await work.then(
    () => 'done',
    (error: unknown) => error,
  );
  if (!(outcome instanceof StoreUnusable)) throw new Error(`expected a refusal, got ${String(outcome)}`);
  expect(outcome.message.split('\n').length).toBeLessThanOrEqual(3);
  return outcome;
}

const restore = (change: Partial<Parameters<typeof restoreSnapshot>[0]> = {}) =>
  restoreSnapshot({ file, dataDir, replace: false, nowMs: NOW_MS, ...change });

describe('a snapshot', () => {
  it('holds one moment, whatever is committed while it is read', async () => {
    const store = await open();
    let at = await commitNext(store, await store.beginEpoch(), { puts: [workload(1), workload(2), meta(2)] });
    const early = store.snapshot();
    at = await commitNext(store, at, {
      puts: [workload(3)],
      deletes: [{ collection: 'workloads', key: workload(1).key }],
    });
    // A second one sees what was acknowledged before it, although the first one is still held in this turn.
    const late = store.snapshot();
    const keysOf = async ({ records }: { records: AsyncIterable<StoredRecord> }) => {
      const keys: string[] = [];
      for await (const { collection, key } of records) if (collection === 'workloads') keys.push(key);
      return keys;
    };
    expect(late.position).toEqual(at);
    expect(early.position).toEqual({ ...at, revision: at.revision - 1 });
    expect(await keysOf(late)).toEqual([workload(2).key, workload(3).key]);
    expect(await keysOf(early)).toEqual([workload(1).key, workload(2).key]);
    early.release();
    early.release();
    late.release();
    await commitNext(store, at, { puts: [workload(4)] });
  });

  it('says what it is before its records, and that it is whole after them', async () => {
    const { bytes, at, records } = await saved();
    const lines = bytes.toString('latin1').split('\n');
    expect(JSON.parse(lines[0] ?? '')).toEqual({ format: 'sluice-snapshot', formatVersion: 1, ...ABOUT, ...at });
    expect(JSON.parse(lines.at(-2) ?? '')).toMatchObject({ records: records.length });
    const verified = await verifySnapshot(file);
    expect(verified).toMatchObject({
      header: { ...ABOUT, ...at },
      bytes: bytes.length,
      trailer: { records: records.length },
    });
  });

  it('lets others have their turn while it is made', async () => {
    const store = await open();
    const puts = Array.from({ length: 20_000 }, (_, number) => workload(number));
    await commitNext(store, await store.beginEpoch(), { puts });
    let turns = 0;
    let isDone = false;
    const count = (): void => {
      turns += 1;
      if (!isDone) setImmediate(count);
    };
    count();
    const { trailer } = await save(store).then(() => verifySnapshot(file));
    isDone = true;
    expect(trailer.records).toBe(20_000);
    // One slice of 20,000 would leave a handful of turns: those in which the compressor hands out its pieces.
    expect(turns).toBeGreaterThan(40);
  });
});

describe('a restore', () => {
  it('gives back every record, in a new lineage, above the saved epoch and out of reach of old revisions', async () => {
    const { at, records } = await saved();
    const { position, keptAs } = await restore();
    expect(keptAs).toBeNull();
    expect(position.lineage).not.toBe(at.lineage);
    expect(position.epoch).toBe(at.epoch + 1);
    expect(position.revision).toBe(at.revision + SKIPPED_REVISIONS + 1);
    const store = await open();
    expect(store.position()).toEqual(position);
    const withoutMeta = (all: readonly StoredRecord[]) => all.filter(({ collection }) => collection !== 'meta');
    const restored = await everything(store);
    const isNote = ({ collection }: StoredRecord): boolean => collection === 'incidents';
    expect(withoutMeta(restored).filter((one) => !isNote(one))).toEqual(withoutMeta(records));
    // Administrators find in the book what happened, and when.
    expect(restored.filter(isNote).map(({ value }) => value)).toMatchObject([
      { kind: 'restored', message: expect.stringContaining(`of history ${at.lineage}, was restored`) as string },
    ]);
    // Numbers that were given after the snapshot are not given again.
    expect(restored.find(({ collection }) => collection === 'meta')?.value).toMatchObject({
      clusterId: 'c',
      lastWorkload: NUMBER_STEP,
      lineage: position.lineage,
      pastLineages: [{ lineage: at.lineage, epoch: at.epoch, revision: at.revision, why: 'restored' }],
      recovery: { why: 'restored' },
    });
    const next = await store.beginEpoch();
    expect(next.epoch).toBe(at.epoch + 2);
    await commitNext(store, next, { puts: [queue('goes on')] });
    await expect(store.commit(following(at, {}))).rejects.toThrow('it belongs to another history');
    expect(readdirSync(dataDir).sort()).toEqual(['lock', 'state.mdb', 'state.mdb-lock']);
    expect(statSync(path.join(dataDir, 'state.mdb')).mode & 0o777).toBe(0o600);
  });

  it('gives every restore a lineage of its own', async () => {
    await saved();
    const first = await restore();
    const second = await restore({ dataDir: path.join(folder, 'other') });
    expect(second.position.lineage).not.toBe(first.position.lineage);
  });

  it('takes more records than one commit of its holds', async () => {
    await saved(Array.from({ length: 12_345 }, (_, index) => workload(index + 100)));
    await restore();
    const store = await open();
    expect(await everything(store)).toHaveLength(12_345 + 5 + 1);
  });

  it('leaves a folder with data alone, and replaces it when told to, keeping what was there', async () => {
    const { records } = await saved();
    const present = await open();
    await commitNext(present, await present.beginEpoch(), { puts: [queue('present')] });
    expect((await refusal(restore({ replace: true }))).reason).toBe('LOCKED');
    await present.close();
    const before = readFileSync(path.join(dataDir, 'state.mdb'));
    expect((await refusal(restore())).reason).toBe('NOT_EMPTY');
    expect(readFileSync(path.join(dataDir, 'state.mdb')).equals(before)).toBe(true);
    const { keptAs } = await restore({ replace: true });
    expect(keptAs).toBe(path.join(dataDir, 'state.mdb.replaced-20261122T204500Z'));
    expect(readFileSync(keptAs ?? '').equals(before)).toBe(true);
    expect((await restore({ replace: true })).keptAs).toBe(`${keptAs}-2`);
    expect(await everything(await open())).toHaveLength(records.length + 1);
  });

  it('restored twice gives no number again that was given between the two', async () => {
    await saved();
    await restore();
    const between = await open();
    await commitNext(between, await between.beginEpoch(), { puts: [meta(NUMBER_STEP + 5)] });
    await between.close();
    expect(await restore({ replace: true })).toMatchObject({ unread: null });
    const after = await open();
    expect((await everything(after)).find(({ collection }) => collection === 'meta')?.value).toMatchObject({
      lastWorkload: 2 * NUMBER_STEP,
    });
  });

  it('replaces data that cannot be read, and says that its numbers are not known', async () => {
    await saved();
    mkdirSync(dataDir);
    writeFileSync(path.join(dataDir, 'state.mdb'), Buffer.alloc(16_384, 'x'));
    const { unread, keptAs } = await restore({ replace: true });
    expect(unread).toBe('it is damaged, or not a file of Sluice');
    expect(readFileSync(keptAs ?? '')).toHaveLength(16_384);
    expect((await everything(await open())).find(({ collection }) => collection === 'meta')?.value).toMatchObject({
      lastWorkload: NUMBER_STEP,
    });
  });

  it('leaves a folder alone that holds something else', async () => {
    await saved();
    mkdirSync(dataDir);
    writeFileSync(path.join(dataDir, 'thesis.tex'), '');
    expect((await refusal(restore())).reason).toBe('NOT_EMPTY');
    expect(readdirSync(dataDir)).not.toContain('state.mdb');
  });

  it('refuses a newer schema with both versions, and changes nothing', async () => {
    const store = await open(path.join(folder, 'origin'));
    await commitNext(store, await store.beginEpoch(), { puts: [queue('a')] });
    await save(store, { schema: 99 });
    const { reason, message } = await refusal(restore());
    expect(reason).toBe('NEWER_SCHEMA');
    expect(message).toMatch(/Sluice 9\.9\.9 \(schema 99\).*reads up to schema \d+\.\n.*newer version/s);
    expect(() => readdirSync(dataDir)).toThrow('ENOENT');
  });

  it('brings an older schema up to the present one', async () => {
    await saved();
    const change = (record: StoredRecord): StoredRecord =>
      record.collection === 'queues' ? { ...record, value: { ...record.value, weight: 7 } } : record;
    const schema = { version: 2, upgrades: [{ to: 2, change }] };
    await restore({ schema });
    const store = await openEmbeddedStore({ dataDir, schema });
    opened.push(store);
    expect((await everything(store)).find(({ collection }) => collection === 'queues')?.value).toMatchObject({
      weight: 7,
    });
  });

  it('that was cut off leaves no store that looks restored, and can be done again', async () => {
    await saved();
    mkdirSync(path.join(dataDir, 'restoring'), { recursive: true });
    writeFileSync(path.join(dataDir, 'restoring', 'state.mdb'), 'half');
    const { message } = await refusal(open());
    expect(message).toContain('a restore into');
    await restore();
    await open();
  });

  describe('over data that is there', () => {
    const digest = (): string =>
      createHash('sha256')
        .update(readFileSync(path.join(dataDir, 'state.mdb')))
        .digest('hex');
    /** Data, and a large snapshot to put in its place. @returns what the data is before */
    const present = async (): Promise<string> => {
      await saved(Array.from({ length: 5_000 }, (_, index) => workload(index + 100)));
      const store = await open();
      await commitNext(store, await store.beginEpoch(), { puts: [queue('present')] });
      await store.close();
      return digest();
    };
    const readsPresent = async (): Promise<void> => {
      const store = await open();
      expect((await everything(store)).map(({ key }) => key)).toEqual(['present']);
      await store.close();
    };

    it.each([
      ['that is cut off', (whole: Buffer) => whole.subarray(0, whole.length >> 1), /is cut off/],
      ['that is damaged', flip(0.5), /is damaged/],
      ['that is none', () => Buffer.from('thesis'), /is not a snapshot/],
    ])('a snapshot %s changes no byte', async (_, damage, says) => {
      const before = await present();
      writeFileSync(file, damage(readFileSync(file)));
      expect((await refusal(restore({ replace: true }))).message).toMatch(says);
      expect([digest(), readdirSync(dataDir).filter((name) => name.includes('replaced'))]).toEqual([before, []]);
      await readsPresent();
    });

    it.runIf(needs('build')).each([300, 1_200])(
      'a disk that takes no more than %i KiB of it leaves every byte, and says so',
      async (kib) => {
        const before = await present();
        const cli = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
        const args = ['snapshot', 'restore', file, '--data-dir', dataDir, '--replace'];
        const limited = ['-c', `ulimit -f ${kib}; exec "$@"`, 'bash', process.execPath, cli, ...args];
        const { status, stderr } = spawnSync('bash', limited, { encoding: 'utf8' });
        expect(stderr).toMatch(
          /^error: cannot restore into .+ could not be written there: .+\nThe data in it are as they were\. .+ \d+ MiB are free/m,
        );
        expect([status, digest()]).toEqual([1, before]);
        await readsPresent();
        await restore({ replace: true });
      },
    );
  });

  it.runIf(needs('build'))('killed at any moment leaves the old data or the new', async () => {
    await saved(Array.from({ length: 5_000 }, (_, index) => workload(index + 100)));
    const present = await open();
    await commitNext(present, await present.beginEpoch(), { puts: [queue('present')] });
    await present.close();
    const cli = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
    const args = ['snapshot', 'restore', file, '--data-dir', dataDir, '--replace'];
    const found: string[] = [];
    for (const afterMs of [150, 250, 300, 350, 400, 500, 700]) {
      const child = spawn(process.execPath, [cli, ...args], { stdio: 'ignore' });
      const timer = setTimeout(() => child.kill('SIGKILL'), afterMs);
      await once(child, 'exit');
      clearTimeout(timer);
      const store = await openEmbeddedStore({ dataDir });
      const queues = (await everything(store))
        .filter(({ collection }) => collection === 'queues')
        .map(({ key }) => key);
      expect([['present'], ['a']]).toContainEqual(queues);
      found.push(...queues);
      await store.close();
    }
    await restore({ replace: true });
    const store = await open();
    expect(await everything(store)).toHaveLength(5_006);
    expect(found.length).toBeGreaterThan(0);
  });
});

describe('a file that is no whole snapshot', () => {
  const fake = (lines: string) =>
    Buffer.concat([Buffer.from(headerLine({ ...ABOUT, lineage: 'l', epoch: 1, revision: 1 })), gzipSync(lines)]);
  it.each([
    { what: 'missing', damage: null, says: /cannot read .*no such file/ },
    { what: 'empty', damage: () => Buffer.alloc(0), says: /is not a snapshot of Sluice/ },
    { what: 'a folder', damage: 'folder', says: /cannot read .*(EISDIR|directory)/ },
    { what: 'foreign', damage: () => Buffer.from('#!/bin/sh\nexit 0\n'), says: /is not a snapshot of Sluice/ },
    { what: 'foreign and large', damage: () => Buffer.alloc(100_000, 'x'), says: /is not a snapshot of Sluice/ },
    { what: 'a compressed file', damage: () => gzipSync('hello'), says: /is not a snapshot of Sluice/ },
    { what: 'cut to a byte', damage: (whole: Buffer) => whole.subarray(0, 1), says: /is not a snapshot of Sluice/ },
    {
      what: 'cut after the first line',
      damage: (whole: Buffer) => whole.subarray(0, whole.indexOf('\n') + 1),
      says: /is cut off/,
    },
    { what: 'cut in the middle', damage: (whole: Buffer) => whole.subarray(0, whole.length >> 1), says: /is cut off/ },
    { what: 'cut by its last byte', damage: (whole: Buffer) => whole.subarray(0, -1), says: /is cut off/ },
    {
      what: 'with a byte more',
      damage: (whole: Buffer) => Buffer.concat([whole, Buffer.from('x')]),
      says: /is cut off/,
    },
    { what: 'with a bit flipped in the middle', damage: flip(0.5), says: /is damaged: its checksum is another/ },
    { what: 'with a bit flipped in its last line', damage: flip(0.999), says: /is (damaged|cut off)/ },
    {
      what: 'with another revision in its first line',
      damage: (whole: Buffer) =>
        Buffer.from(whole.toString('latin1').replace('"revision":1', '"revision":2'), 'latin1'),
      says: /is damaged: its checksum is another/,
    },
    {
      what: 'of a later format',
      damage: (whole: Buffer) =>
        Buffer.from(whole.toString('latin1').replace('"formatVersion":1', '"formatVersion":2'), 'latin1'),
      says: /saved by Sluice 9\.9\.9 in format 2; this Sluice reads up to 1/,
    },
  ])('$what is refused in one clear error, and nothing is changed', async ({ damage, says }) => {
    const { bytes } = await saved();
    rmSync(file);
    if (damage === 'folder') mkdirSync(file);
    else if (typeof damage === 'function') writeFileSync(file, damage(bytes));
    expect((await refusal(verifySnapshot(file))).message).toMatch(says);
    expect((await refusal(restore())).message).toMatch(says);
    expect(() => readdirSync(dataDir)).toThrow('ENOENT');
  });

  it.each([
    { what: 'a record of an unknown collection', lines: '["spells","k",{}]\n', records: 1, says: /record 1 is none/ },
    { what: 'a record that is no JSON', lines: '["queues","k",{}]\n{\n', records: 2, says: /is damaged: .*JSON/ },
    {
      what: 'fewer records than it says',
      lines: '["queues","k",{}]\n',
      records: 2,
      says: /holds 1 records and says 2/,
    },
    {
      what: 'a record without an end',
      lines: '["queues","k",{}]\n["queu',
      records: 2,
      says: /its last record is cut off/,
    },
  ])('with $what is refused, and the data that is there stays', async ({ lines, records, says }) => {
    const body = fake(lines);

    const sha256 = createHash('sha256').update(body).digest('hex');
    writeFileSync(file, Buffer.concat([body, Buffer.from(trailerLine({ records, sha256 }))]));
    const present = await open();
    await commitNext(present, await present.beginEpoch(), { puts: [queue('present')] });
    await present.close();
    expect((await refusal(restore({ replace: true }))).message).toMatch(says);
    expect((await everything(await open())).map(({ key }) => key)).toEqual(['present']);
  });
});

function flip(part: number): (whole: Buffer) => Buffer {
  return (whole) => {
    const at = Math.floor(whole.length * part);
    whole.writeUInt8(whole.readUInt8(at) ^ 1, at);
    return whole;
  };
}

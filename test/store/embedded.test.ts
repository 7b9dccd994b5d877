// The embedded store: the contract, and what only it has: a folder, a lock, a schema, a disk that fills.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../common/clock.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { MAX_COMMIT_RECORDS, MAX_KEY_BYTES } from '../../scheduler/store/commit-limits.js';
import { type EmbeddedStore, type EmbeddedStoreOptions, openEmbeddedStore } from '../../scheduler/store/embedded.js';
import { StoreUnusable } from '../../scheduler/store/data-folder.js';
import { CURRENT_SCHEMA } from '../../scheduler/store/schema.js';
import { type StoredRecord } from '../../scheduler/store/state-store.js';
import { needs } from '../real-part.js';
import { type CrashPoint, describeContract, describeCrashes, describeFaults } from './contract.js';
import { commitNext, everything, following, queue, workload } from './samples.js';

const COMMITTER = path.join(PACKAGE_ROOT, 'test/store/committer.mjs');

function newFolder(): string {
  return mkdtempSync(path.join(os.tmpdir(), 'sluice-store-'));
}

async function embeddedPlace() {
  const folder = newFolder();
  return {
    folder,
    open: () => openEmbeddedStore({ dataDir: folder }),
    startCommitter: (width: number) =>
      spawn(process.execPath, [COMMITTER, folder, String(width)], { stdio: ['ignore', 'pipe', 'inherit'] }),
    remove: async () => rmSync(folder, { recursive: true }),
  };
}

/** Milliseconds of a flush that is slowed down, in the microseconds that strace takes. */
const SLOW_FLUSH_US = 150_000;

const READER = `
  const { openEmbeddedStore } = await import(process.argv[1]);
  const store = await openEmbeddedStore({ dataDir: process.argv[2] });
  const { lineage, epoch, revision } = await store.beginEpoch();
  const value = { number: 1 };
  let isAcknowledged = false;
  const puts = [{ collection: 'workloads', key: '000000000001', value }];
  const done = store.commit({ lineage, epoch, revision: revision + 1, puts, deletes: [] }).then(() => (isAcknowledged = true));
  const sentMs = performance.now();
  for (let last = false; !last; ) {
    last = isAcknowledged;
    const keys = [];
    for await (const { key } of store.load()) keys.push(key);
    const isFlushing = performance.now() - sentMs < ${SLOW_FLUSH_US / 1000};
    // Between the end of the flush and the answer a read may see either.
    if (last || isFlushing) console.log(JSON.stringify({ isFlushed: last, keys }));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await done;
  await store.close();`;

async function faultyPlace() {
  const place = await embeddedPlace();
  const folder = place.folder;
  const linesOf = (text: string) => text.trim().split('\n');
  return {
    ...place,
    crashAt: async (point: CrashPoint, { commits, width }: { commits: number; width: number }, nth: number) => {
      const args = [COMMITTER, folder, String(width), String(commits)];
      const moment = point === 'writing' ? String(150 * nth) : point;
      const env = { ...process.env, SLUICE_TEST_DIE: moment };
      // strace counts by thread: opening takes fewer on the main one, and the commits share four others.
      const quiet = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync'];
      const inject = ['-e', `inject=fdatasync:signal=KILL:when=${20 + nth}`];
      const endless = [COMMITTER, folder, String(width)];
      const child =
        point === 'flushing'
          ? spawnSync('strace', [...quiet, ...inject, process.execPath, ...endless], { encoding: 'utf8' })
          : spawnSync(process.execPath, args, { encoding: 'utf8', env });
      const [first = '', ...acknowledged] = linesOf(child.stdout);
      if (!first.startsWith('epoch ')) throw new Error(`the committer said ${child.stdout}${child.stderr}`);
      return { epoch: Number(first.slice('epoch '.length)), acknowledged: Number(acknowledged.at(-1) ?? 0) };
    },
    readWhileFlushing: async () => {
      await (await place.open()).close();
      const built = path.join(PACKAGE_ROOT, 'dist/scheduler/store/embedded.js');
      const slow = [
        '-f',
        '-qq',
        '-o',
        '/dev/null',
        '-e',
        'trace=fdatasync',
        '-e',
        `inject=fdatasync:delay_enter=${SLOW_FLUSH_US}`,
      ];
      const script = ['--input-type=module', '-e', READER, '--', built, folder];
      const child = spawnSync('strace', [...slow, process.execPath, ...script], { encoding: 'utf8' });
      if (child.status !== 0) throw new Error(child.stderr);
      return linesOf(child.stdout).map((line) => JSON.parse(line) as { isFlushed: boolean; keys: string[] });
    },
    remember: async () => {
      const kept = newFolder();
      cpSync(folder, kept, { recursive: true });
      return async () => {
        rmSync(folder, { recursive: true });
        cpSync(kept, folder, { recursive: true });
        rmSync(kept, { recursive: true });
      };
    },
  };
}

describeContract('embedded', embeddedPlace);
if (needs('strace') && needs('build')) describeFaults('embedded', faultyPlace);
describeCrashes('embedded', embeddedPlace);

describe('the embedded store', () => {
  let folder: string;
  let dataDir: string;
  let opened: EmbeddedStore[];

  beforeEach(() => {
    folder = newFolder();
    dataDir = path.join(folder, 'a', 'b');
    opened = [];
  });
  afterEach(async () => {
    for (const store of opened) await store.close();
    rmSync(folder, { recursive: true });
  });

  async function open(options: Partial<EmbeddedStoreOptions> = {}): Promise<EmbeddedStore> {
    const store = await openEmbeddedStore({ dataDir, ...options });
    opened.push(store);
    return store;
  }

  async function refusal(options: Partial<EmbeddedStoreOptions> = {}): Promise<StoreUnusable> {
    const outcome = await open(options).then(
      () => 'opened',
      (error: unknown) => error,
    );
    if (!(outcome instanceof StoreUnusable)) throw new Error(`expected StoreUnusable, got ${String(outcome)}`);
    expect(outcome.message.split('\n').length).toBeLessThanOrEqual(3);
    return outcome;
  }

  describe('the folder', () => {
    it('is made for its owner alone', async () => {
      await open();
      expect(statSync(dataDir).mode & 0o777).toBe(0o700);
      expect(statSync(path.join(dataDir, 'state.mdb')).mode & 0o777).toBe(0o600);
    });

    it('has one daemon, and the other is told whose it is', async () => {
      const store = await open();
      const refused = await refusal();
      expect(refused.reason).toBe('LOCKED');
      expect(refused.message).toContain(`process ${process.pid}`);
      expect(refused.message).toContain(dataDir);
      await store.close();
      await open();
    });

    it('is refused when it cannot be made', async () => {
      writeFileSync(path.join(folder, 'a'), 'a file');
      expect((await refusal()).reason).toBe('UNREADABLE');
    });

    it.each([
      { what: 'no store', damage: () => Buffer.alloc(64 * 1024, 'not a database ') },
      { what: 'cut off', damage: (file: Buffer) => file.subarray(0, 4096) },
      { what: 'shorter than a header', damage: (file: Buffer) => file.subarray(0, 10) },
      { what: 'zeroed', damage: (file: Buffer) => Buffer.alloc(file.length) },
      {
        what: 'of another format',
        damage: (file: Buffer) => {
          file.writeUInt32LE(3, 28);
          return file;
        },
      },
    ])('is refused, and left alone, when its file is $what', async ({ damage }) => {
      const file = path.join(dataDir, 'state.mdb');
      await (await open()).close();
      const damaged = damage(readFileSync(file));
      writeFileSync(file, damaged);
      expect((await refusal()).reason).toBe('UNREADABLE');
      expect(readFileSync(file).equals(damaged)).toBe(true);
    });

    it('is opened after a crash that left an empty file, and with a foreign lock file of LMDB', async () => {
      mkdirSync(dataDir, { recursive: true });
      writeFileSync(path.join(dataDir, 'state.mdb'), '');
      writeFileSync(path.join(dataDir, 'state.mdb-lock'), Buffer.alloc(8192, 'x'));
      const store = await open();
      await commitNext(store, await store.beginEpoch(), { puts: [queue('a')] });
      expect(await everything(store)).toEqual([queue('a')]);
    });

    it('begins no store on a disk without room, but opens the one that is there', async () => {
      const full = { freeSpace: () => ({ freeBytes: 1000, totalBytes: 1e12 }) };
      expect((await refusal(full)).reason).toBe('NO_ROOM');
      await (await open()).close();
      expect((await open(full)).space()).toBe('critical');
    });

    it('is opened under a limit on address space', async () => {
      const script =
        'const { openEmbeddedStore } = await import(process.argv[1]);' +
        'const store = await openEmbeddedStore({ dataDir: process.argv[2] }); console.log(store.position().revision); await store.close();';
      const built = path.join(PACKAGE_ROOT, 'dist/scheduler/store/embedded.js');
      const command = ['-c', 'ulimit -v 20000000; exec "$@"', 'bash', process.execPath];
      const child = spawnSync('bash', [...command, '--input-type=module', '-e', script, '--', built, dataDir]);
      expect(String(child.stderr)).toBe('');
      expect(String(child.stdout)).toBe('0\n');
    });
  });

  describe('the schema', () => {
    const NEXT = CURRENT_SCHEMA.version + 1;

    it('refuses data of a newer one, and changes nothing', async () => {
      const newer = await open({ schema: { version: NEXT, upgrades: [] } });
      const at = await commitNext(newer, await newer.beginEpoch(), { puts: [queue('a')] });
      await newer.close();
      const refused = await refusal();
      expect(refused.reason).toBe('NEWER_SCHEMA');
      expect(refused.message).toMatch(new RegExp(`schema ${NEXT}.*up to schema ${NEXT - 1}`, 's'));
      const again = await open({ schema: { version: NEXT, upgrades: [] } });
      expect(again.position()).toEqual(at);
      expect(await everything(again)).toEqual([queue('a')]);
    });

    it('brings older records up to its own, once, each step in its turn', async () => {
      const old = await open();
      const at = await commitNext(old, await old.beginEpoch(), { puts: [queue('a'), queue('gone'), workload(1)] });
      await old.close();
      let runs = 0;
      const double = (record: StoredRecord): StoredRecord | null => {
        runs += 1;
        if (record.collection !== 'queues') return record;
        if (record.key === 'gone') return null;
        return { ...record, value: { ...record.value, guaranteeGpus: record.value.guaranteeGpus * 2 } };
      };
      const rename = (record: StoredRecord): StoredRecord =>
        record.collection === 'queues' ? { ...record, key: `${record.key}-${record.value.guaranteeGpus}` } : record;
      const schema = {
        version: NEXT + 1,
        upgrades: [
          { to: NEXT, change: double },
          { to: NEXT + 1, change: rename },
        ],
      };
      const upgraded = await open({ schema });
      const expected = [{ ...queue('a'), key: 'a-16', value: { ...queue('a').value, guaranteeGpus: 16 } }, workload(1)];
      expect(await everything(upgraded)).toEqual(expected);
      expect(upgraded.position()).toEqual(at);
      await upgraded.close();
      expect(await everything(await open({ schema }))).toEqual(expected);
      expect(runs).toBe(3);
    });

    it('reads records with fewer or more fields than today beside those of today', async () => {
      const store = await open();
      const { priority: _, ...fewer } = queue('fewer').value;
      const odd = [
        { ...queue('fewer'), value: fewer },
        { ...queue('more'), value: { ...queue('more').value, colour: 'green' } },
        queue('now'),
      ] as unknown as StoredRecord[];
      await commitNext(store, await store.beginEpoch(), { puts: odd });
      await store.close();
      expect(await everything(await open())).toEqual(odd);
    });

    it('keeps more shapes of records than the table of shared shapes holds', async () => {
      const store = await open();
      const shapes = Array.from({ length: 200 }, (_, index) => ({
        ...queue(`q${String(index).padStart(3, '0')}`),
        value: { ...queue('x').value, [`field${index}`]: index },
      })) as unknown as StoredRecord[];
      let at = await store.beginEpoch();
      for (let from = 0; from < shapes.length; from += 7) {
        at = await commitNext(store, at, { puts: shapes.slice(from, from + 7) });
      }
      await store.close();
      const again = await open();
      expect(await everything(again)).toEqual(shapes);
      await commitNext(again, await again.beginEpoch(), { puts: [queue('zzz')] });
      expect((await everything(again)).at(-1)).toEqual(queue('zzz'));
    });
  });

  describe('limits', () => {
    it.each([
      { what: 'an empty key', key: '' },
      { what: 'a key too long', key: 'k'.repeat(MAX_KEY_BYTES + 1) },
      { what: 'a key with a NUL', key: 'a\0b' },
    ])('stops at $what before anything is written', async ({ key }) => {
      const store = await open();
      const at = await store.beginEpoch();
      const bad = { ...queue('bad'), key };
      await expect(store.commit(following(at, { puts: [queue('good'), bad] }))).rejects.toThrow('1 to 1024 bytes');
      expect(await everything(store)).toEqual([]);
      await commitNext(store, at, { puts: [{ ...queue('long'), key: 'k'.repeat(MAX_KEY_BYTES) }] });
    });

    it('stops at a commit of too many records', async () => {
      const store = await open();
      const deletes = Array.from(
        { length: MAX_COMMIT_RECORDS + 1 },
        () => ({ collection: 'queues', key: 'a' }) as const,
      );
      await expect(store.commit(following(await store.beginEpoch(), { deletes }))).rejects.toThrow('bounded');
    });

    it('is not used after it was closed', async () => {
      const store = await open();
      const at = await store.beginEpoch();
      await store.close();
      await store.close();
      await expect(store.commit(following(at, {}))).rejects.toThrow('a closed store is not used');
      await expect(everything(store)).rejects.toThrow('a closed store is not used');
      expect(() => store.space()).toThrow('a closed store is not used');
    });
  });

  describe('room on the disk', () => {
    const MIB = 1024 * 1024;
    const GIB = 1024 * MIB;

    it.each([
      { free: 2 * GIB, total: 10 * GIB, state: 'ample' },
      { free: GIB, total: 10 * GIB, state: 'ample' },
      { free: GIB - 1, total: 10 * GIB, state: 'low' },
      { free: 50 * GIB, total: 1000 * GIB, state: 'ample' },
      { free: 50 * GIB - 1, total: 1000 * GIB, state: 'low' },
      { free: 256 * MIB, total: 1000 * GIB, state: 'low' },
      { free: 256 * MIB - 1, total: GIB, state: 'critical' },
      { free: 0, total: 0, state: 'critical' },
    ])('$free free bytes of $total are $state', async ({ free, total, state }) => {
      await (await open()).close();
      const store = await open({ freeSpace: () => ({ freeBytes: free, totalBytes: total }) });
      expect(store.space()).toBe(state);
      expect(store.spaceReport()).toMatchObject({ state, freeBytes: free });
    });

    it('is asked for the data folder, and at most once a second', async () => {
      let nowMs = 5000;
      const clock: Clock = {
        wallMs: () => nowMs,
        monotonicMs: () => nowMs,
        after: () => ({ cancel: () => undefined }),
      };
      const asked: string[] = [];
      let freeBytes = 100 * GIB;
      const store = await open({
        clock,
        freeSpace: (of) => {
          asked.push(of);
          return { freeBytes, totalBytes: 100 * GIB };
        },
      });
      expect(store.space()).toBe('ample');
      freeBytes = 0;
      nowMs += 999;
      expect(store.space()).toBe('ample');
      nowMs += 1;
      expect(store.space()).toBe('critical');
      expect(asked).toEqual([dataDir, dataDir]);
    });

    it('is the real disk by default', async () => {
      const { freeBytes, totalBytes } = (await open()).spaceReport();
      expect(totalBytes).toBeGreaterThan(freeBytes);
      expect(freeBytes).toBeGreaterThan(0);
    });
  });

  describe('a write that fails', () => {
    // The committer's own words: what came of commits sent together after the disk refused, and of one more call.
    const FAILING = `
      const { openEmbeddedStore } = await import(process.argv[1]);
      const store = await openEmbeddedStore({ dataDir: process.argv[2] });
      process.on('unhandledRejection', (error) => console.log(JSON.stringify({ stray: String(error) })));
      const { lineage, epoch } = await store.beginEpoch();
      console.log(JSON.stringify({ ready: true }));
      const commit = (revision) => store.commit({ lineage, epoch, revision, deletes: [],
        puts: [{ collection: 'workloads', key: 'w' + revision, value: { text: 'x'.repeat(20000) } }] });
      let acknowledged = 0;
      for (let revision = 1; revision < 400; revision += 2) {
        const answers = await Promise.allSettled([commit(revision), commit(revision + 1)]);
        if (answers.every(({ status }) => status === 'fulfilled')) { acknowledged = revision + 1; continue; }
        const name = ({ status, reason }) => status === 'fulfilled' ? status : reason.name;
        const [later] = await Promise.allSettled([commit(revision)]);
        const [epochAfter] = await Promise.allSettled([store.beginEpoch()]);
        const loaded = await (async () => { for await (const record of store.load()) return record; })().then(() => 'loaded', (error) => error.name);
        let space; try { space = store.space(); } catch (error) { space = error.name; }
        console.log(JSON.stringify({ acknowledged, answers: answers.map(name), message: answers.find(({ reason }) => reason).reason.message,
          later: name(later), epochAfter: name(epochAfter), loaded, space }));
        await store.close();
        break;
      }
    `;

    /** What the process said as it failed, and what a store opened on its folder afterwards holds. */
    async function failUnder(command: string, args: readonly string[]) {
      const built = path.join(PACKAGE_ROOT, 'dist/scheduler/store/embedded.js');
      const script = ['--input-type=module', '-e', FAILING, '--', built, dataDir];
      const child = spawnSync(command, [...args, process.execPath, ...script], { encoding: 'utf8', timeout: 20_000 });
      const said = child.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      // The disk is well again.
      const store = await open();
      const found = { revision: store.position().revision, records: (await everything(store)).length };
      return { status: child.status, said, found, acknowledged: Number(said[1]?.['acknowledged']) };
    }

    const failStop = {
      answers: ['StoreFailure', 'StoreFailure'],
      message: expect.stringMatching(/during a commit: Input\/output error/) as string,
      later: 'StoreFailure',
      epochAfter: 'StoreFailure',
      loaded: 'StoreFailure',
      space: 'StoreFailure',
    };

    it('fails everything from then on when the file may not grow', async () => {
      const { status, said, found, acknowledged } = await failUnder('bash', [
        '-c',
        'ulimit -f 1000; exec "$@"',
        'bash',
      ]);
      expect(said).toEqual([{ ready: true }, { acknowledged, ...failStop }]);
      expect(status).toBe(0);
      expect(acknowledged).toBeGreaterThan(0);
      expect(found).toEqual({ revision: acknowledged, records: acknowledged });
    });

    const strace = needs('strace');
    it.runIf(strace)('fails everything from then on when a flush fails', async () => {
      // strace counts by thread: opening takes fewer than 20 on the main one, the commits share four others.
      const inject = 'inject=fdatasync:error=EIO:when=20';
      const quiet = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=fdatasync'];
      const { status, said, found, acknowledged } = await failUnder('strace', [...quiet, '-e', inject]);
      expect(said).toEqual([{ ready: true }, { acknowledged, ...failStop }]);
      expect(status).toBe(0);
      expect(acknowledged).toBeGreaterThan(0);
      expect(found).toEqual({ revision: acknowledged, records: acknowledged });
    });

    it.runIf(strace)('flushes for every commit before it acknowledges it', () => {
      const log = path.join(folder, 'strace.log');
      const args = ['-f', '-qq', '-o', log, '-e', 'trace=fdatasync,fsync,write'];
      const child = spawnSync('strace', [...args, process.execPath, COMMITTER, dataDir, '1', '30']);
      expect(String(child.stderr)).toBe('');
      const isAcknowledgement = (call: string) => /write\(1, "\d+\\n"/.test(call);
      const isFlush = (call: string) => /(fdatasync|fsync)(\(\d+\)| resumed>\)).*= 0/.test(call);
      const flushesBeforeEach = readFileSync(log, 'utf8')
        .split('\n')
        .reduce<number[]>(
          (counts, call) => {
            if (isFlush(call)) counts.push((counts.pop() ?? 0) + 1);
            if (isAcknowledgement(call)) counts.push(0);
            return counts;
          },
          [0],
        );
      expect(flushesBeforeEach).toHaveLength(31);
      // One a commit: none without, and no second one that only costs.
      expect(flushesBeforeEach.slice(1, -1)).toEqual(Array.from({ length: 29 }, () => 1));
    });
  });
});

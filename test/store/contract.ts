// What every StateStore promises, as tests that any store can be put through. A store joins by giving places to open it in.
import { type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommitRefused, type StateStore, type StoredRecord } from '../../scheduler/store/state-store.js';
import { commitNext, everything, following, meta, node, queue, workload } from './samples.js';

/** A place on which a store lives, and where it is found again after a crash. */
export interface Place {
  open(): Promise<StateStore>;
  /** Frees what the place took. Stores are closed before. */
  remove(): Promise<void>;
}

/** A process that opens the store of a place, and then commits until it is killed. */
export interface CrashablePlace extends Place {
  /**
   * The process first prints `epoch N`. Its i-th commit puts workloads `i*width .. i*width + width - 1` and deletes
   * workload `(i - 1) * width`, all in one; after its acknowledgement it prints the commit's revision on a line.
   */
  startCommitter(width: number): ChildProcess;
}

/**
 * Where in a commit the machine dies: before it is sent; while it is written; when all but the flush is done; after it was
 * acknowledged.
 */
export type CrashPoint = 'before' | 'writing' | 'flushing' | 'after';

/** A place whose machine can be made to fail at a chosen moment. A store in memory does so by itself, one on disk by signals. */
export interface FaultyPlace extends Place {
  /**
   * Opens the store in a machine of its own, begins an epoch, commits as {@link CrashablePlace.startCommitter} does, `commits`
   * times with acknowledgement, and dies at that point of one more.
   * @param nth varies the moment inside the point, from 0
   * @returns the epoch, and the last revision acknowledged
   */
  crashAt(point: CrashPoint, size: { readonly commits: number; readonly width: number }, nth: number): Promise<Crashed>;
  /**
   * Sends one commit with workload 1 whose flush takes a while, and reads all keys again and again until it is acknowledged.
   * @returns what was read while the flush was surely under way, and after the acknowledgement
   */
  readWhileFlushing(): Promise<readonly { readonly isFlushed: boolean; readonly keys: readonly string[] }[]>;
  /** Remembers the place as it is, closed. @returns puts it back: what came since is lost */
  remember(): Promise<() => Promise<void>>;
}

export interface Crashed {
  readonly epoch: number;
  readonly acknowledged: number;
}

export function describeContract(name: string, makePlace: () => Promise<Place>): void {
  describe(`the store contract: ${name}`, () => {
    let place: Place;
    let opened: StateStore[];

    beforeEach(async () => {
      place = await makePlace();
      opened = [];
    });
    afterEach(async () => {
      for (const store of opened) await store.close();
      await place.remove();
    });

    async function open(): Promise<StateStore> {
      const store = await place.open();
      opened.push(store);
      return store;
    }

    async function reopen(store: StateStore): Promise<StateStore> {
      await store.close();
      return await open();
    }

    describe('position', () => {
      it('starts with nothing at revision 0, and every term is the next epoch', async () => {
        const store = await open();
        expect(await everything(store)).toEqual([]);
        const first = await store.beginEpoch();
        expect(first).toMatchObject({ epoch: 1, revision: 0 });
        expect(first.lineage).not.toBe('');
        expect(await store.beginEpoch()).toEqual({ ...first, epoch: 2 });
      });

      it('begins a term above any epoch that somebody obeyed', async () => {
        const store = await open();
        const first = await store.beginEpoch();
        expect(await store.beginEpoch({ aboveEpoch: 7 })).toEqual({ ...first, epoch: 8 });
        expect(await store.beginEpoch({ aboveEpoch: 3 })).toEqual({ ...first, epoch: 9 });
      });

      it('begins another history, in which revisions go on, and takes nothing of the one before', async () => {
        const store = await open();
        const old = await commitNext(store, await store.beginEpoch(), { puts: [queue('a')] });
        const fresh = await store.beginEpoch({ lineage: 'another', aboveEpoch: 4 });
        expect(fresh).toEqual({ lineage: 'another', epoch: 5, revision: old.revision });
        await expect(commitNext(store, old, {})).rejects.toThrow(CommitRefused);
        const at = await commitNext(store, fresh, { puts: [queue('b')] });
        const again = await reopen(store);
        expect(await again.beginEpoch()).toEqual({ lineage: 'another', epoch: 6, revision: at.revision });
        expect((await everything(again)).map(({ key }) => key)).toEqual(['a', 'b']);
      });

      it('goes on where it was after a reopen, in the same lineage', async () => {
        const store = await open();
        let at = await store.beginEpoch();
        at = await commitNext(store, at, { puts: [queue('a')] });
        at = await commitNext(store, at, { puts: [queue('b')] });
        const again = await reopen(store);
        expect(await again.beginEpoch()).toEqual({ lineage: at.lineage, epoch: 2, revision: 2 });
        expect((await everything(again)).map(({ key }) => key)).toEqual(['a', 'b']);
      });

      it('counts commits that change no record', async () => {
        const store = await open();
        const at = await commitNext(store, await store.beginEpoch(), {});
        expect((await (await reopen(store)).beginEpoch()).revision).toBe(at.revision);
      });
    });

    describe('refusals', () => {
      it.each([
        { what: 'another lineage', wrong: { lineage: 'another' } },
        { what: 'an epoch that is over', wrong: { epoch: 1 } },
        { what: 'an epoch that never began', wrong: { epoch: 3 } },
        { what: 'the revision that is there', wrong: { revision: 1 } },
        { what: 'a revision too far', wrong: { revision: 3 } },
        { what: 'a revision of long ago', wrong: { revision: 0 } },
      ])('refuses $what, writes nothing of it, and takes the right one afterwards', async ({ wrong }) => {
        const store = await open();
        const before = await commitNext(store, await store.beginEpoch(), { puts: [queue('kept')] });
        const at = await store.beginEpoch();
        expect(at).toEqual({ ...before, epoch: 2 });
        const refused = following(at, {
          puts: [queue('new'), workload(1)],
          deletes: [{ collection: 'queues', key: 'kept' }],
          ...wrong,
        });
        await expect(store.commit(refused)).rejects.toBeInstanceOf(CommitRefused);
        expect((await everything(store)).map(({ key }) => key)).toEqual(['kept']);
        const next = await commitNext(store, at, { puts: [queue('right')] });
        const again = await reopen(store);
        expect((await everything(again)).map(({ key }) => key)).toEqual(['kept', 'right']);
        expect((await again.beginEpoch()).revision).toBe(next.revision);
      });

      it('says what it holds and what it was given', async () => {
        const store = await open();
        const at = await store.beginEpoch();
        await expect(store.commit({ ...following(at, {}), revision: 9 })).rejects.toThrow(/revision 0 .*revision 9 /s);
      });

      it('refuses a commit of the old term that was sent before the new one began and after', async () => {
        const store = await open();
        const old = await store.beginEpoch();
        const kept = await commitNext(store, old, { puts: [queue('old')] });
        await store.beginEpoch();
        await expect(store.commit(following(kept, { puts: [queue('late')] }))).rejects.toBeInstanceOf(CommitRefused);
        expect((await everything(store)).map(({ key }) => key)).toEqual(['old']);
      });
    });

    describe('commits', () => {
      it('puts, replaces and deletes in one step', async () => {
        const store = await open();
        let at = await commitNext(store, await store.beginEpoch(), { puts: [workload(1), workload(2), queue('q')] });
        at = await commitNext(store, at, {
          puts: [workload(2, { state: 'running' }), workload(3)],
          deletes: [
            { collection: 'workloads', key: workload(1).key },
            { collection: 'queues', key: 'q' },
            { collection: 'nodes', key: 'never-there' },
          ],
        });
        const expected = [workload(2, { state: 'running' }), workload(3)];
        expect(await everything(store)).toEqual(expected);
        expect(await everything(await reopen(store))).toEqual(expected);
      });

      it('keeps the same key of two collections apart', async () => {
        const store = await open();
        await commitNext(store, await store.beginEpoch(), { puts: [queue('same'), node('same')] });
        expect((await everything(store)).map(({ collection }) => collection).sort()).toEqual(['nodes', 'queues']);
      });

      it('does commits in the order they were sent, without waiting for each other', async () => {
        const store = await open();
        let at = await store.beginEpoch();
        const sent: Promise<void>[] = [];
        const acknowledged: number[] = [];
        for (let round = 0; round < 40; round += 1) {
          const commit = following(at, { puts: [workload(7, { attempt: round }), workload(100 + round)] });
          at = { ...at, revision: commit.revision };
          sent.push(store.commit(commit).then(() => void acknowledged.push(round)));
          // Some share a turn of the event loop, some do not.
          if (round % 5 === 4) await new Promise((resolve) => setImmediate(resolve));
        }
        await Promise.all(sent);
        expect(acknowledged).toEqual(Array.from({ length: 40 }, (_, round) => round));
        const found = await everything(await reopen(store));
        expect(found).toHaveLength(41);
        expect(found[0]).toEqual(workload(7, { attempt: 39 }));
      });

      it('refuses everything behind a commit that does not follow', async () => {
        const store = await open();
        const at = await store.beginEpoch();
        const answers = await Promise.allSettled([
          store.commit(following(at, { revision: 1, puts: [queue('one')] })),
          store.commit(following(at, { revision: 3, puts: [queue('three')] })),
          store.commit(following(at, { revision: 4, puts: [queue('four')] })),
          store.commit(following(at, { revision: 2, puts: [queue('two')] })),
        ]);
        expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
        expect((await everything(store)).map(({ key }) => key)).toEqual(['one', 'two']);
      });

      it('takes a commit of ten thousand records', async () => {
        const store = await open();
        const puts = Array.from({ length: 10_000 }, (_, number) => workload(number + 1));
        await commitNext(store, await store.beginEpoch(), { puts });
        expect(await everything(await reopen(store))).toEqual(puts);
      });
    });

    describe('load', () => {
      it('goes collection by collection, keys ascending', async () => {
        const store = await open();
        let at = await store.beginEpoch();
        for (const puts of [
          [workload(1000), queue('b'), workload(9)],
          [queue('a'), meta(1000), node('n2'), workload(10)],
          [node('n1'), queue('a/b'), workload(99)],
        ]) {
          at = await commitNext(store, at, { puts });
        }
        const loaded = await everything(store);
        const keysOf = (collection: string) =>
          loaded.filter((record) => record.collection === collection).map(({ key }) => key);
        expect(loaded.map(({ collection }) => collection)).toEqual(grouped(loaded));
        expect(keysOf('queues')).toEqual(['a', 'a/b', 'b']);
        expect(keysOf('nodes')).toEqual(['n1', 'n2']);
        expect(keysOf('workloads')).toEqual([9, 10, 99, 1000].map((number) => workload(number).key));
        expect(keysOf('meta')).toEqual(['cluster']);
      });

      it('shows one moment, whatever is committed meanwhile', async () => {
        const store = await open();
        let at = await store.beginEpoch();
        at = await commitNext(store, at, { puts: [workload(1), workload(2), workload(3)] });
        const seen: StoredRecord[] = [];
        for await (const record of store.load()) {
          seen.push(record);
          if (seen.length === 1) {
            const deletes = [{ collection: 'workloads', key: workload(2).key }] as const;
            at = await commitNext(store, at, { puts: [workload(3, { attempt: 5 }), workload(4)], deletes });
          }
        }
        expect(seen).toEqual([workload(1), workload(2), workload(3)]);
        expect(await everything(store)).toEqual([workload(1), workload(3, { attempt: 5 }), workload(4)]);
      });

      it('can be left halfway', async () => {
        const store = await open();
        const at = await commitNext(store, await store.beginEpoch(), { puts: [workload(1), workload(2)] });
        for await (const { key } of store.load()) {
          expect(key).toBe(workload(1).key);
          break;
        }
        await commitNext(store, at, { puts: [workload(3)] });
        expect(await everything(store)).toHaveLength(3);
      });

      it('gives back every value as it was put, whatever is in it', async () => {
        const store = await open();
        let at = await store.beginEpoch();
        const text = fc.string({ unit: 'grapheme', maxLength: 40 });
        const label = fc
          .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 })
          .filter((name) => name !== '__proto__');
        const values = fc.record({
          name: fc.uuid(),
          labels: fc.dictionary(label, text, { noNullPrototype: true }),
          message: text,
          // A time is finite.
          lostGpuMs: fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Object.is(number, -0)),
          submittedMs: fc.oneof(fc.maxSafeInteger(), fc.integer(), fc.constant(0)),
        });
        const put: StoredRecord[] = [];
        await fc.assert(
          fc.asyncProperty(values, async ({ name, labels, message, lostGpuMs, submittedMs }) => {
            const records = [node(name, labels), workload(put.length, { message, lostGpuMs, submittedMs })];
            at = await commitNext(store, at, { puts: records });
            put.push(...records);
          }),
          { numRuns: 300 },
        );
        const again = await reopen(store);
        const found = new Map(
          (await everything(again)).map((record) => [`${record.collection}/${record.key}`, record]),
        );
        for (const record of put) expect(found.get(`${record.collection}/${record.key}`)).toEqual(record);
      });
    });
  });
}

/** The law of the crash: everything acknowledged is there, at most one commit more, and no commit in part. */
export function describeCrashes(name: string, makePlace: () => Promise<CrashablePlace>): void {
  describe(`the store contract under kill -9: ${name}`, () => {
    let place: CrashablePlace;
    beforeEach(async () => {
      place = await makePlace();
    });
    afterEach(async () => {
      await place.remove();
    });

    it.each([
      { when: 'before the first commit', width: 1, kills: 3, afterAcks: 0 },
      { when: 'during and after small commits', width: 1, kills: 12, afterAcks: 23 },
      { when: 'during large commits', width: 700, kills: 6, afterAcks: 3 },
    ])('keeps what it acknowledged when killed $when', async ({ width, kills, afterAcks }) => {
      let known = 0;
      for (let kill = 1; kill <= kills; kill += 1) {
        // The kill falls at another moment of the commit each time, because the number of acknowledgements differs.
        const lines = afterAcks === 0 ? 0 : afterAcks + kill;
        const acknowledged = Math.max(known, await killAfter(place.startCommitter(width), lines));
        const store = await place.open();
        const { epoch, revision } = await store.beginEpoch();
        const records = await everything(store);
        await store.close();
        // The committer began one epoch, we another.
        expect(epoch).toBe(2 * kill);
        expect(acknowledged).toBeGreaterThanOrEqual(known + lines);
        expect(revision).toBeGreaterThanOrEqual(acknowledged);
        expect(revision).toBeLessThanOrEqual(acknowledged + 1);
        expect(records.map(({ key }) => key)).toEqual(keysAt(revision, width));
        known = revision;
      }
    });
  });
}

/** Crashes at chosen points, reads during a flush, a history that is lost: what every store owes whoever builds on it. */
export function describeFaults(name: string, makePlace: () => Promise<FaultyPlace>): void {
  describe(`the store contract under faults: ${name}`, () => {
    let place: FaultyPlace;
    beforeEach(async () => {
      place = await makePlace();
    });
    afterEach(async () => {
      await place.remove();
    });

    it.each([
      { point: 'before', outcome: 'the commit is not there', adds: [0] },
      { point: 'writing', outcome: 'the commit is there whole or not at all', adds: [0, 1] },
      { point: 'flushing', outcome: 'the commit is there whole or not at all', adds: [0, 1] },
      // The committer had its answer for one more than was counted before.
      { point: 'after', outcome: 'the commit is there', adds: [0] },
    ] as const)(
      'after a crash $point the commit: $outcome; the dead term writes nothing more',
      async ({ point, adds }) => {
        let known = 0;
        for (const [nth, width] of [1, 25, 300].entries()) {
          const { epoch, acknowledged } = await place.crashAt(point, { commits: 3, width }, nth);
          const store = await place.open();
          const at = await store.beginEpoch();
          expect(at.epoch).toBe(epoch + 1);
          expect(adds.map((more) => acknowledged + more)).toContain(at.revision);
          expect(acknowledged).toBeGreaterThanOrEqual(known + 3);
          const dead = following({ ...at, epoch }, { puts: [queue('from the dead')] });
          await expect(store.commit(dead)).rejects.toBeInstanceOf(CommitRefused);
          const records = await everything(store);
          const deletes = records.map(({ collection, key }) => ({ collection, key }));
          // Whole: of the last commit all workloads are there, of the one before all but the one it deleted.
          const keys = new Set(records.map(({ key }) => key));
          const last = Array.from({ length: width }, (_, index) => workload(at.revision * width + index).key);
          if (at.revision > known) expect(last.filter((key) => !keys.has(key))).toEqual([]);
          const next = await commitNext(store, at, { deletes });
          known = next.revision;
          await store.close();
        }
      },
    );

    it('shows no read what is not flushed yet', async () => {
      const looks = await place.readWhileFlushing();
      const early = looks.filter(({ isFlushed }) => !isFlushed);
      // Otherwise nothing was shown: the flush was over before the first look.
      expect(early.length).toBeGreaterThan(0);
      expect(early.flatMap(({ keys }) => keys)).toEqual([]);
      expect(looks.at(-1)).toEqual({ isFlushed: true, keys: [workload(1).key] });
    });

    it('that lost a part of its history says where it stands, and takes nothing that builds on what is lost', async () => {
      const store = await place.open();
      let at = await commitNext(store, await store.beginEpoch(), { puts: [queue('kept')] });
      await store.close();
      const putBack = await place.remember();
      const later = await place.open();
      at = await commitNext(later, await later.beginEpoch(), { puts: [queue('lost'), queue('gone')] });
      at = await commitNext(later, at, { deletes: [{ collection: 'queues', key: 'kept' }] });
      await later.close();
      await putBack();
      const again = await place.open();
      // The same number as the term that is lost: only who led it tells them apart, which is why agents remember that too.
      const now = await again.beginEpoch({ aboveEpoch: at.epoch, lineage: 'another' });
      expect(now).toEqual({ lineage: 'another', epoch: at.epoch + 1, revision: at.revision - 2 });
      expect((await everything(again)).map(({ key }) => key)).toEqual(['kept']);
      for (const lost of [following(at, {}), following({ ...at, lineage: 'another' }, {})]) {
        await expect(again.commit(lost)).rejects.toBeInstanceOf(CommitRefused);
      }
      await commitNext(again, now, { puts: [queue('new')] });
      await again.close();
    });
  });
}

/** The keys of the workloads there are after a committer's commits 1 to `revision`. */
function keysAt(revision: number, width: number): readonly string[] {
  const keys: string[] = [];
  for (let commit = 1; commit <= revision; commit += 1) {
    for (let index = 0; index < width; index += 1) {
      const deletedByTheNext = index === 0 && commit < revision;
      if (!deletedByTheNext) keys.push(workload(commit * width + index).key);
    }
  }
  return keys;
}

/** @returns the last revision that the process acknowledged before it was dead */
async function killAfter(child: ChildProcess, lines: number): Promise<number> {
  if (child.stdout === null) throw new Error('the committer needs a pipe as stdout');
  const exited = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('exit', (_code, signal) => resolve(signal)),
  );
  let acknowledged = 0;
  let seen = 0;
  // Ends when the pipe ends, which is after the last line that came out.
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('epoch')) {
      acknowledged = Number(line);
      seen += 1;
    }
    if (seen >= lines) child.kill('SIGKILL');
  }
  expect(await exited).toBe('SIGKILL');
  return acknowledged;
}

/** The order of collections if each came in one stretch. */
function grouped(records: readonly StoredRecord[]): readonly string[] {
  const names = [...new Set(records.map(({ collection }) => collection))];
  return names.flatMap((name) =>
    records.map(({ collection }) => collection).filter((collection) => collection === name),
  );
}

// Watching: everything once, changes in order, no more in memory than the client can take, and a revision to go on from.
import { describe, expect, test } from 'vitest';
import type { RecordChange } from '../../scheduler/model/records.js';
import type { Sender } from '../../scheduler/api/handlers.js';
import { serveWatch } from '../../scheduler/api/watching.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { WatchHub } from '../../scheduler/control/watch-hub.js';
import { deferred } from '../../common/deferred.js';
import { loopOn, queue } from '../control/loop-on.js';
import { submission } from '../control/workshop.js';

type Message = { revision: number; number?: number; caughtUp?: true };

/** A client that reads when the test says so. */
class Reader implements Sender<Message> {
  readonly got: Message[] = [];
  readonly leaving = new AbortController();
  readonly closed = this.leaving.signal;
  mostBuffered = 0;
  #buffered = 0;
  #drain = deferred();

  send(message: Message): boolean {
    this.#buffered += 1;
    this.mostBuffered = Math.max(this.mostBuffered, this.#buffered);
    this.got.push(message);
    return true;
  }
  drained(): Promise<void> {
    return this.#drain.promise;
  }
  read(): void {
    this.#buffered = 0;
    const drained = this.#drain;
    this.#drain = deferred();
    drained.resolve();
  }
}

const numbers = (changes: readonly RecordChange[]) =>
  changes.flatMap((change) => (change.collection === 'workloads' && change.after ? [change.after.number] : []));

async function watching(count: number) {
  const { loop } = await loopOn();
  const hub = new WatchHub(loop.position.revision);
  loop.onCommitted((committed) => hub.publish(committed));
  await loop.execute(queue('research'));
  const add = (many: number) => loop.execute(submit(submission(Array.from({ length: many }, () => ({})))));
  if (count > 0) await add(count);
  const reader = new Reader();
  const watch = (afterRevision: number | null) =>
    serveWatch(
      { loop, hub },
      {
        afterRevision,
        present: (state) => [...state.workloads.values()].map(({ number }) => number),
        touched: numbers,
        message: (number) => ({ number }),
      },
      reader,
    );
  return { loop, hub, add, reader, watch };
}

async function readUntil(reader: Reader, holds: () => boolean): Promise<void> {
  await expect.poll(() => (reader.read(), holds())).toBe(true);
}

describe('a watcher', () => {
  test('that reads slowly gets a long list in pieces, and then what changed meanwhile', async () => {
    const { reader, watch, add, hub } = await watching(1_000);
    const served = watch(null);
    await expect.poll(() => reader.got.length).toBeGreaterThan(0);
    await add(1);
    await readUntil(reader, () => reader.got.some(({ number }) => number === 1_001));
    expect(reader.mostBuffered).toBeLessThanOrEqual(202);
    expect(reader.got.flatMap(({ number }) => number ?? [])).toHaveLength(1_001);
    expect(reader.got.filter(({ caughtUp }) => caughtUp)).toHaveLength(1);
    expect(hub.watchers).toBe(1);
    reader.leaving.abort();
    reader.read();
    await served;
    expect(hub.watchers).toBe(0);
  });

  test('whose connection breaks in the middle of a commit misses nothing when it goes on', async () => {
    const { reader, watch, add, loop } = await watching(0);
    const begun = loop.position.revision;
    const served = watch(null);
    await readUntil(reader, () => reader.got.length === 1);
    await add(3);
    await readUntil(reader, () => reader.got.length === 4);
    expect(reader.got.map(({ revision }) => revision)).toEqual([begun, begun, begun, begun + 1]);
    reader.leaving.abort();
    reader.read();
    await served;
  });

  test('of a revision that is not there is refused and leaves nothing behind', async () => {
    const { watch, hub } = await watching(0);
    await expect(watch(99)).rejects.toMatchObject({ reason: 'WATCH_COMPACTED' });
    expect(hub.watchers).toBe(0);
  });
});

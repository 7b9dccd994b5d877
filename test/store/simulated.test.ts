// The simulated store keeps the promises that every store keeps, and loses at a crash what it may lose.
import { describe, expect, it } from 'vitest';
import { SimDisk, SimStore } from '../../simulator/faults/store.js';
import { Random } from '../../simulator/random.js';
import { StoreFailure } from '../../scheduler/store/state-store.js';
import { describeContract } from './contract.js';
import { commitNext, everything, following, queue } from './samples.js';

const AT_ONCE = { nextFlushMs: () => 0, after: (_ms: number, callback: () => void) => void setImmediate(callback) };

describeContract('simulated', () => {
  const disk = new SimDisk('lineage');
  return Promise.resolve({
    open: () => Promise.resolve(new SimStore(disk, AT_ONCE, new Random(1))),
    remove: () => Promise.resolve(),
  });
});

/** A store whose flushes the test lets happen. */
function held(seed = 1) {
  const disk = new SimDisk('lineage');
  const flushes: (() => void)[] = [];
  const random = new Random(seed);
  const timing = { nextFlushMs: () => 1, after: (_ms: number, callback: () => void) => void flushes.push(callback) };
  const open = () => new SimStore(disk, timing, random);
  return { disk, random, open, flush: () => flushes.shift()?.() };
}

async function begun(seed = 1) {
  const one = held(seed);
  const store = one.open();
  const beginning = store.beginEpoch();
  one.flush();
  return { ...one, store, at: await beginning };
}

describe('a simulated crash', () => {
  it('keeps any number of the first commits that were not flushed, whole, and no other', async () => {
    const kept = new Set<string>();
    for (let seed = 0; seed < 40; seed += 1) {
      const { disk, random, store, at } = await begun(seed);
      for (const [index, name] of ['a', 'b', 'c'].entries()) {
        void store.commit(
          following({ ...at, revision: at.revision + index }, { puts: [queue(name), queue(`${name}2`)] }),
        );
      }
      disk.crash(random);
      const names = [...(disk.image.tables.get('queues')?.keys() ?? [])];
      expect(['', 'a,a2', 'a,a2,b,b2', 'a,a2,b,b2,c,c2']).toContain(names.join(','));
      kept.add(names.join(','));
    }
    expect(kept.size).toBe(4);
  });

  it('keeps everything that was acknowledged', async () => {
    const { disk, random, store, at, flush } = await begun();
    const acknowledged = commitNext(store, at, { puts: [queue('a')] });
    flush();
    await acknowledged;
    disk.crash(random);
    expect([...(disk.image.tables.get('queues')?.keys() ?? [])]).toEqual(['a']);
  });

  it('after a failed flush nobody may write any more, and what was written may be there or not', async () => {
    const outcomes = new Set<number>();
    for (let seed = 0; seed < 20; seed += 1) {
      const { disk, store, at, flush, open } = await begun(seed);
      disk.failsNext = true;
      const commit = store.commit(following(at, { puts: [queue('a')] }));
      flush();
      await expect(commit).rejects.toThrow(StoreFailure);
      await expect(store.commit(following(disk.head, {}))).rejects.toThrow(StoreFailure);
      outcomes.add((await everything(open())).length);
    }
    expect(outcomes).toEqual(new Set([0, 1]));
  });
});

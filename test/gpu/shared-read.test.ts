// Reads that do not pile up.
import { describe, expect, it } from 'vitest';
import { SharedRead } from '../../node-agent/gpu/shared-read.js';

/** Reads that the test ends one by one; each gives its number. */
function manualReads() {
  const ends: (() => void)[] = [];
  let running = 0;
  let mostAtOnce = 0;
  const read = () =>
    new Promise<number>((resolve) => {
      const number = ends.length;
      running += 1;
      mostAtOnce = Math.max(mostAtOnce, running);
      ends.push(() => {
        running -= 1;
        resolve(number);
      });
    });
  const end = async (number: number) => {
    ends[number]?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { read, end, begun: () => ends.length, mostAtOnce: () => mostAtOnce };
}

describe('a shared read', () => {
  it('begins at once, and those who ask meanwhile share the next one', async () => {
    const reads = manualReads();
    const shared = new SharedRead(reads.read);
    const first = shared.ask();
    const others = [shared.ask(), shared.ask(), shared.ask()];
    expect(reads.begun()).toBe(1);
    await reads.end(0);
    expect(await first).toBe(0);
    expect(reads.begun()).toBe(2);
    const late = shared.ask();
    await reads.end(1);
    expect(await Promise.all(others)).toEqual([1, 1, 1]);
    await reads.end(2);
    expect(await late).toBe(2);
    const alone = shared.ask();
    await reads.end(3);
    expect(await alone).toBe(3);
    expect(reads.mostAtOnce()).toBe(1);
  });

  it('stays alone when somebody asks in the moment between two reads', async () => {
    const reads = manualReads();
    const shared = new SharedRead(reads.read);
    const between = shared.ask().then(() => shared.ask());
    const next = shared.ask();
    await reads.end(0);
    await reads.end(1);
    await reads.end(2);
    expect(await next).toBe(1);
    expect(await between).toBeLessThanOrEqual(2);
    expect(reads.mostAtOnce()).toBe(1);
  });
});

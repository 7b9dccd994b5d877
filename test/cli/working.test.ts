// A wait that takes longer than a second is told of at a terminal, and leaves nothing behind; nobody else gets a byte.
import { describe, expect, test } from 'vitest';
import { working } from '../../cli/working.js';
import { deferred } from '../../common/deferred.js';
import { ManualClock } from '../gpu/manual-clock.js';

function screen(isTTY: boolean) {
  const written: string[] = [];
  const stream = { isTTY, write: (text: string | Uint8Array) => written.push(String(text)) > 0 };
  return { written, stream: stream as unknown as Parameters<typeof working>[0] };
}

describe('a wait', () => {
  test('that is short is not told of', async () => {
    const { written, stream } = screen(true);
    expect(await working(stream, new ManualClock(), () => 'x', Promise.resolve(7))).toBe(7);
    expect(written).toEqual([]);
  });

  test('is told of each second with what it does then, and the line goes with its end, be it a failure', async () => {
    const { written, stream } = screen(true);
    const clock = new ManualClock();
    const wait = deferred<number>();
    let bytes = 0;
    const over = working(stream, clock, () => `${bytes} B`, wait.promise);
    await clock.advance(999);
    expect(written).toEqual([]);
    await clock.advance(1);
    bytes = 5;
    await clock.advance(1_000);
    expect(written).toEqual(['\r\u001b[K0 B (1 s)', '\r\u001b[K5 B (2 s)']);
    wait.reject(new Error('no'));
    await expect(over).rejects.toThrow('no');
    expect(written.at(-1)).toBe('\r\u001b[K');
    expect(clock.waiting).toBe(0);
  });

  test('is told nobody where the output is piped', async () => {
    const { written, stream } = screen(false);
    const clock = new ManualClock();
    const wait = deferred<number>();
    const over = working(stream, clock, () => 'x', wait.promise);
    await clock.advance(5_000);
    wait.resolve(1);
    await over;
    expect(written).toEqual([]);
  });
});

// The last lines of several logs together.
import { describe, expect, test } from 'vitest';
import type { LogPiece } from '../../cli/client.js';
import type { MergedPiece } from '../../cli/log-merge.js';
import { lastLines } from '../../cli/log-tail.js';

/** Pieces as they are merged: of which log, and what it says. */
async function* merged(...said: readonly (readonly [log: number, text: string])[]): AsyncGenerator<MergedPiece> {
  const offsets = [0, 0];
  for (const [log, text] of said) {
    const offset = offsets[log] ?? 0;
    offsets[log] = offset + text.length;
    const piece: LogPiece = {
      data: Buffer.from(text),
      attempt: 1,
      allocation: `a${log}`,
      begins: offset === 0,
      offset,
      times: [],
    };
    yield { log, piece };
  }
}

async function tail(count: number, goesOn: boolean, ...said: readonly (readonly [number, string])[]) {
  const { lines, ends } = await lastLines(merged(...said), count, 2, goesOn);
  return {
    text: lines.map(({ piece }) => piece.data.toString()).join(''),
    ends: ends.map((end) => end?.offset ?? null),
  };
}

describe('a tail of two logs', () => {
  const said = [
    [0, 'o1\no2\n'],
    [1, 'e1\n'],
    [0, 'o3\n'],
    [1, 'e2\ne3'],
  ] as const;

  test.each([
    [1, 'e3'],
    [2, 'e2\ne3'],
    [4, 'e1\no3\ne2\ne3'],
    [99, 'o1\no2\ne1\no3\ne2\ne3'],
  ])('of %i lines has as many in all, the last one whether or not it has ended', async (count, text) => {
    expect((await tail(count, false, ...said)).text).toBe(text);
  });

  test('that is gone on from leaves a line that has not ended to what follows', async () => {
    expect(await tail(2, true, ...said)).toEqual({ text: 'o3\ne2\n', ends: [9, 6] });
  });

  test('puts lines together that came in parts', async () => {
    expect((await tail(2, false, [0, 'o'], [1, 'e1\n'], [0, '1\no'], [0, '2\n'])).text).toBe('o1\no2\n');
  });

  test('keeps its place in a log that says nothing', async () => {
    expect(await tail(2, true, [0, ''])).toEqual({ text: '', ends: [0, null] });
  });

  test('of many lines keeps no more than it needs', async () => {
    const many = Array.from({ length: 1_000 }, (_, at) => [0, `${at}\n`] as const);
    expect((await tail(2, false, ...many)).text).toBe('998\n999\n');
  });
});

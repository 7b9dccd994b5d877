// The order of lines of two logs: by the time that is noted, without waiting for a log that says nothing.
import { describe, expect, it } from 'vitest';
import { toTimestamp } from '../../common/units.js';
import type { LogPiece } from '../../cli/client.js';
import { mergeLogs } from '../../cli/log-merge.js';

/** A piece of one log: texts, each with the time at which it was written. */
function piece(...parts: readonly (readonly [text: string, timeMs: number])[]): LogPiece {
  let offset = 100;
  const times = parts.map(([text, timeMs]) => {
    const time = { offset, time: toTimestamp(timeMs) } as LogPiece['times'][number];
    offset += text.length;
    return time;
  });
  const data = Buffer.from(parts.map(([text]) => text).join(''));
  return { data, attempt: 1, allocation: 'a', begins: false, offset: 100, times };
}

async function* log(...pieces: readonly LogPiece[]): AsyncGenerator<LogPiece> {
  yield* pieces;
}

/** Never says anything. */
async function* silent(ended: () => void): AsyncGenerator<LogPiece> {
  try {
    await new Promise(() => undefined);
  } finally {
    ended();
  }
  yield piece();
}

const never = { after: () => ({ cancel: () => undefined }) };
const impatient = { after: (_ms: number, then: () => void) => (queueMicrotask(then), { cancel: () => undefined }) };

describe('two logs', () => {
  it('are put in order inside their pieces, and those of equal times begin with the first', async () => {
    const out = log(piece(['o1 ', 1_000], ['o2 ', 3_000]), piece(['o3 ', 4_000]));
    const errors = log(piece(['e1 ', 2_000], ['e2 ', 3_000], ['e3 ', 5_000]));
    let text = '';
    for await (const { piece: one } of mergeLogs([out, errors], never, null)) text += one.data.toString();
    expect(text).toBe('o1 e1 o2 e2 o3 e3 ');
  });

  it('of which one is silent wait for it no longer than that', async () => {
    const merged = mergeLogs([log(piece(['o1 ', 1_000])), silent(() => undefined)], impatient, 100);
    expect((await merged.next()).value).toMatchObject({ log: 0, piece: { data: Buffer.from('o1 ') } });
  });

  it('fail as the one that fails', async () => {
    async function* broken(): AsyncGenerator<LogPiece> {
      yield piece(['e1 ', 1_000]);
      throw new Error('gone');
    }
    const read = async () => {
      for await (const one of mergeLogs([log(piece(['o1 ', 2_000])), broken()], never, null)) void one;
    };
    await expect(read()).rejects.toThrow('gone');
  });
});

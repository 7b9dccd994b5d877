// Lines out of the pieces of a log: whatever the pieces, each line once, with what was asked for before it.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogLines, MAX_LINE_BYTES } from '../../cli/log-lines.js';

const PLAIN = { prefix: '', timestamps: false, pattern: null };
const at = (ms: number) => ({ seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1e6 });

/** Feeds a log in pieces of the given sizes. */
function feed(
  lines: LogLines,
  log: Buffer,
  sizes: readonly number[],
  times: { offset: number; timeMs: number }[] = [],
) {
  let out = '';
  let offset = 0;
  const cuts = [...sizes, log.length];
  for (const size of cuts) {
    const data = log.subarray(offset, offset + size);
    const told = times.map((one) => ({ offset: one.offset, time: at(one.timeMs) }));
    out += lines.take({ data, offset, times: told }).toString();
    offset += data.length;
  }
  return out + lines.finish().toString();
}

describe('the lines of a log', () => {
  it('are the same whatever the pieces it comes in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-zü]{0,12}$/)),
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 30 }),
        (texts, isFinished, sizes) => {
          const log = Buffer.from(texts.join('\n') + (isFinished && texts.length > 0 ? '\n' : ''));
          const whole = log.toString().replace(/\n$/, '');
          const expected =
            log.length === 0
              ? ''
              : whole
                  .split('\n')
                  .map((line) => `[7] ${line}\n`)
                  .join('');
          expect(feed(new LogLines({ ...PLAIN, prefix: '[7] ' }), log, sizes)).toBe(expected);
        },
      ),
    );
  });

  it('are those in which the pattern is found', () => {
    const lines = new LogLines({ ...PLAIN, pattern: /lo+s/ });
    expect(feed(lines, Buffer.from('step 1\nloss 2\nlooos\n'), [3, 6])).toBe('loss 2\nlooos\n');
  });

  it('have the time of their first byte', () => {
    const lines = new LogLines({ ...PLAIN, prefix: '[0] ', timestamps: true });
    const times = [
      { offset: 0, timeMs: 1_000 },
      { offset: 6, timeMs: 2_500 },
    ];
    const out = feed(lines, Buffer.from('one\ntwo\nthree\n'), [], times);
    expect(out).toBe(
      '[0] 1970-01-01T00:00:01.000Z one\n[0] 1970-01-01T00:00:01.000Z two\n[0] 1970-01-01T00:00:02.500Z three\n',
    );
  });

  it('are cut when one does not end, and what is held back is told', () => {
    const lines = new LogLines(PLAIN);
    const half = Buffer.alloc(MAX_LINE_BYTES - 1, 'x');
    expect(lines.take({ data: half, offset: 0, times: [] })).toHaveLength(0);
    expect(lines.pendingBytes).toBe(half.length);
    expect(lines.take({ data: Buffer.from('xx'), offset: half.length, times: [] })).toHaveLength(MAX_LINE_BYTES + 2);
    expect(lines.pendingBytes).toBe(0);
  });
});

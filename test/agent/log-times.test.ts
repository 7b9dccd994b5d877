// When what of a log was written: noted as it grows, found again by offset and by time.
import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LogTimesWriter, offsetSince, timesBetween } from '../../node-agent/runtime/log-times.js';
import { TaskLogs } from '../../node-agent/runtime/task-logs.js';

let dir: string;
let log: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'sluice-times-'));
  log = path.join(dir, 'log');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const NOW_MS = 1_000_000;

test('every byte has the time of the first look that saw it, and since finds the first that is not older', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ bytes: fc.nat(5), passMs: fc.nat(1_000) }), { maxLength: 30 }),
      fc.nat(5),
      fc.nat(60),
      fc.nat(20),
      fc.nat(10_000),
      (looks, unseen, from, length, sinceMs) => {
        for (const file of [log, `${log}.times`]) rmSync(file, { force: true });
        const writer = new LogTimesWriter(log);
        writeFileSync(log, '');
        const byteMs: number[] = [];
        let timeMs = 0;
        for (const { bytes, passMs } of looks) {
          timeMs += passMs;
          appendFileSync(log, 'x'.repeat(bytes));
          for (let each = 0; each < bytes; each += 1) byteMs.push(timeMs);
          writer.note(timeMs);
        }
        const noted = byteMs.length;
        for (let each = 0; each < unseen; each += 1) byteMs.push(NOW_MS);
        const to = Math.min(byteMs.length, from + length);
        if (from < to) {
          const times = timesBetween(log, from, to, NOW_MS);
          expect(times[0]?.offset).toBe(from);
          const told = byteMs
            .slice(from, to)
            .map((_, at) => times.findLast(({ offset }) => offset <= from + at)?.timeMs);
          expect(told).toEqual(byteMs.slice(from, to));
        }
        const first = byteMs.findIndex((at) => at >= sinceMs);
        expect(offsetSince(log, sinceMs)).toBe(first < 0 ? noted : first);
      },
    ),
    { numRuns: 200 },
  );
});

test('times never go back, whatever is done to the clock', () => {
  const writer = new LogTimesWriter(log);
  for (const timeMs of [5_000, 1_000, 6_000]) {
    appendFileSync(log, 'line\n');
    writer.note(timeMs);
  }
  expect(timesBetween(log, 0, 15, NOW_MS).map((one) => one.timeMs)).toEqual([5_000, 5_000, 6_000]);
});

test('a log of many looks keeps a bounded number of notes, the newest exactly', () => {
  const writer = new LogTimesWriter(log, 64);
  for (let timeMs = 1; timeMs <= 1_000; timeMs += 1) {
    appendFileSync(log, 'x');
    writer.note(timeMs);
    expect(statSync(`${log}.times`).size).toBeLessThanOrEqual(64 * 16);
  }
  expect(timesBetween(log, 999, 1_000, NOW_MS)).toEqual([{ offset: 999, timeMs: 1_000 }]);
  // What is no longer noted counts as written by the next look that is.
  const [first] = timesBetween(log, 0, 1, NOW_MS);
  expect(first?.timeMs).toBeGreaterThanOrEqual(1);
  expect(offsetSince(log, 0)).toBe(0);
});

test('a piece tells its times only when asked, and begins where the time asked for does', async () => {
  const writer = new LogTimesWriter(log);
  for (const [text, timeMs] of [
    ['old\n', 1_000],
    ['new\n', 2_000],
  ] as const) {
    appendFileSync(log, text);
    writer.note(timeMs);
  }
  const logs = new TaskLogs(() => false);
  const read = (more: object) =>
    logs.read('a', log, { offset: 0, maxBytes: 100, wait: false, ...more }, new AbortController().signal);
  expect(await read({})).toEqual({ offset: 0, data: Buffer.from('old\nnew\n'), end: true });
  expect((await read({ times: true })).times).toEqual([
    { offset: 0, timeMs: 1_000 },
    { offset: 4, timeMs: 2_000 },
  ]);
  expect(await read({ sinceMs: 1_500 })).toMatchObject({ offset: 4, data: Buffer.from('new\n') });
  expect(await read({ sinceMs: 2_500 })).toMatchObject({ offset: 8, end: true });
});

test('a read that waits is over when it is cancelled', async () => {
  writeFileSync(log, 'a\n');
  const logs = new TaskLogs(() => true);
  const cancelled = new AbortController();
  const waiting = logs.read('a', log, { offset: 2, maxBytes: 10, wait: true }, cancelled.signal);
  cancelled.abort();
  expect(await waiting).toMatchObject({ offset: 2, end: false });
});

test('a read that waits goes on when another one of the same log has what it waited for', async () => {
  writeFileSync(log, '01234');
  const logs = new TaskLogs(() => true);
  const read = (offset: number) =>
    logs.read('a', log, { offset, maxBytes: 10, wait: true }, new AbortController().signal);
  // The second one is further, as after a crash of the machine that took the end of the log.
  const [near, far] = [read(5), read(8)];
  appendFileSync(log, '56');
  expect(await near).toMatchObject({ offset: 5, data: Buffer.from('56') });
  appendFileSync(log, '789');
  expect(await far).toMatchObject({ offset: 8, data: Buffer.from('89') });
});

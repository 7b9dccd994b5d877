// How the demo talks to a person: numbered steps, queue bars, short tables. Colour only on a terminal.
import { formatDuration } from '../../common/units.js';
import type { Queue__Output } from '../../proto/gen/sluice/v1/Queue.js';

const isTerminal = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const paint = (code: string) => (text: string) => (isTerminal ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = paint('1');
export const dim = paint('2');
export const green = paint('32');
export const red = paint('31');

/** Prints a line, indented under its step. */
export function say(text = ''): void {
  for (const line of text.split('\n')) process.stdout.write(line === '' ? '\n' : `      ${line}\n`);
}

/** Prints the title of a step. */
export function title(step: number, steps: number, text: string): void {
  process.stdout.write(`\n${bold(`[${step}/${steps}] ${text}`)}\n`);
}

/** One bar a queue: `#` held within the guarantee, `+` borrowed, `-` guaranteed but not held, `.` free to borrow up to its limit. */
export function queueBars(queues: readonly Queue__Output[], capacity: number): string {
  const width = Math.max(...queues.map(({ spec }) => spec?.name.length ?? 0));
  return queues
    .map(({ spec, use }) => {
      const held = use?.allocatedGpus ?? 0;
      const guarantee = spec?.guaranteeGpus ?? 0;
      const limit = spec?._limitGpus === 'limitGpus' ? (spec.limitGpus ?? 0) : capacity;
      const cells = Array.from({ length: Math.min(limit, capacity) }, (_, index) => {
        if (index < held) return index < guarantee ? '#' : '+';
        return index < guarantee ? '-' : '.';
      });
      const borrowed = use?.borrowedGpus ?? 0;
      const words = `holds ${held}, guaranteed ${guarantee}` + (borrowed > 0 ? `, borrowed ${borrowed}` : '');
      return `${(spec?.name ?? '').padEnd(width)}  [${cells.join('').padEnd(capacity)}]  ${words}`;
    })
    .join('\n');
}

/** Columns under headings, left aligned. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

/** `p50 1.2 ms, p99 3.4 ms, longest 5.6 ms` of measured spans. */
export function latencies(spansMs: readonly number[]): string {
  const sorted = spansMs.toSorted((a, b) => a - b);
  const at = (share: number): string => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return value < 10 ? `${value.toFixed(1)} ms` : formatDuration(value);
  };
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, longest ${at(1)}`;
}

// Conversions between our numbers (milliseconds, MiB), the protocol's time messages, and what people write and read.
import type { Duration } from '../proto/gen/google/protobuf/Duration.js';
import type { Timestamp } from '../proto/gen/google/protobuf/Timestamp.js';

/** Milliseconds since 1970 as a protobuf Timestamp; null stays absent. */
export function toTimestamp(ms: number | null): Timestamp | null {
  if (ms === null) return null;
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** A protobuf Timestamp as milliseconds since 1970; absent is null. */
export function fromTimestamp(time: Timestamp | null | undefined): number | null {
  return time ? Number(time.seconds ?? 0) * 1000 + (time.nanos ?? 0) / 1e6 : null;
}

/** Milliseconds as a protobuf Duration; null stays absent. */
export function toDuration(ms: number | null): Duration | null {
  if (ms === null) return null;
  // Both parts have the same sign (duration.proto).
  const seconds = Math.trunc(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

/** A protobuf Duration as milliseconds; absent is null. */
export function fromDuration(duration: Duration | null | undefined): number | null {
  return fromTimestamp(duration);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a duration as people write it: `90s`, `15m`, `1h30m`, `2d`, `250ms`, or a bare number of seconds.
 * @returns milliseconds, or null when it is none
 */
export function parseDurationMs(text: string): number | null {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$/.test(text)) return null;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (UNIT_MS[unit as string] as number);
  }
  return total;
}

/** A span for people: `850ms`, `4.2s`, `47s`, `3m20s`, `1h05m`, `2d03h`. */
export function formatDuration(ms: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${two(seconds % 60)}s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours}h${two(minutes % 60)}m` : `${Math.floor(hours / 24)}d${two(hours % 24)}h`;
}

/** `1 GPU`, `3 GPUs`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

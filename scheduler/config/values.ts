// What a setting may be: each function checks one kind of value, as people write it, and makes it what the daemon works with.
import { z } from 'zod';
import { formatDuration, parseDurationMs } from '../../common/units.js';

/** Where to listen. Port 0 = a free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export function text() {
  return z.string('needs a value').min(1, 'needs a value');
}

/** Null and nothing both mean: none. */
export function file() {
  return z
    .string()
    .nullable()
    .transform((given) => (given === null || given === '' ? null : given));
}

export function address() {
  return text().transform((given, context): Address => {
    const parsed = parseAddress(given);
    if (parsed !== null) return parsed;
    context.addIssue({ code: 'custom', message: `"${given}" is not HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443` });
    return z.NEVER;
  });
}

export function addressOrOff() {
  return text().transform((given, context): Address | null => {
    const parsed = given === 'off' ? null : parseAddress(given);
    if (parsed !== null || given === 'off') return parsed;
    context.addIssue({ code: 'custom', message: `"${given}" is neither HOST:PORT, such as 127.0.0.1:9465, nor "off"` });
    return z.NEVER;
  });
}

function parseAddress(given: string): Address | null {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(given) ?? [];
  const host = bracketed ?? plain;
  return host === undefined || Number(port) > 65_535 ? null : { host, port: Number(port) };
}

export function duration(leastMs: number, mostMs: number) {
  return text().transform((given, context): number => {
    const ms = parseDurationMs(given);
    if (ms !== null && ms >= leastMs && ms <= mostMs) return ms;
    const range = `${formatDuration(leastMs)} to ${formatDuration(mostMs)}`;
    const why = ms === null ? 'is no duration, such as 90s, 15m or 1h30m' : `is out of range: ${range}`;
    context.addIssue({ code: 'custom', message: `"${given}" ${why}` });
    return z.NEVER;
  });
}

export function count(least: number, most: number) {
  return text().transform((given, context): number => {
    const number = Number(given);
    if (/^\d+$/.test(given) && number >= least && number <= most) return number;
    context.addIssue({ code: 'custom', message: `"${given}" is not a whole number from ${least} to ${most}` });
    return z.NEVER;
  });
}

export function durationOrOff(leastMs: number, mostMs: number) {
  const some = duration(leastMs, mostMs);
  return text().transform((given, context): number | null => {
    if (given === 'off') return null;
    const parsed = some.safeParse(given);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    context.addIssue({ code: 'custom', message: `${issue?.message ?? 'is no duration'}, or "off"` });
    return z.NEVER;
  });
}

/** A number that need not be whole. */
export function numberFrom(least: number, most: number) {
  return text().transform((given, context): number => {
    const number = parseNumber(given, least, most);
    if (number !== null) return number;
    context.addIssue({ code: 'custom', message: `"${given}" is not a number from ${least} to ${most}` });
    return z.NEVER;
  });
}

export function numberOr(word: string, meaning: number, least: number, most: number) {
  return text().transform((given, context): number => {
    const number = given === word ? meaning : parseNumber(given, least, most);
    if (number !== null) return number;
    context.addIssue({
      code: 'custom',
      message: `"${given}" is neither a number from ${least} to ${most} nor "${word}"`,
    });
    return z.NEVER;
  });
}

function parseNumber(given: string, least: number, most: number): number | null {
  const number = Number(given);
  return /^\d+(\.\d+)?$/.test(given) && number >= least && number <= most ? number : null;
}

/** The parts of `WORD=VALUE,WORD=VALUE`, each as it was written; nothing given = none. */
export function pairsOf(given: string | null): readonly string[] {
  return given === null || given.trim() === '' ? [] : given.split(',');
}

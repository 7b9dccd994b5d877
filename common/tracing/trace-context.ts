// Which trace and which span something belongs to, and how that is written (W3C Trace Context: https://www.w3.org/TR/trace-context/).
// The ids of our own spans follow from what they are about, so that scheduler, agents and a daemon that begins anew name the same
// span without telling each other, and nothing of it has to be stored.
import { createHash } from 'node:crypto';

/** A place in a trace. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 of them. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** The only version there is; a later one begins with the same fields. */
const TRACE_PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
const SAMPLED = 1;

/** Reads a `traceparent`; null = it is none, and by the standard as if there were none. */
export function parseTraceParent(text: string): TraceContext | null {
  const [, version, traceId, spanId, flags, rest] = TRACE_PARENT.exec(text) ?? [];
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return null;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}

/** Writes it. */
export function formatTraceParent({ traceId, spanId, isSampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}

const ULID_DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/** The trace of what has this ULID: its 128 bits in hexadecimal. What is no ULID has one too, by its hash. */
export function traceIdOf(ulid: string): string {
  if (!ULID.test(ulid)) return digest(ulid, NO_TRACE.length);
  let bits = 0n;
  for (const digit of ulid) bits = bits * 32n + BigInt(ULID_DIGITS.indexOf(digit));
  return bits.toString(16).padStart(NO_TRACE.length, '0');
}

/** The span of that name of what has this id. */
export function spanIdOf(id: string, name: string): string {
  return digest(`${id} ${name}`, NO_SPAN.length);
}

function digest(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

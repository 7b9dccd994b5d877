// How long work waited, as a sketch that stays small however much work there was: waits are counted in classes, each a fifth
// longer than the one before, so a quantile is right to a tenth. Sketches of days add up to that of a month. Pure.

/** Waits of one period. */
export interface Waits {
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
  /** Class, count, class, count…, by rising class. */
  readonly classes: readonly number[];
}

/** Each class reaches so many times as far as the one before. */
const GROWTH = 1.2;
/** The first class holds all waits up to so long, the last all beyond 10 years: there are never more than 119 of them. */
const SHORTEST_MS = 100;
export const LAST_CLASS = 118;

/** One wait. @param waitMs not negative; a clock that was set back counts as no wait */
export function oneWait(waitMs: number): Waits {
  const ms = Math.max(0, waitMs);
  return { count: 1, sumMs: ms, maxMs: ms, classes: [classOf(ms), 1] };
}

function classOf(ms: number): number {
  if (ms <= SHORTEST_MS) return 0;
  return Math.min(LAST_CLASS, Math.ceil(Math.log(ms / SHORTEST_MS) / Math.log(GROWTH)));
}

/** Both together. Cost: their classes. */
export function addWaits(a: Waits | null, b: Waits | null): Waits | null {
  if (a === null || b === null) return a ?? b;
  return {
    count: a.count + b.count,
    sumMs: a.sumMs + b.sumMs,
    maxMs: Math.max(a.maxMs, b.maxMs),
    classes: merged(a.classes, b.classes),
  };
}

function merged(a: Waits['classes'], b: Waits['classes']): Waits['classes'] {
  const classes: number[] = [];
  for (let [x, y] = [0, 0]; x < a.length || y < b.length;) {
    const [ofA, ofB] = [a[x] ?? Infinity, b[y] ?? Infinity];
    const count = (ofA <= ofB ? (a[x + 1] ?? 0) : 0) + (ofB <= ofA ? (b[y + 1] ?? 0) : 0);
    classes.push(Math.min(ofA, ofB), count);
    if (ofA <= ofB) x += 2;
    if (ofB <= ofA) y += 2;
  }
  return classes;
}

/**
 * The wait that this part of all waits did not exceed, right to a tenth.
 * @param part 0 to 1: 0.5 is the median
 */
export function waitQuantileMs({ count, maxMs, classes }: Waits, part: number): number {
  const rank = Math.max(1, Math.ceil(part * count));
  let seen = 0;
  for (let at = 0; at + 1 < classes.length; at += 2) {
    const [index = 0, some = 0] = [classes[at], classes[at + 1]];
    seen += some;
    if (seen >= rank) return Math.min(maxMs, middleMs(index));
  }
  return maxMs;
}

/** What is at most a tenth away from everything in the class. */
function middleMs(index: number): number {
  if (index === 0) return SHORTEST_MS;
  const endMs = SHORTEST_MS * GROWTH ** index;
  return (2 * endMs) / (GROWTH + 1);
}

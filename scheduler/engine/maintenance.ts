// When a node is not to be used because somebody announced it: its maintenance windows, some of which come again.
// A window covers its start and not its end. May assume that what comes again does so after a positive time.
import type { Maintenance } from '../model/records.js';

type Window = Pick<Maintenance, 'startMs' | 'endMs' | 'everyMs'>;

/**
 * The window in which a time lies; of several the one whose present occurrence ends last. Null = none, the node may be used.
 */
export function windowAt<W extends Window>(windows: readonly W[], nowMs: number): W | null {
  let found: W | null = null;
  let foundEndMs = nowMs;
  for (const window of windows) {
    const endMs = latestOccurrenceEnd(window, nowMs);
    if (endMs > foundEndMs) {
      found = window;
      foundEndMs = endMs;
    }
  }
  return found;
}

/** Whether a time lies in one of the windows. */
export function isInside(windows: readonly Window[], nowMs: number): boolean {
  return windowAt(windows, nowMs) !== null;
}

/**
 * When the next window starts: the first start after `nowMs`, even if a window is open now. Work that would run beyond it
 * should not start on the node.
 * @returns milliseconds since 1970; null = none starts any more
 */
export function nextStart(windows: readonly Window[], nowMs: number): number | null {
  let next: number | null = null;
  for (const window of windows) {
    if (window.endMs > window.startMs) next = earlier(next, firstAfter(window.startMs, window.everyMs, nowMs));
  }
  return next;
}

/**
 * When to look again: the first start or end of a window after `nowMs`. Where windows overlap the answer of
 * {@link isInside} may be the same before and after.
 * @returns milliseconds since 1970; null = nothing changes any more
 */
export function nextChangeMs(windows: readonly Window[], nowMs: number): number | null {
  let next = nextStart(windows, nowMs);
  for (const window of windows) {
    if (window.endMs > window.startMs) next = earlier(next, firstAfter(window.endMs, window.everyMs, nowMs));
  }
  return next;
}

/** The end of the occurrence that started last; -Infinity before the first. Later occurrences of a window end later. */
function latestOccurrenceEnd(window: Window, nowMs: number): number {
  if (nowMs < window.startMs) return -Infinity;
  if (window.everyMs === null) return window.endMs;
  return window.endMs + Math.floor((nowMs - window.startMs) / window.everyMs) * window.everyMs;
}

/** The first of `firstMs`, `firstMs + everyMs`, `firstMs + 2 × everyMs`... that comes after `nowMs`. */
function firstAfter(firstMs: number, everyMs: number | null, nowMs: number): number | null {
  if (firstMs > nowMs) return firstMs;
  if (everyMs === null) return null;
  return firstMs + (Math.floor((nowMs - firstMs) / everyMs) + 1) * everyMs;
}

function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}

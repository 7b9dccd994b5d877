// Why work waits while nothing is placed at all: after a lost history until agents were heard, on a disk without room.
import type { Explanation } from '../engine/decisions.js';

/** What the engine has not looked at waits for more than its next turn while it rests. */
export function asItRests(explanation: Explanation | null, restsBecause: string | null): Explanation | null {
  if (restsBecause === null || explanation?.reason !== 'NOT_EVALUATED') return explanation;
  const summary = `Nothing is placed at present: ${restsBecause}. \`sluice status\` says what is waited for.`;
  const lines = explanation.lines.filter(({ title }) => title !== 'Estimate');
  return { ...explanation, summary, lines, estimate: '', startsByMs: null };
}

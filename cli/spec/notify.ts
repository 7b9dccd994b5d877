// Whom to tell of what, as flags and files say it, and the protocol's words for it. Slurm's words mean the same.
import type { NotifyRule } from '../../proto/gen/sluice/v1/NotifyRule.js';

export const NOTIFY_WORDS = ['start', 'end', 'fail', 'requeue', 'idle'] as const;
export type NotifyWord = (typeof NOTIFY_WORDS)[number];

const TO_PROTO = {
  start: 'NOTIFY_ON_START',
  end: 'NOTIFY_ON_END',
  fail: 'NOTIFY_ON_FAIL',
  requeue: 'NOTIFY_ON_REQUEUE',
  idle: 'NOTIFY_ON_IDLE',
} as const satisfies Record<NotifyWord, string>;

/** `--mail-type` of Slurm. */
const OF_SLURM: Readonly<Record<string, readonly NotifyWord[]>> = {
  BEGIN: ['start'],
  END: ['end'],
  FAIL: ['fail'],
  REQUEUE: ['requeue'],
  ALL: NOTIFY_WORDS,
  NONE: [],
};

/** In the protocol's words. */
export function toNotifyRule(on: readonly NotifyWord[], to: string): NotifyRule {
  return { on: on.map((word) => TO_PROTO[word]), to };
}

/** `end,fail=https://…`, or an address for `mailto:`; null = it is none. */
export function parseNotify(text: string): NotifyRule | null {
  const at = text.indexOf('=');
  const to = text.slice(at + 1);
  const words = text.slice(0, Math.max(0, at)).split(',');
  const on = words.filter((word) => isNotifyWord(word));
  if (on.length === 0 || on.length < words.length || to === '') return null;
  return toNotifyRule(on, withScheme(to));
}

/** Slurm's `--mail-type=END,FAIL`; null = a word of it is not known. */
export function parseMailTypes(text: string): readonly NotifyWord[] | null {
  const words = text.split(',').map((word) => OF_SLURM[word.trim().toUpperCase()]);
  return words.includes(undefined) ? null : [...new Set(words.flatMap((one) => one ?? []))];
}

/** `ada@example.org` is `mailto:ada@example.org`. */
export function withScheme(to: string): string {
  return to.includes('@') && !to.includes(':') ? `mailto:${to}` : to;
}

function isNotifyWord(word: string): word is NotifyWord {
  return (NOTIFY_WORDS as readonly string[]).includes(word);
}

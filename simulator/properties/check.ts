// Checks histories against laws, and makes a history that breaks one as short as it can.
import { historyOf } from './generate.js';
import type { Flavour, History } from './history.js';
import { type Law, LawBroken, type WatchedLaw } from './laws/law.js';
import { SOUND } from './laws/sound.js';
import { World } from './world.js';

/** A law that does not hold. */
export interface Violation {
  readonly law: Law;
  readonly history: History;
  readonly error: Error;
}

const FLAVOURS: readonly Flavour[] = [
  ...(['mixed', 'busy', 'mixed', 'plain', 'referee', 'mixed', 'referee', 'busy'] as const),
  ...(['parts', 'busy', 'mixed', 'parts', 'referee', 'parts', 'referee', 'shapes'] as const),
];

/** The history of a seed. Neighbouring seeds give histories of all flavours in turn. */
export function historyOfSeed(seed: number): History {
  const flavour = FLAVOURS[seed % FLAVOURS.length] ?? 'mixed';
  const round = Math.floor(seed / FLAVOURS.length);
  return historyOf(seed, flavour === 'referee' && round % 2 === 1 ? 'parted' : flavour);
}

/** Whether a law speaks of such a history. */
export function speaksOf(law: Law, { flavour }: History): boolean {
  return law.of.includes(flavour);
}

/** What one law says to one history; null = it holds. What only fails is a matter of the law that nothing does. */
export function breach(law: Law, history: History): Error | null {
  try {
    if ('check' in law) law.check(history);
    else new World(history, { watchers: [law.watch()] }).play().settle();
    return null;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return error instanceof LawBroken || 'check' in law ? error : null;
  }
}

/** Checks all laws that speak of a history: those that watch by one play, the others each in its own way. */
export function checkAll(laws: readonly Law[], history: History): readonly Violation[] {
  const speaking = laws.filter((law) => speaksOf(law, history));
  const watched = speaking.filter((law): law is WatchedLaw => 'watch' in law);
  const played = speaking.filter((law) => 'check' in law);
  // The first law that broke ends the play for all; each is asked by itself then.
  const broken = holdTogether(watched, history) ? [] : breaches([SOUND, ...watched], history);
  // A history that fails in every play would say so once for each law.
  if (broken.some(({ law }) => law === SOUND)) return broken.filter(({ law }) => laws.includes(law));
  return [...broken, ...breaches(played, history)];
}

function holdTogether(laws: readonly WatchedLaw[], history: History): boolean {
  try {
    new World(history, { watchers: laws.map(({ watch }) => watch()) }).play().settle();
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

function breaches(laws: readonly Law[], history: History): readonly Violation[] {
  return laws.flatMap((law) => {
    const error = breach(law, history);
    return error === null ? [] : [{ law, history, error }];
  });
}

/** Tries of a shorter history, in all. */
const MAX_TRIES = 2_000;

/**
 * Leaves out of a history whatever can be left out so that the law is still broken: events in ever smaller runs, nodes,
 * queues. Cost: at most {@link MAX_TRIES} plays.
 */
export function minimise({ law, history, error }: Violation): Violation {
  let best: Violation = { law, history, error };
  let tries = 0;
  const attempt = (smaller: History): boolean => {
    if (tries >= MAX_TRIES) return false;
    tries += 1;
    const found = breach(law, smaller);
    // Another kind of error is another violation.
    if (found === null || found.name !== error.name) return false;
    best = { law, history: smaller, error: found };
    return true;
  };
  for (let size = Math.ceil(history.events.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best.history.events.length;) {
      const { events } = best.history;
      const shorter = events.filter((_, at) => at < from || at >= from + size);
      if (!attempt({ ...best.history, events: shorter })) from += size;
    }
  }
  for (const part of ['nodes', 'queues'] as const) {
    for (let at = 0; at < best.history[part].length;) {
      const fewer = best.history[part].filter((_, index) => index !== at);
      if (fewer.length === 0 || !attempt({ ...best.history, [part]: fewer })) at += 1;
    }
  }
  return best;
}

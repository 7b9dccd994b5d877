// A law: a name, what it says, the histories it speaks of, and how it is checked. Checks read records and nothing of the
// engine, so that they cannot be wrong together with it.
import type { Flavour, History } from '../history.js';
import type { Watcher } from '../world.js';

/** A law does not hold; the message says where. */
export class LawBroken extends Error {
  override readonly name = 'LawBroken';
}

/** Throws unless the law holds here. */
export function demand(holds: boolean, say: () => string): asserts holds {
  if (!holds) throw new LawBroken(say());
}

interface Stated {
  /** Short and unique, for `--law`. */
  readonly name: string;
  /** The law, in one sentence. */
  readonly says: string;
  readonly of: readonly Flavour[];
}

/** Checked while a history is played; many such laws watch the same play. */
export interface WatchedLaw extends Stated {
  readonly watch: () => Watcher;
}

/** Checked by playing a history in its own way. Throws {@link LawBroken}. */
export interface PlayedLaw extends Stated {
  readonly check: (history: History) => void;
}

export type Law = WatchedLaw | PlayedLaw;

export const EVERY_FLAVOUR: readonly Flavour[] = ['mixed', 'busy', 'plain', 'shapes', 'referee', 'parted', 'parts'];
/** For laws that whole cells are an exception to: what is only lent goes back to whoever is owed the place, what may not go back waits. */
export const COUNTS_ONLY: readonly Flavour[] = ['mixed', 'busy', 'plain', 'referee', 'parted', 'parts'];

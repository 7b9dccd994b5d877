// Keeps what the records say of the copy of the store in force. A copy that took over within a term has all of that term: the commit that
// notes it is taken by none other.
import type { Clock, Timer } from '../../common/clock.js';
import type { Logger } from '../../common/log.js';
import { copyOf } from '../model/known-copy.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { StateStore } from '../store/state-store.js';
import { noteCopy } from './commands/recovery.js';
import type { ControlLoop } from './loop.js';

/** How often it looks. */
const LOOK_MS = 1_000;

export interface CopyWatching {
  readonly store: StateStore;
  readonly loop: ControlLoop;
  readonly state: ReadableState;
  readonly clock: Clock;
  readonly log: Logger;
}

export class CopyWatch {
  readonly #deps: CopyWatching;
  #timer: Timer | null = null;
  #isNoting = false;

  constructor(deps: CopyWatching) {
    this.#deps = deps;
  }

  start(): void {
    // A store without copies is not looked at again.
    if (this.#deps.store.copyInForce === undefined) return;
    this.#timer = this.#deps.clock.after(LOOK_MS, () => {
      this.#look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    const { store, loop, state, clock, log } = this.#deps;
    const found = store.copyInForce?.() ?? null;
    if (found === null || this.#isNoting) return;
    const { copy: known } = state.meta;
    const copy = copyOf(known, found, clock.wallMs());
    const isSame = copy.id === known?.id && copy.replicas === known.replicas && copy.awaited === known.awaited;
    if (isSame) return;
    this.#isNoting = true;
    if (copy.id !== known?.id) log.warn({ copy, known }, 'another copy of the store leads; this term goes on with it');
    loop
      .execute(noteCopy(copy))
      .catch((error: unknown) => log.warn({ err: error }, 'the copy of the store in force could not be noted'))
      .finally(() => (this.#isNoting = false));
  }
}

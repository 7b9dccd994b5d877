// What becomes of findings of a daemon: those that are no reason to stop are logged, at most once a minute each, and
// the whole state is looked at once an hour, in slices between which everybody else gets a turn.
import type { Clock, Timer } from '../../../common/clock.js';
import type { Logger } from '../../../common/log.js';
import type { ControlLoop } from '../loop.js';
import { INVARIANTS, type InvariantName } from './catalog.js';
import { violationText, type Violation } from './violation.js';

/** How often every record is looked at. */
export const AUDIT_EVERY_MS = 60 * 60_000;
/** The pause between two slices of an audit: it takes a fiftieth of a core at most. */
const SLICE_PAUSE_MS = 50;
/** How often one invariant is logged at most. */
export const LOG_EVERY_MS = 60_000;

export interface InvariantWatchDependencies {
  readonly loop: ControlLoop;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with what makes going on impossible. */
  readonly onFatal: (error: unknown) => void;
}

/** Logs what the guard of a loop finds, and lets it look at everything regularly. */
export class InvariantWatch {
  readonly #deps: InvariantWatchDependencies;
  readonly #loggedMs = new Map<InvariantName, number>();
  readonly #unlogged = new Map<InvariantName, number>();
  #timer: Timer | null = null;
  #audit: Generator<readonly Violation[], void> | null = null;

  constructor(deps: InvariantWatchDependencies) {
    this.#deps = deps;
    deps.loop.onViolation((violation) => this.#note(violation));
  }

  /** Takes note of what the look at the whole state found before anything was served. */
  noteAtBeginning(violations: readonly Violation[]): void {
    this.#deps.loop.invariants.count(violations);
    for (const violation of violations) this.#note(violation);
  }

  /** Begins the regular audits. */
  start(): void {
    this.#arm(AUDIT_EVERY_MS);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(delayMs: number): void {
    this.#timer = this.#deps.clock.after(delayMs, () => void this.#slice());
  }

  async #slice(): Promise<void> {
    const { loop, onFatal } = this.#deps;
    const audit = (this.#audit ??= loop.invariants.audit());
    try {
      const { done, value } = await loop.read(() => audit.next());
      for (const violation of value ?? []) this.#note(violation);
      if (done === true) this.#audit = null;
    } catch (error) {
      onFatal(error);
      return;
    }
    this.#arm(this.#audit === null ? AUDIT_EVERY_MS : SLICE_PAUSE_MS);
  }

  #note(violation: Violation): void {
    const { name } = violation;
    const nowMs = this.#deps.clock.monotonicMs();
    const more = this.#unlogged.get(name) ?? 0;
    if (nowMs - (this.#loggedMs.get(name) ?? -Infinity) < LOG_EVERY_MS) {
      this.#unlogged.set(name, more + 1);
      return;
    }
    this.#loggedMs.set(name, nowMs);
    this.#unlogged.set(name, 0);
    const facts = { invariant: name, says: INVARIANTS[name].says, notLoggedSince: more };
    this.#deps.log.error(facts, `an invariant does not hold: ${violationText(violation)}`);
  }
}

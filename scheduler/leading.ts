// Standing by, leading, and standing by again: when a term begins, what ends it, and in which order it ends. Knows no sockets, files or
// clocks of its own, so that the simulator lives the very same turns as the daemon.
import type { Clock } from '../common/clock.js';
import { deferred } from '../common/deferred.js';
import { InvariantViolation } from '../common/assert.js';
import { LeadershipLost } from './control/loop.js';
import type { LeaderCard, Leadership, LeaderTerm } from './store/leadership.js';
import { StoreUnusable } from './store/data-folder.js';
import { RedisUnreachable } from './store/redis/port.js';
import { CommitRefused, StoreFailure, type StorePosition } from './store/state-store.js';

/** How long a hand-over waits for what is being written; then the term is cut. */
const HAND_OVER_LIMIT_MS = 1_500;
/** After a step-down the others get this long to lead before this daemon tries again: they hear of it at once, or look within half of it. */
const STEPPED_DOWN_REST_MS = 1_000;
/** After a term that was lost, so that a store in trouble is not asked without end; shortened at random by up to half. */
const LOST_REST_MS = 1_000;

/** A fail-over of Redis at the very start is waited out for so long: with one replica it takes half of that until a change can be copied. */
export const FAIL_OVER_PATIENCE_MS = 60_000;

/** What may be put right by reading the store anew, perhaps by another daemon. */
const DOUBTS = [LeadershipLost, CommitRefused, StoreFailure, RedisUnreachable];

/** How a term ends. */
export type TermEnd =
  /** Another daemon may lead: what is under way is told to nobody. */
  | { readonly type: 'lost'; readonly why: string }
  /** Somebody asked for it. */
  | { readonly type: 'asked'; readonly by: string }
  /** The daemon stops. */
  | { readonly type: 'stop' }
  /** Going on would do harm. */
  | { readonly type: 'fatal'; readonly error: unknown };

/** What a term is begun with. */
export interface TermStart {
  /** Whether this daemon leads for certain. Asked before anything leaves it. */
  readonly isFresh: () => boolean;
  /** Called with what makes going on impossible: the term is over. */
  readonly onFatal: (error: unknown) => void;
  /** Where the history stood when this daemon last led. */
  readonly lastKnown: StorePosition | null;
  /** Ends the term, so that another daemon can lead. */
  readonly stepDown: (by: string) => void;
}

/** A term as far as its life goes. */
export interface LivingTerm {
  readonly position: StorePosition;
  readonly clusterId: string;
  /** Answers calls from now on, and decides. */
  open(): Promise<void>;
  /** Takes nothing new and finishes what waits; nothing is written any more once it resolved. */
  drain(): Promise<void>;
  /** Ends at once: what is under way is told to nobody. */
  cut(): void;
  /** Closes what is left, its store included, once another daemon may lead. @param isOrderly whether answers may still leave */
  close(isOrderly: boolean): Promise<void>;
}

export interface LeadingSurroundings {
  /** Opens the way to lead. Called once, after it stands by for the first time. */
  readonly openLeadership: () => Promise<Leadership>;
  /** Whether several daemons use the store. */
  readonly isShared: boolean;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** How long a graceful end waits for what is being written, in ms; absent = as long as a hand-over does. */
  readonly drainLimitMs?: number;
  /** Reads the state, and wires everything around it; closes what it opened if it fails. */
  readonly begin: (start: TermStart) => Promise<LivingTerm>;
  /** Begins to answer as a daemon that does not lead, unless it does already. Only where a store is shared. */
  readonly standBy: () => Promise<void>;
  readonly onLeader: (leader: LeaderCard | null) => void;
  /** It has the claim, and reads the state now. */
  readonly onTakingOver: () => void;
  /** A term is over. */
  readonly onEnd: (end: TermEnd, isDrained: boolean) => void;
  /** Leading could not be given up; the claim runs out by itself. */
  readonly onNotResigned: (error: unknown) => void;
  /** The store, which was right before, must not be used just now; it is tried again. */
  readonly onUnusable: (error: unknown) => void;
  /** Called at once when a term ends fatally. */
  readonly onFatal: (error: unknown) => void;
}

/** The life of one daemon. */
export class Leading {
  readonly #surroundings: LeadingSurroundings;
  readonly #stopping = new AbortController();
  #leadership: Leadership | null = null;
  #lastKnown: StorePosition | null = null;
  /** Whether this daemon has led, or has seen another one lead: the store was right once. */
  #hasCompany = false;
  /** Since when the store is refused for what a fail-over may be the reason of, by the monotonic clock. */
  #refusedSinceMs: number | null = null;
  /** Ends the present term. */
  #end: ((end: TermEnd) => void) | null = null;

  constructor(surroundings: LeadingSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Runs until it is stopped. @throws what a term ended fatally with */
  async run(): Promise<void> {
    while (!this.#isStopping) await this.#live();
  }

  /** Finishes what waits and hands over. */
  stop(): void {
    this.#stopping.abort(new Error('the daemon is stopped'));
    this.#end?.({ type: 'stop' });
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** From standing by to the end of a term, and the rest after it. */
  async #live(): Promise<void> {
    const { openLeadership, isShared, standBy, onLeader, onTakingOver, onUnusable, random } = this.#surroundings;
    const { signal } = this.#stopping;
    if (isShared) await standBy();
    this.#leadership ??= await openLeadership();
    let claim: LeaderTerm;
    try {
      claim = await this.#leadership.campaign({
        signal,
        onLeader: (leader) => {
          this.#hasCompany ||= leader !== null;
          onLeader(leader);
        },
      });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof StoreUnusable && this.#hasCompany)) throw error;
      // It was right once: whoever has changed it may be about to mend it.
      onUnusable(error);
      await this.#rest(LOST_REST_MS * (0.5 + random() / 2));
      return;
    }
    onTakingOver();
    const end = await this.#lead(claim);
    if (end.type === 'fatal') throw end.error;
    if (end.type === 'lost') await this.#rest(LOST_REST_MS * (0.5 + random() / 2));
    if (end.type === 'asked') await this.#rest(STEPPED_DOWN_REST_MS);
  }

  /** One term, from reading the state to the end of everything that was made for it. */
  async #lead(claim: LeaderTerm): Promise<TermEnd> {
    const { begin, isShared, onEnd, onNotResigned, onFatal: onFatalEnd } = this.#surroundings;
    const over = deferred<TermEnd>();
    let isOver = false;
    let isDecided = false;
    const end = (how: TermEnd): void => {
      if (isDecided) return;
      isDecided = true;
      // Nothing may leave any more from the very moment on at which leading is in doubt.
      if (how.type === 'lost' || how.type === 'fatal') isOver = true;
      over.resolve(how);
    };
    this.#end = end;
    claim.onLost((why) => end({ type: 'lost', why }));
    if (this.#isStopping) end({ type: 'stop' });
    const isFresh = (): boolean => !isOver && claim.isFresh();
    const onFatal = (error: unknown): void => {
      const how = this.#endOf(error);
      if (how.type === 'fatal') onFatalEnd(error);
      end(how);
    };
    const stepDown = (by: string): void => end({ type: 'asked', by });
    let term: LivingTerm | null = null;
    let isDrained = true;
    let how: TermEnd;
    try {
      term = await begin({ isFresh, onFatal, lastKnown: this.#lastKnown, stepDown });
      claim.tellCluster(term.clusterId);
      if (!isDecided) await this.#open(term);
      how = await over.promise;
      if (how.type === 'stop' || how.type === 'asked') isDrained = await this.#drain(term);
    } catch (error) {
      end(this.#endOf(error));
      how = await over.promise;
      // What prevents the only daemon from beginning is for its operator, not for another try.
      if (!isShared && how.type === 'lost') how = { type: 'fatal', error };
    }
    isOver = true;
    this.#end = null;
    if (term !== null) this.#lastKnown = term.position;
    const isOrderly = (how.type === 'stop' || how.type === 'asked') && isDrained;
    if (!isOrderly) term?.cut();
    onEnd(how, isDrained);
    // The next leader need not wait until everything here is closed.
    await claim.resign().catch(onNotResigned);
    if (how.type !== 'fatal') await term?.close(isOrderly);
    return how;
  }

  /** @returns whether what was under way is written and answered: a store that does not answer must not hold a hand-over up */
  async #drain(term: LivingTerm): Promise<boolean> {
    const { clock, drainLimitMs = HAND_OVER_LIMIT_MS } = this.#surroundings;
    const limit = deferred<boolean>();
    const timer = clock.after(drainLimitMs, () => limit.resolve(false));
    const isDrained = await Promise.race([term.drain().then(() => true), limit.promise]);
    timer.cancel();
    return isDrained;
  }

  /** Answers as a standby, and does not try to lead. */
  async #rest(ms: number): Promise<void> {
    const { clock, standBy } = this.#surroundings;
    const { signal } = this.#stopping;
    if (signal.aborted) return;
    await standBy();
    const rested = deferred<void>();
    const timer = clock.after(ms, () => rested.resolve());
    const wake = (): void => rested.resolve();
    signal.addEventListener('abort', wake, { once: true });
    await rested.promise;
    timer.cancel();
    signal.removeEventListener('abort', wake);
  }

  async #open(term: LivingTerm): Promise<void> {
    await term.open();
    this.#hasCompany = true;
    this.#refusedSinceMs = null;
  }

  /** Whether a fail-over may be the reason, and may yet be over in time. */
  #mayPass({ reason }: StoreUnusable): boolean {
    if (reason !== 'NOT_YET') return false;
    const nowMs = this.#surroundings.clock.monotonicMs();
    this.#refusedSinceMs ??= nowMs;
    return nowMs - this.#refusedSinceMs < FAIL_OVER_PATIENCE_MS;
  }

  /** What of a shared store can be put right by reading it anew, perhaps by another daemon, is no reason to end the process. */
  #endOf(error: unknown): TermEnd {
    const why = error instanceof Error ? error.message : String(error);
    // A store that is refused from the beginning is for the operator; later, after a fail-over, it may be whole again soon.
    const isRefused = error instanceof StoreUnusable && (this.#hasCompany || this.#mayPass(error));
    const isDoubt = isRefused || DOUBTS.some((kind) => error instanceof kind);
    const isOurs = error instanceof InvariantViolation || !isDoubt;
    return this.#surroundings.isShared && !isOurs ? { type: 'lost', why } : { type: 'fatal', error };
  }
}

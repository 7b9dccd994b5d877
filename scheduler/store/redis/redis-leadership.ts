// Leadership by a key of Redis that expires unless it is renewed. It may be lost or doubled when a replica is promoted: safety
// is the epoch's matter, not its.
import type { Timer } from '../../../common/clock.js';
import type { Campaign, LeaderCard, Leadership, LeaderTerm, StandbyCard } from '../leadership.js';
import { type LeaderClaim, type RedisPort, RedisUnreachable, type StandbyBoard } from './port.js';

export interface LeadershipClock {
  /** Milliseconds since the machine began, suspend included. */
  bootMs(): number;
  after(delayMs: number, callback: () => void): Timer;
}

export interface RedisLeadershipOptions {
  /** One of its own: waiting for copies must not hold renewals up. */
  readonly port: RedisPort;
  /** Where those that stand by are shown; absent = nowhere. */
  readonly board?: StandbyBoard;
  readonly clock: LeadershipClock;
  readonly id: string;
  readonly address: string;
  readonly wallMs: () => number;
  readonly holdMs?: number;
}

/** How long a claim holds without being renewed, in ms. */
export const LEADER_HOLD_MS = 10_000;
/** A claim is renewed three times before it runs out. */
const RENEWALS = 3;
/** So long before a claim runs out it counts as lost: clocks of two machines differ by little in ten seconds. */
const MARGIN_MS = 500;
/** How often a standby looks, in ms: it hears of a leader that resigns, not of one that dies. */
const LOOK_MS = 500;
/** How often a standby tells of itself, and for how long that holds, in ms. */
const ANNOUNCE_MS = 1_000;
const ANNOUNCED_MS = 5_000;

/** Leadership of whoever has the key. */
export function redisLeadership(options: RedisLeadershipOptions): Leadership {
  const { port, board, clock, id, address, wallMs, holdMs = LEADER_HOLD_MS } = options;
  let standbys: readonly StandbyCard[] | null = null;
  let announcedMs: number | null = null;
  let sinceMs = 0;
  let wake: () => void = () => undefined;
  port.onReleased(() => wake());

  const pause = (delayMs: number, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const end = () => {
        timer.cancel();
        // One pause after the other: their listeners must not add up.
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = clock.after(delayMs, end);
      wake = end;
      signal.addEventListener('abort', end, { once: true });
    });

  const announce = async (): Promise<void> => {
    const nowMs = clock.bootMs();
    if (board === undefined || (announcedMs !== null && nowMs - announcedMs < ANNOUNCE_MS)) return;
    if (announcedMs === null) sinceMs = wallMs();
    announcedMs = nowMs;
    await orNone(board.announce({ id, address, sinceMs }, ANNOUNCED_MS));
  };
  const withdraw = async (): Promise<void> => {
    if (board === undefined || announcedMs === null) return;
    announcedMs = null;
    // What cannot be withdrawn runs out.
    await orNone(board.withdraw(id));
  };
  /** Nothing is decided by it, so no failure is worth a term: then it is not known. */
  const look = (): void => {
    board?.standbys().then(
      (found) => (standbys = found),
      () => (standbys = null),
    );
  };

  return {
    campaign: async ({ onLeader, signal }: Campaign) => {
      let shown: string | null = null;
      const show = (leader: LeaderCard | null) => {
        const name = leader === null ? '' : `${leader.id} ${leader.sinceMs} ${leader.clusterId ?? ''}`;
        if (name !== shown) onLeader(leader);
        shown = name;
      };
      for (;;) {
        signal.throwIfAborted();
        const card = { id, address, sinceMs: wallMs() };
        const sentMs = clock.bootMs();
        const claim = await orNone(port.claim(card, holdMs));
        // It came too late to be of use: then it is tried again, and what was claimed is ours to renew.
        if (claim?.card.id === id && clock.bootMs() < sentMs + holdMs - MARGIN_MS) {
          standbys = null;
          // The term runs already: it waits for no answer that decides nothing.
          withdraw().catch(() => undefined);
          return new RedisTerm({ port, clock, card, holdMs, sentMs, onRenewed: look });
        }
        show(claim === null || claim.card.id === id ? null : claim.card);
        if (claim !== null) await announce();
        await pause(claim === null ? LOOK_MS : Math.min(LOOK_MS, claim.leftMs + 1), signal);
      }
    },
    standbys: () => standbys,
    close: async () => {
      await withdraw();
      await port.close();
    },
  };
}

interface TermOptions {
  readonly port: RedisPort;
  readonly clock: LeadershipClock;
  readonly card: LeaderCard;
  readonly holdMs: number;
  readonly sentMs: number;
  readonly onRenewed: () => void;
}

class RedisTerm implements LeaderTerm {
  readonly #options: TermOptions;
  /** Until when nobody else can have the key, on the clock that counts suspend. */
  #freshUntilMs: number;
  #card: LeaderCard;
  #lost: string | null = null;
  #isOver = false;
  #onLost: (why: string) => void = () => undefined;
  #timer: Timer;

  constructor(options: TermOptions) {
    this.#options = options;
    this.#card = options.card;
    this.#freshUntilMs = options.sentMs + options.holdMs - MARGIN_MS;
    this.#timer = this.#next();
  }

  isFresh(): boolean {
    return !this.#isOver && this.#options.clock.bootMs() < this.#freshUntilMs;
  }

  onLost(act: (why: string) => void): void {
    this.#onLost = act;
    if (this.#lost !== null) act(this.#lost);
  }

  tellCluster(clusterId: string): void {
    if (this.#isOver) return;
    this.#card = { ...this.#card, clusterId };
    this.#timer.cancel();
    void this.#renew();
  }

  async resign(): Promise<void> {
    if (this.#isOver) return;
    this.#end();
    // A claim that cannot be given up runs out.
    await orNone(this.#options.port.release(this.#card.id));
  }

  #next(): Timer {
    const { clock, holdMs } = this.#options;
    const untilEndMs = Math.max(0, this.#freshUntilMs - clock.bootMs());
    return clock.after(Math.min(holdMs / RENEWALS, untilEndMs), () => void this.#renew());
  }

  async #renew(): Promise<void> {
    const { port, clock, holdMs } = this.#options;
    const card = this.#card;
    if (!this.isFresh()) {
      this.#lose(`the leadership could not be renewed within ${holdMs} ms`);
      return;
    }
    const sentMs = clock.bootMs();
    this.#timer = clock.after(Math.max(0, this.#freshUntilMs - sentMs), () => void this.#renew());
    let claim: LeaderClaim | null;
    try {
      claim = await orNone(port.claim(card, holdMs));
    } catch (error) {
      this.#lose(`the leadership cannot be renewed: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    if (this.#isOver) return;
    if (claim !== null && claim.card.id !== card.id) {
      this.#lose(`the daemon at ${claim.card.address} leads`);
      return;
    }
    if (claim !== null) this.#freshUntilMs = Math.max(this.#freshUntilMs, sentMs + holdMs - MARGIN_MS);
    this.#timer.cancel();
    this.#timer = this.#next();
    if (claim !== null) this.#options.onRenewed();
  }

  #lose(why: string): void {
    if (this.#isOver) return;
    this.#end();
    this.#lost = why;
    this.#onLost(why);
  }

  #end(): void {
    this.#isOver = true;
    this.#timer.cancel();
  }
}

/** Null when Redis cannot be reached. */
async function orNone<T extends LeaderClaim | void>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RedisUnreachable) return null;
    throw error;
  }
}

// Takes notices from the state to their receivers: at least once, each receiver in order, none waiting for another. What was sent is
// struck off the state; what a dying daemon had not struck off is sent again by the next, under the same id.
import { present } from '../../common/assert.js';
import type { Clock, Timer } from '../../common/clock.js';
import type { Logger } from '../../common/log.js';
import { MAX_SETTLED, settleNotices } from '../control/commands/notices.js';
import type { ControlLoop } from '../control/loop.js';
import type { ReadableState } from '../model/cluster-state.js';
import { noticeKey, noticesOf } from '../model/notices.js';
import type { Notice } from '../model/records.js';
import type { Message } from './message.js';
import { ReadyLanes } from './ready-lanes.js';
import type { Sent } from './webhook.js';

/** Notices that wait for one receiver at most; what comes then is dropped. */
export const MAX_WAITING_PER_RECEIVER = 1_000;
/** How long a notice is tried, from when it happened. */
export const GIVE_UP_MS = 24 * 3_600_000;
/** The first pause after a failure; it doubles up to the longest. A random half of each is left out, so that receivers are not hit in step. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 600_000;
/** Sends to one host at once: a dead one holds so many up and no more. */
const MAX_PER_HOST = 4;
/** Sends at once in all. */
const MAX_SENDS = 256;

export type Way = 'webhook' | 'mail';

/** What became of notices, by the way they go. `failed` counts tries that are repeated. */
export interface WayCounts {
  delivered: number;
  failed: number;
  dropped: number;
}

export interface DeliveryDependencies {
  readonly loop: Pick<ControlLoop, 'onCommitted' | 'execute'>;
  readonly state: Pick<ReadableState, 'notices' | 'meta'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether this daemon leads for certain; while it does not nothing is sent, since another one may have sent it. Absent = always. */
  readonly isFresh?: () => boolean;
  /** In [0, 1). */
  readonly random: () => number;
  /** Sends once. Never rejects. */
  readonly send: (to: string, message: Message) => Promise<Sent>;
}

/** All that goes to one `to`. */
interface Lane {
  readonly to: string;
  readonly host: string;
  readonly waiting: Notice[];
  isSending: boolean;
  failures: number;
  pause: Timer | null;
}

/** The delivery of one daemon. */
export class Delivery {
  readonly #deps: DeliveryDependencies;
  readonly #lanes = new Map<string, Lane>();
  readonly #ready = new ReadyLanes<Lane>(MAX_PER_HOST);
  readonly #settled: string[] = [];
  #isSettling = false;
  #isStopped = false;
  readonly counts: Readonly<Record<Way, WayCounts>> = {
    webhook: { delivered: 0, failed: 0, dropped: 0 },
    mail: { delivered: 0, failed: 0, dropped: 0 },
  };

  constructor(deps: DeliveryDependencies) {
    this.#deps = deps;
  }

  /** Begins with what waits already, the oldest first. */
  start(): void {
    const { loop, state } = this.#deps;
    for (const notice of state.notices.values()) this.#take(notice);
    loop.onCommitted(({ changes }) => {
      for (const change of changes) {
        // Where there was no room in the state nothing follows from the change.
        for (const notice of noticesOf(change)) {
          if (!state.notices.has(noticeKey(notice))) this.#drop(notice, 'too many notices wait', false);
        }
        if (change.collection === 'notices' && change.before === null && change.after !== null)
          this.#take(change.after);
      }
      this.#pump();
    });
    this.#pump();
  }

  /** Nothing more is sent; what is under way may be sent again by the next daemon. */
  stop(): void {
    this.#isStopped = true;
    for (const { pause } of this.#lanes.values()) pause?.cancel();
  }

  /** How many wait, and since when the oldest does; null = none waits. */
  waiting(): { readonly counts: Readonly<Record<Way, number>>; readonly oldestMs: number | null } {
    const counts = { webhook: 0, mail: 0 };
    let oldestMs: number | null = null;
    for (const { to, timeMs } of this.#deps.state.notices.values()) {
      counts[wayOf(to)] += 1;
      oldestMs ??= timeMs;
    }
    return { counts, oldestMs };
  }

  #take(notice: Notice): void {
    const lane = this.#laneOf(notice.to);
    if (lane.waiting.length >= MAX_WAITING_PER_RECEIVER) {
      this.#drop(notice, `${MAX_WAITING_PER_RECEIVER} wait for this receiver`, true);
      return;
    }
    lane.waiting.push(notice);
    if (!lane.isSending && lane.pause === null) this.#ready.add(lane);
  }

  #laneOf(to: string): Lane {
    const known = this.#lanes.get(to);
    if (known !== undefined) return known;
    const lane = { to, host: hostOf(to), waiting: [], isSending: false, failures: 0, pause: null };
    this.#lanes.set(to, lane);
    return lane;
  }

  #pump(): void {
    while (!this.#isStopped && this.#ready.sends < MAX_SENDS && this.#deps.isFresh?.() !== false) {
      const lane = this.#ready.take();
      if (lane === null) return;
      void this.#send(lane);
    }
  }

  async #send(lane: Lane): Promise<void> {
    const { clock, state, send, log } = this.#deps;
    const notice = present(lane.waiting[0], 'only lanes with something to send are ready', lane.to);
    lane.isSending = true;
    const { to, ...rest } = notice;
    const { outcome, detail } = await send(to, { ...rest, cluster: state.meta.clusterId });
    this.#ready.done(lane.host);
    lane.isSending = false;
    if (this.#isStopped) return;
    const isTooOld = clock.wallMs() - notice.timeMs >= GIVE_UP_MS;
    if (outcome === 'failed' && !isTooOld) {
      this.counts[wayOf(to)].failed += 1;
      if (lane.failures === 0)
        log.warn({ to: shownTo(to), event: notice.id, problem: detail }, 'a notice was not taken; it is tried again');
      this.#pauseAfter(lane);
    } else {
      lane.waiting.shift();
      if (outcome === 'delivered') {
        this.counts[wayOf(to)].delivered += 1;
        this.#settle(notice);
        lane.failures = 0;
      } else this.#drop(notice, outcome === 'gone' ? `the receiver wants none: ${detail}` : detail, true);
      this.#next(lane);
    }
    this.#pump();
  }

  #next(lane: Lane): void {
    if (lane.waiting.length > 0) this.#ready.add(lane);
    else this.#lanes.delete(lane.to);
  }

  #pauseAfter(lane: Lane): void {
    const { clock, random } = this.#deps;
    const wholeMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** lane.failures);
    lane.failures += 1;
    lane.pause = clock.after(wholeMs * (1 - random() / 2), () => {
      lane.pause = null;
      this.#ready.add(lane);
      this.#pump();
    });
  }

  #drop(notice: Notice, why: string, isStored: boolean): void {
    const { to, id } = notice;
    this.counts[wayOf(to)].dropped += 1;
    this.#deps.log.warn({ to: shownTo(to), event: id, problem: why }, 'a notice was given up');
    if (isStored) this.#settle(notice);
  }

  #settle(notice: Notice): void {
    this.#settled.push(noticeKey(notice));
    if (!this.#isSettling) void this.#settleAll();
  }

  async #settleAll(): Promise<void> {
    this.#isSettling = true;
    try {
      while (this.#settled.length > 0 && !this.#isStopped) {
        await this.#deps.loop.execute(settleNotices(this.#settled.splice(0, MAX_SETTLED)));
      }
    } catch (error) {
      // They stay in the state and are sent again by the next daemon.
      this.#deps.log.warn({ err: error }, 'notices that were sent could not be struck off');
    }
    this.#isSettling = false;
  }
}

export function wayOf(to: string): Way {
  return to.startsWith('mailto:') ? 'mail' : 'webhook';
}

/** What shares a receiver's machine: an origin, or the one server for e-mail. */
function hostOf(to: string): string {
  return wayOf(to) === 'mail' ? 'mail' : new URL(to).origin;
}

/** Paths of webhooks often are secrets. */
function shownTo(to: string): string {
  return wayOf(to) === 'mail' ? to : new URL(to).origin;
}

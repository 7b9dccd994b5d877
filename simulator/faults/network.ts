// The network between the scheduler's machine and all others. Each way between two machines can be cut by itself, be slow, and be
// mended again. What is sent over a connection arrives in order and once, or not at all; what was sent over one that broke may
// still arrive after another one was opened.
import type { Random } from '../random.js';
import type { SimProcess } from './machine.js';
import type { Timeline } from './timeline.js';

/** A silent peer is given up after this long by either side (the pause before a ping, and the wait for its answer). */
const KEEPALIVE_MS = [10_000, 15_000] as const;
/** Messages under way over one connection, beyond which the sender is asked to wait. */
const WINDOW = 16;
/** After a mend, what was lost is sent again within this. */
const RESEND_MS = 1_500;

/** One way from a machine to another. */
export class Way {
  readonly name: string;
  readonly #timeline: Timeline;
  readonly #random: Random;
  /** Since when it loses everything; null = it does not. */
  cutSinceMs: number | null = null;
  /** Added to every delay. */
  slowMs = 0;
  readonly #atCut = new Set<() => void>();
  readonly #atMend = new Set<() => void>();

  constructor(name: string, timeline: Timeline, random: Random) {
    this.name = name;
    this.#timeline = timeline;
    this.#random = random;
  }

  get isCut(): boolean {
    return this.cutSinceMs !== null;
  }

  /** How long the next message takes, in ms: mostly little, at times much. */
  nextDelayMs(): number {
    const base = this.#random.between(0.05, 2);
    const late = this.#random.chance(0.02) ? this.#random.between(0, 300) : 0;
    return base + late + (this.slowMs === 0 ? 0 : this.#random.between(0, this.slowMs));
  }

  /** How long it takes until what was lost is sent again. */
  nextResendMs(): number {
    return this.#random.between(0, RESEND_MS);
  }

  nextKeepaliveMs(): number {
    return this.#random.between(...KEEPALIVE_MS);
  }

  cut(): void {
    if (this.cutSinceMs !== null) return;
    this.cutSinceMs = this.#timeline.nowMs;
    for (const callback of this.#atCut) callback();
  }

  mend(): void {
    if (this.cutSinceMs === null) return;
    this.cutSinceMs = null;
    for (const callback of this.#atMend) callback();
  }

  /** @returns ends it */
  watch(listener: { readonly cut: () => void; readonly mended: () => void }): () => void {
    this.#atCut.add(listener.cut);
    this.#atMend.add(listener.mended);
    return () => {
      this.#atCut.delete(listener.cut);
      this.#atMend.delete(listener.mended);
    };
  }

  /** Sends something that belongs to no connection that is kept: a call of its own, overtaken by others and overtaking them. */
  sendAlone(label: string, deliver: () => void): void {
    if (!this.isCut) {
      this.#timeline.after(this.nextDelayMs(), label, deliver);
      return;
    }
    // Either it is sent again until somebody hears it, however late, or its sender gives up before.
    if (this.#random.chance(0.5)) return;
    const stop = this.watch({
      cut: () => undefined,
      mended: () => {
        stop();
        this.#timeline.after(this.nextResendMs(), label, deliver);
      },
    });
  }
}

/** Both ways between a machine and the scheduler's. */
export interface Link {
  readonly up: Way;
  readonly down: Way;
}

/** One direction of one connection: what goes in comes out in order. */
class Pipe {
  readonly #way: Way;
  readonly #timeline: Timeline;
  readonly #lost: { readonly label: string; readonly deliver: () => void }[] = [];
  readonly #drained: () => void;
  readonly #unwatch: () => void;
  #arrivesMs = 0;

  constructor(way: Way, timeline: Timeline, drained: () => void) {
    this.#way = way;
    this.#timeline = timeline;
    this.#drained = drained;
    this.#unwatch = way.watch({ cut: () => undefined, mended: () => this.#resend() });
  }

  /** Whether the sender should wait. */
  get isFull(): boolean {
    return this.#lost.length >= WINDOW;
  }

  send(label: string, deliver: () => void): void {
    if (this.#way.isCut || this.#lost.length > 0) this.#lost.push({ label, deliver });
    else this.#carry(label, deliver, this.#way.nextDelayMs());
  }

  /** Nothing that did not leave yet ever arrives. */
  close(): void {
    this.#unwatch();
    this.#lost.length = 0;
  }

  #carry(label: string, deliver: () => void, delayMs: number): void {
    this.#arrivesMs = Math.max(this.#arrivesMs, this.#timeline.nowMs + delayMs);
    this.#timeline.at(this.#arrivesMs, label, deliver);
  }

  #resend(): void {
    const delayMs = this.#way.nextResendMs();
    const wasFull = this.isFull;
    for (const { label, deliver } of this.#lost.splice(0)) this.#carry(label, deliver, delayMs);
    if (wasFull) this.#carry('drain', this.#drained, delayMs);
  }
}

/** What one end of a connection hears. */
export interface EndListener<In> {
  received(message: In): void;
  /** The connection is over, as far as this end can tell. */
  closed(why: string): void;
  /** There is room again. */
  drained(): void;
}

/** One end of a connection, as its process holds it. */
export interface End<Out> {
  readonly isOpen: boolean;
  readonly isFull: boolean;
  send(label: string, message: Out): void;
  /** Ends it: what was sent still arrives, then the other end hears of it. */
  close(why: string): void;
}

/** A connection between two processes. Neither end can know what the other one knows. */
export class Wire<AtoB, BtoA> {
  readonly a: End<AtoB>;
  readonly b: End<BtoA>;

  constructor(
    timeline: Timeline,
    ways: { readonly there: Way; readonly back: Way },
    a: { readonly process: SimProcess; readonly listener: EndListener<BtoA> },
    b: { readonly process: SimProcess; readonly listener: EndListener<AtoB> },
  ) {
    const endA = new Side<AtoB, BtoA>(timeline, ways.there, ways.back, a.process, a.listener);
    const endB = new Side<BtoA, AtoB>(timeline, ways.back, ways.there, b.process, b.listener);
    endA.join(endB);
    endB.join(endA);
    this.a = endA;
    this.b = endB;
  }
}

class Side<Out, In> implements End<Out> {
  readonly #timeline: Timeline;
  readonly #way: Way;
  readonly #process: SimProcess;
  readonly #listener: EndListener<In>;
  readonly #pipe: Pipe;
  readonly #unwatch: (() => void)[];
  #peer: Side<In, Out> | null = null;
  isOpen = true;

  constructor(timeline: Timeline, out: Way, back: Way, process: SimProcess, listener: EndListener<In>) {
    this.#timeline = timeline;
    this.#way = out;
    this.#process = process;
    this.#listener = listener;
    this.#pipe = new Pipe(out, timeline, () => process.take(() => this.isOpen && listener.drained()));
    this.#unwatch = [out, back].map((way) => way.watch({ cut: () => this.#listenFor(way), mended: () => undefined }));
    for (const way of [out, back]) if (way.isCut) this.#listenFor(way);
  }

  /** Gives up the other end when it, or its process, is silent for too long. */
  join(peer: Side<In, Out>): void {
    this.#peer = peer;
    const { process } = peer;
    this.#unwatch.push(
      process.atPause(() => {
        const sinceMs = process.pausedSinceMs;
        this.#giveUpLater(() => process.pausedSinceMs === sinceMs);
      }),
    );
    process.atEnd(() => {
      if (!peer.isOpen) return;
      // A process that dies has its connections closed for it, unless its machine went down with it.
      if (process.hasLostPower) this.#giveUpLater(() => true);
      else peer.close('its process died');
    });
  }

  get process(): SimProcess {
    return this.#process;
  }

  get isFull(): boolean {
    return this.#pipe.isFull;
  }

  send(label: string, message: Out): void {
    if (this.isOpen) this.#pipe.send(label, () => this.#peer?.hear((listener) => listener.received(message)));
  }

  close(why: string): void {
    if (!this.isOpen) return;
    this.#pipe.send('connection ends', () => {
      this.#peer?.hear((listener) => listener.closed(why), true);
      this.#pipe.close();
    });
    this.#over();
  }

  hear(tell: (listener: EndListener<In>) => void, isLast = false): void {
    this.#process.take(() => {
      if (!this.isOpen) return;
      if (isLast) {
        this.#pipe.close();
        this.#over();
      }
      tell(this.#listener);
    });
  }

  /** The peer is gone without a word. */
  loseThis(): void {
    this.#giveUpLater(() => true);
  }

  #listenFor(way: Way): void {
    const sinceMs = way.cutSinceMs;
    this.#giveUpLater(() => way.cutSinceMs === sinceMs);
  }

  #giveUpLater(isStillSilent: () => boolean): void {
    if (!this.isOpen) return;
    this.#timeline.after(this.#way.nextKeepaliveMs(), 'keepalive', () => {
      if (!this.isOpen || !isStillSilent()) return;
      this.#process.take(() => {
        if (!this.isOpen) return;
        this.#pipe.close();
        this.#over();
        // The other end asks in vain from now on.
        this.#peer?.loseThis();
        this.#listener.closed('the other side is silent');
      });
    });
  }

  #over(): void {
    this.isOpen = false;
    for (const end of this.#unwatch.splice(0)) end();
  }
}

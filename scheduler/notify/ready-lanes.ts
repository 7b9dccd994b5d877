// Which lane sends next: hosts take turns, each has so many sends at once. Pure. Every call costs the same however many lanes wait,
// since each commit asks, and thousands may wait for one host that is dead.

/** The lanes that could send now, by host. */
export class ReadyLanes<Lane extends { readonly host: string }> {
  readonly #perHost: number;
  readonly #lanes = new Map<string, Set<Lane>>();
  /** Hosts that have a lane here and a send left, the one whose turn it is first. */
  readonly #turns = new Set<string>();
  readonly #sendsTo = new Map<string, number>();
  #sends = 0;

  /** @param perHost sends to one host at once */
  constructor(perHost: number) {
    this.#perHost = perHost;
  }

  /** Sends under way. */
  get sends(): number {
    return this.#sends;
  }

  add(lane: Lane): void {
    const { host } = lane;
    const lanes = this.#lanes.get(host);
    if (lanes === undefined) this.#lanes.set(host, new Set([lane]));
    else lanes.add(lane);
    if (this.#sendsOf(host) < this.#perHost) this.#turns.add(host);
  }

  /** Takes the next lane; it sends until {@link done}. @returns null = none may send */
  take(): Lane | null {
    const [host] = this.#turns;
    const lanes = host === undefined ? undefined : this.#lanes.get(host);
    const [lane] = lanes ?? [];
    if (host === undefined || lanes === undefined || lane === undefined) return null;
    lanes.delete(lane);
    if (lanes.size === 0) this.#lanes.delete(host);
    this.#sends += 1;
    this.#sendsTo.set(host, this.#sendsOf(host) + 1);
    // To the end, so that a host that always has something does not keep all others waiting.
    this.#turns.delete(host);
    if (lanes.size > 0 && this.#sendsOf(host) < this.#perHost) this.#turns.add(host);
    return lane;
  }

  /** A send to this host is over. */
  done(host: string): void {
    this.#sends -= 1;
    const left = this.#sendsOf(host) - 1;
    if (left === 0) this.#sendsTo.delete(host);
    else this.#sendsTo.set(host, left);
    if (this.#lanes.has(host)) this.#turns.add(host);
  }

  #sendsOf(host: string): number {
    return this.#sendsTo.get(host) ?? 0;
  }
}

// Follows workloads from their supposed submission to their start: what the engine decides now, and then, as one after the
// other of those that hold GPUs is bound to have left, what it decides each time. Rules that depend on the time of day are
// judged as of now, since a what-if must not let the engine see the future.
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Draft } from '../model/draft.js';
import { hasEnded, markEnded, markReleased } from '../model/lifecycle.js';
import type { Allocation, Placement } from '../model/records.js';
import type { Decision } from './decisions.js';
import { departureMs, Departures } from './departures.js';
import { displacement, type Displaced, withGrace } from './displaced.js';
import type { WhatIf } from './what-if.js';

/** Where and by when a workload would have started. */
export interface FoundStart {
  /** `now`: at once; `after_victims`: they are chosen now; `later`: other work has to leave first. */
  readonly type: 'now' | 'after_victims' | 'later';
  readonly byMs: number;
  readonly placements: readonly Placement[];
}

export class LookAhead {
  readonly starts = new Map<WorkloadNumber, FoundStart>();
  /** Who is displaced for the workloads asked about, in the order of the decisions. */
  readonly displaced: Displaced[] = [];
  readonly #whatIf: WhatIf;
  readonly #state: ReadableState;
  readonly #nowMs: number;
  readonly #asked: ReadonlySet<WorkloadNumber>;
  readonly #departures = new Departures();
  /** The moment that is looked at; the first one is now. */
  #atMs: number;
  #first = true;
  /** Bound at this moment; when they leave is still to be noted. */
  #bound = new Set<WorkloadNumber>();

  constructor(whatIf: WhatIf, state: ReadableState, nowMs: number, asked: readonly WorkloadNumber[]) {
    this.#whatIf = whatIf;
    this.#state = state;
    this.#nowMs = nowMs;
    this.#atMs = nowMs;
    this.#asked = new Set(asked);
  }

  /** Workloads that hold GPUs and never leave by themselves; known once {@link run} began to look. */
  get endless(): number {
    return this.#departures.endless;
  }

  /** What is decided at once. @returns false when the budget ended first */
  now(): boolean {
    return this.#settle();
  }

  /**
   * Lets what is bound to leave do so, in order, until all that can start have started or nothing more leaves.
   * @returns false when the budget ended first
   */
  run(canStart: (number: WorkloadNumber) => boolean): boolean {
    const waits = (): boolean => [...this.#asked].some((number) => !this.starts.has(number) && canStart(number));
    if (!waits()) return true;
    if (!this.#noteHolders()) return false;
    this.#first = false;
    this.#noteBound();
    while (waits()) {
      const departure = this.#departures.next();
      if (departure === null) return true;
      this.#atMs = departure.atMs;
      this.#whatIf.suppose((draft) => leave(draft, departure.allocations, this.#nowMs));
      if (!this.#settle()) return false;
      this.#noteBound();
    }
    return true;
  }

  #settle(): boolean {
    const victims: Displaced[] = [];
    const settled = this.#whatIf.settle((decision, draft) => this.#follow(decision, draft, victims));
    // By now the stops of all victims are on record.
    const told = victims.map((victim) => withGrace(victim, this.#whatIf.draft));
    this.displaced.push(...told);
    for (const [number, start] of this.starts) {
      const { claim } = this.#whatIf.draft.workload(number);
      if (claim && start.byMs === this.#atMs) {
        // Who leaves for it is not always on the GPUs it gets: what lacked may be CPU, memory, or room in a limit.
        const graces = told.filter(({ forWorkload }) => forWorkload === number).map(({ graceMs }) => graceMs);
        const leavingMs = Math.max(this.#leavingMs(claim.placements), ...graces);
        this.starts.set(number, { ...start, byMs: this.#atMs + leavingMs });
      }
    }
    return settled;
  }

  #follow(decision: Decision, draft: Draft, victims: Displaced[]): void {
    const { workload: number } = decision;
    switch (decision.type) {
      case 'evict': {
        const victim = { ...displacement(decision, draft, this.#nowMs), later: !this.#first };
        if (decision.forWorkload !== null && this.#asked.has(decision.forWorkload)) victims.push(victim);
        if (!this.#first) {
          this.#departures.add({ atMs: this.#atMs + victim.graceMs, allocations: decision.allocations });
        }
        return;
      }
      case 'drop_claim':
        this.starts.delete(number);
        return;
      case 'claim':
        if (this.#asked.has(number)) this.#startsAt(number, 'after_victims', decision.placements);
        return;
      case 'bind':
        if (this.#asked.has(number)) this.#startsAt(number, 'now', decision.placements);
        this.#bound.add(number);
    }
  }

  #startsAt(number: WorkloadNumber, how: 'now' | 'after_victims', placements: readonly Placement[]): void {
    const known = this.starts.get(number);
    // A claim that is kept, or tasks more of an elastic workload: the start was found before.
    if (known && !this.#first) return;
    if (known?.type === 'now') {
      if (how === 'now') this.starts.set(number, { ...known, placements: [...known.placements, ...placements] });
      return;
    }
    this.starts.set(number, { type: this.#first ? how : 'later', byMs: this.#atMs, placements });
  }

  /** How long it takes at most until the present holders of those GPUs have left. */
  #leavingMs(placements: readonly Placement[]): number {
    let latestMs = this.#nowMs;
    for (const { node, gpus } of placements) {
      for (const allocation of this.#heldOn(node)) {
        if (allocation.stop === null || !allocation.gpus.some(({ index }) => gpus.includes(index))) continue;
        const workload = this.#whatIf.draft.workload(allocation.workload);
        latestMs = Math.max(latestMs, departureMs(allocation, workload, this.#nowMs) ?? latestMs);
      }
    }
    return latestMs - this.#nowMs;
  }

  #heldOn(node: NodeId): readonly Allocation[] {
    return this.#state.heldOn(node).flatMap((allocation) => this.#whatIf.supposed(allocation) ?? []);
  }

  /** Notes when everything that holds GPUs leaves. Cost: one pass over it. @returns false when the time was over first */
  #noteHolders(): boolean {
    for (const id of this.#state.nodes.keys()) {
      if (!this.#whatIf.mayGoOn) return false;
      for (const allocation of this.#heldOn(id as NodeId)) {
        const workload = this.#state.workload(allocation.workload);
        if (workload) this.#departures.note(allocation, workload, this.#nowMs);
      }
    }
    this.#departures.sort();
    return true;
  }

  #noteBound(): void {
    for (const number of this.#bound) {
      const { spec, allocations } = this.#whatIf.draft.workload(number);
      if (spec.timeLimitMs === null) this.#departures.addEndless(number);
      else this.#departures.add({ atMs: this.#atMs + spec.timeLimitMs + spec.graceMs, allocations });
    }
    this.#bound.clear();
  }
}

/** Ends tasks and frees their GPUs, in a draft: a stop runs its course, all others end well. */
export function leave(draft: Draft, allocations: readonly AllocationId[], nowMs: number): void {
  for (const id of allocations) {
    const allocation = draft.get('allocations', id);
    if (allocation === undefined || allocation.state === 'released') continue;
    if (!hasEnded(allocation)) {
      const exit = { code: 0, signal: '', message: '' };
      markEnded(draft, id, { exit, endedMs: nowMs, ofItsOwn: allocation.stop === null }, nowMs);
    }
    markReleased(draft, id, 'clean', nowMs);
  }
}

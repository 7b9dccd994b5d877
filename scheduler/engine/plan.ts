// What-if: where and when would work start and who would be displaced; what would a changed quota move. The engine itself
// answers, on suppositions that are taken back (what-if.ts); a start that is not now is looked for by letting running work
// leave (look-ahead.ts). Bounded: what the budget does not reach is said not to be found.
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import { plural } from '../../common/units.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Draft } from '../model/draft.js';
import type { Placement, Workload } from '../model/records.js';
import type { Decision, Explanation, PendingReason, QueueShare } from './decisions.js';
import { displacement, type Displaced, withGrace } from './displaced.js';
import { explain, pendingReason } from './explain.js';
import { type FoundStart, leave, LookAhead } from './look-ahead.js';
import type { ClusterView } from './view.js';
import { WhatIf, type WhatIfMeans } from './what-if.js';

/** Pending workloads whose reasons are compared before and after a change of a queue. */
export const MAX_REASONS_COMPARED = 1_000;
/** How often victims leave and the engine decides anew after a change of a queue; by its laws it settles sooner. */
const MAX_ROUNDS = 10;

/** When a workload would start. */
export type PlannedStart =
  | Pick<FoundStart, 'type' | 'byMs'>
  /** Nobody can tell; `why` completes "unknown: ". */
  | { readonly type: 'unknown'; readonly why: string }
  /** No known node could hold it. */
  | { readonly type: 'never' }
  /** The budget ended before that was found. */
  | { readonly type: 'not_found' };

export interface PlannedWorkload {
  /** As it would be just after that. */
  readonly workload: Workload;
  readonly start: PlannedStart;
  /** Where; empty when that is not known. */
  readonly placements: readonly Placement[];
  /** Why it would not start at once; null when it would, or when that was not found. */
  readonly explanation: Explanation | null;
}

export interface WorkloadPlan {
  readonly workloads: readonly PlannedWorkload[];
  readonly displaced: readonly Displaced[];
  /** False when the budget ended first. */
  readonly complete: boolean;
  readonly workUnits: number;
}

/** A pending workload that would start. */
export interface StartedWorkload {
  readonly workload: Workload;
  readonly placements: readonly Placement[];
  readonly afterVictims: boolean;
}

/** A workload that would be pending for another reason than before; `before` null = it was running. */
export interface NewlyPending {
  readonly workload: Workload;
  readonly before: PendingReason | null;
  readonly after: Explanation;
}

export interface QueuePlan {
  readonly before: readonly QueueShare[];
  readonly after: readonly QueueShare[];
  readonly displaced: readonly Displaced[];
  readonly started: readonly StartedWorkload[];
  readonly pending: readonly NewlyPending[];
  /** False when the budget ended first: what is told would happen, and maybe more. */
  readonly complete: boolean;
  readonly workUnits: number;
}

/**
 * Where and when workloads would start, and who would be displaced. The view is as before when it returns or throws.
 * @param submit makes the workloads in a draft and names them; what it throws is thrown
 */
export function planWorkloads(
  view: ClusterView,
  state: ReadableState,
  means: WhatIfMeans,
  submit: (draft: Draft) => readonly WorkloadNumber[],
): WorkloadPlan {
  const whatIf = new WhatIf(view, state, means);
  const { nowMs } = means;
  try {
    const asked = whatIf.suppose(submit);
    const ahead = new LookAhead(whatIf, state, nowMs, asked);
    const decided = ahead.now();
    const explained = (number: WorkloadNumber) => (decided ? explain(view, number, nowMs) : null);
    const explanations = new Map(asked.map((number) => [number, explained(number)] as const));
    const isHopeless = (number: WorkloadNumber) => explanations.get(number)?.reason === 'NO_SUCH_GPU';
    const complete = decided && ahead.run((number) => !isHopeless(number));
    const startOf = (number: WorkloadNumber): PlannedStart => {
      const found = ahead.starts.get(number);
      if (found) return { type: found.type, byMs: found.byMs };
      if (isHopeless(number)) return { type: 'never' };
      return complete ? { type: 'unknown', why: whyUnknown(view, ahead, number, nowMs) } : { type: 'not_found' };
    };
    const workloads = asked.map((number) => ({
      workload: whatIf.draft.workload(number),
      start: startOf(number),
      placements: ahead.starts.get(number)?.placements ?? [],
      explanation: explanations.get(number) ?? null,
    }));
    return { workloads, displaced: ahead.displaced, complete, workUnits: whatIf.workUnits };
  } finally {
    whatIf.withdraw();
  }
}

/** What GPUs falling free can mend. */
const MENDED_BY_DEPARTURES: ReadonlySet<PendingReason> = new Set([
  'QUEUE_LIMIT',
  'GUARANTEE_EXHAUSTED',
  'FRAGMENTED',
  'RESOURCES',
]);

/** Why it does not start even when all has left that ever leaves by itself. */
function whyUnknown(view: ClusterView, ahead: LookAhead, number: WorkloadNumber, nowMs: number): string {
  const left = explain(view, number, nowMs);
  if (left && (ahead.endless === 0 || !MENDED_BY_DEPARTURES.has(left.reason))) return left.summary;
  return `${plural(ahead.endless, 'running workload')} ${ahead.endless === 1 ? 'has' : 'have'} no time limit`;
}

/**
 * What a change of a queue would move, up to where all victims are gone and the cluster has settled. The view is as before
 * when it returns or throws.
 * @param change makes it in a draft; what it throws is thrown
 */
export function planQueueChange(
  view: ClusterView,
  state: ReadableState,
  means: WhatIfMeans,
  change: (draft: Draft) => void,
): QueuePlan {
  const whatIf = new WhatIf(view, state, means);
  const { nowMs } = means;
  try {
    // What is due anyway is none of the change's doing.
    let complete = whatIf.settle(() => undefined);
    const before = view.queueShares();
    const reasons = new Map(
      firstPending(whatIf.draft, state).map((number) => [number, pendingReason(view, number)] as const),
    );
    const moves = new Moves(nowMs);
    whatIf.suppose(change);
    complete &&= whatIf.settle((decision, draft) => moves.follow(decision, draft));
    for (let rounds = 0; complete && moves.leaving.size > 0 && rounds < MAX_ROUNDS; rounds++) {
      const gone = [...moves.leaving];
      moves.leaving.clear();
      whatIf.suppose((draft) => leave(draft, gone, nowMs));
      complete = whatIf.settle((decision, draft) => moves.follow(decision, draft));
    }
    const pending = [...new Set([...reasons.keys(), ...moves.displaced.keys()])].flatMap((number): NewlyPending[] => {
      const reason = reasons.get(number) ?? null;
      if (!complete || pendingReason(view, number) === reason) return [];
      const after = explain(view, number, nowMs);
      return after ? [{ workload: whatIf.draft.workload(number), before: reason, after }] : [];
    });
    return {
      before,
      after: view.queueShares(),
      displaced: [...moves.displaced.values()].map((victim) => withGrace(victim, whatIf.draft)),
      started: [...moves.started.values()],
      pending,
      complete,
      workUnits: whatIf.workUnits,
    };
  } finally {
    whatIf.withdraw();
  }
}

/** Pending workloads, queue by queue, up to the limit. */
function firstPending(draft: Draft, state: ReadableState): readonly WorkloadNumber[] {
  const found: WorkloadNumber[] = [];
  for (const { name } of state.queues.values()) {
    for (const number of state.pendingIn(name)) {
      if (found.length === MAX_REASONS_COMPARED) return found;
      if (draft.workload(number).state === 'pending') found.push(number);
    }
  }
  return found;
}

/** Who starts, stops and goes on elsewhere, from the decisions. */
class Moves {
  readonly displaced = new Map<WorkloadNumber, Displaced>();
  readonly started = new Map<WorkloadNumber, StartedWorkload>();
  /** Tasks that were told to stop and have not left yet. */
  readonly leaving = new Set<AllocationId>();
  readonly #nowMs: number;

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  follow(decision: Decision, draft: Draft): void {
    const { workload: number } = decision;
    switch (decision.type) {
      case 'evict':
        for (const id of decision.allocations) this.leaving.add(id);
        this.started.delete(number);
        if (!this.displaced.has(number)) {
          this.displaced.set(number, displacement(decision, draft, this.#nowMs));
        }
        return;
      case 'drop_claim':
        this.#starts(draft, number, [], false);
        return;
      case 'claim':
        this.#starts(draft, number, decision.placements, true);
        return;
      case 'bind':
        this.#starts(draft, number, decision.placements, this.displaced.size > 0);
    }
  }

  /** A claim names the places that the bind which follows it fills, or other ones. No places = it does not start. */
  #starts(draft: Draft, number: WorkloadNumber, placements: readonly Placement[], afterVictims: boolean): void {
    const victim = this.displaced.get(number);
    if (victim) {
      this.displaced.set(number, { ...victim, restarts: placements });
      return;
    }
    const workload = draft.workload(number);
    // One that runs already only grows.
    if (workload.state !== 'pending') return;
    if (placements.length === 0) this.started.delete(number);
    else this.started.set(number, { workload, placements, afterVictims });
  }
}

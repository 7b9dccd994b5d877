// What control owes by itself, without being asked: gates that open or close because something else changed, retries whose
// pause is over, time limits, maintenance. All of it follows from the records, so that nothing of it is lost in a restart:
// a daemon that begins reads them and is owed the same.
//
// It follows every change of the state and answers what is to be done at a time, one act after the other, each a change of
// a draft. Work is done only where something changed or is due, never by looking at everything.
import type { NodeId, WorkloadNumber } from '../../common/ids.js';
import { nextChangeMs } from '../engine/maintenance.js';
import type { ReadableState } from '../model/cluster-state.js';
import { isTerminal } from '../model/cluster-state.js';
import { requeuePauseMs } from '../model/asked-requeue.js';
import type { Draft } from '../model/draft.js';
import { passageOf, takesPlace } from '../model/gate.js';
import { cancelPending } from '../model/lifecycle.js';
import { pauseBeforeMs } from '../model/retry.js';
import { stopDueMs } from '../model/time-limit.js';
import { workloadKey, type ClusterNode, type RecordChange, type Workload } from '../model/records.js';
import { Agenda } from './agenda.js';
import { endMarks, nextMarkEndOfMs } from './commands/gpu-health.js';
import { giveUpStart } from './commands/start-limit.js';
import { enforceTimeLimit } from './commands/time-limit.js';
import { followCalendar } from './commands/maintenance.js';

/** At most so many acts belong to one turn, so that none of them delays commands without bound; the rest is next. */
export const MAX_ACTS_PER_TURN = 1_000;

/** One thing to do. */
export type Act = (draft: Draft) => void;

interface ArrayUse {
  taken: number;
  /** Those at the gate, the lowest number first as long as none was requeued. */
  readonly waiting: Set<WorkloadNumber>;
}

/** Keeps what is owed, and says what is due. */
export class Upkeep {
  readonly #state: ReadableState;
  readonly #agenda = new Agenda();
  /** Pending workloads whose gate has to be looked at again. */
  readonly #gates = new Set<WorkloadNumber>();
  /** Those that wait for a workload, by its number. */
  readonly #dependents = new Map<WorkloadNumber, Set<WorkloadNumber>>();
  readonly #arrays = new Map<WorkloadNumber, ArrayUse>();

  /** Reads everything once: what the records owe. */
  constructor(state: ReadableState) {
    this.#state = state;
    for (const workload of state.workloads.values()) this.#noteWorkload(null, workload);
    for (const node of state.nodes.values()) this.#noteNode(null, node);
  }

  /** Follows a change that the state has taken. */
  note(change: RecordChange): void {
    if (change.collection === 'workloads') this.#noteWorkload(change.before, change.after);
    else if (change.collection === 'nodes') this.#noteNode(change.before, change.after);
  }

  /** Whether something is to be done by now. */
  isDue(nowMs: number): boolean {
    return this.#gates.size > 0 || (this.#agenda.nextMs() ?? Infinity) <= nowMs;
  }

  /** When something is to be done next; null = nothing is, unless something changes. */
  nextMs(): number | null {
    return this.#gates.size > 0 ? 0 : this.#agenda.nextMs();
  }

  /** What is to be done by now, at most {@link MAX_ACTS_PER_TURN}. Each act must be applied before the next is taken. */
  *take(nowMs: number): Generator<Act, void> {
    for (let count = 0; count < MAX_ACTS_PER_TURN; count += 1) {
      const act = this.#next(nowMs);
      if (act === null) return;
      yield act;
    }
  }

  #next(nowMs: number): Act | null {
    for (const number of this.#gates) {
      this.#gates.delete(number);
      return (draft) => this.#openOrClose(draft, number, nowMs);
    }
    const key = this.#agenda.takeDue(nowMs);
    if (key === null) return null;
    if (key.startsWith(MARKS)) return (draft) => endMarks(draft, key.slice(MARKS.length) as NodeId, nowMs);
    if (key.startsWith(NODE)) {
      const id = key.slice(NODE.length) as NodeId;
      const node = this.#state.node(id);
      if (node !== undefined) this.#agenda.set(key, nextChangeMs(node.maintenance, nowMs));
      return (draft) => followCalendar(draft, id, nowMs);
    }
    const number = Number(key.slice(WORKLOAD.length)) as WorkloadNumber;
    return (draft) => {
      const workload = draft.workload(number);
      if (workload.state === 'pending') this.#openOrClose(draft, number, nowMs);
      else if (workload.state === 'starting') giveUpStart(draft, workload, nowMs);
      else enforceTimeLimit(draft, workload, nowMs);
    };
  }

  #openOrClose(draft: Draft, number: WorkloadNumber, nowMs: number): void {
    const stored = draft.get('workloads', workloadKey(number));
    if (stored?.state !== 'pending') return;
    const workload = withSoundPause(stored, nowMs);
    const passage = passageOf(
      {
        workload: (other) => this.#state.workload(other),
        placesTakenIn: (array) => this.#arrays.get(array)?.taken ?? 0,
      },
      workload,
      nowMs,
    );
    if (passage.type === 'never') {
      cancelPending(draft, number, passage.why, nowMs);
      return;
    }
    const gate = passage.type === 'open' ? null : passage.gate;
    const known = workload.gate;
    const isSame = gate?.kind === known?.kind && gate?.message === known?.message && gate?.untilMs === known?.untilMs;
    if (isSame && workload === stored) return;
    draft.putWorkload({ ...workload, gate, claim: gate === null ? workload.claim : null });
  }

  #noteWorkload(before: Workload | null, after: Workload | null): void {
    const number = (after ?? before)?.number;
    if (number === undefined) return;
    this.#noteDependencies(number, before, after);
    this.#noteArray(number, before, after);
    this.#agenda.set(WORKLOAD + number, after === null ? null : dueMsOf(after));
    const isNew = before === null || before.hold !== after?.hold;
    if (after?.state === 'pending' && isNew && (after.gate !== null || after.hold !== null)) this.#gates.add(number);
    const progressed =
      before !== null &&
      (after === null ||
        (isTerminal(after.state) && !isTerminal(before.state)) ||
        (after.startedMs !== null && before.startedMs === null));
    if (progressed) for (const dependent of this.#dependents.get(number) ?? []) this.#gates.add(dependent);
  }

  #noteDependencies(number: WorkloadNumber, before: Workload | null, after: Workload | null): void {
    if (waitsForOthers(before) === waitsForOthers(after)) return;
    for (const { workload } of (after ?? before)?.spec.dependencies ?? []) {
      const dependents = this.#dependents.get(workload) ?? new Set();
      if (waitsForOthers(after)) this.#dependents.set(workload, dependents.add(number));
      else if (dependents.delete(number) && dependents.size === 0) this.#dependents.delete(workload);
    }
  }

  #noteArray(number: WorkloadNumber, before: Workload | null, after: Workload | null): void {
    const place = (after ?? before)?.spec.array ?? null;
    if (place === null || place.concurrency === 0) return;
    const use = this.#arrays.get(place.of) ?? { taken: 0, waiting: new Set() };
    this.#arrays.set(place.of, use);
    use.taken += Number(after !== null && takesPlace(after)) - Number(before !== null && takesPlace(before));
    if (isAtArrayGate(after)) use.waiting.add(number);
    else use.waiting.delete(number);
    const [next] = use.waiting;
    if (next === undefined && use.taken === 0) this.#arrays.delete(place.of);
    else if (next !== undefined && use.taken < place.concurrency) this.#gates.add(next);
  }

  #noteNode(before: ClusterNode | null, after: ClusterNode | null): void {
    const id = (after ?? before)?.id;
    if (id === undefined) return;
    this.#agenda.set(MARKS + id, after === null ? null : nextMarkEndOfMs(after));
    if (after !== null && before?.maintenance === after.maintenance) return;
    // Looked at at once: a window may be open already.
    this.#agenda.set(NODE + id, after === null || after.maintenance.length === 0 ? null : 0);
  }
}

const NODE = 'node/';
const MARKS = 'marks/';
const WORKLOAD = 'workload/';

/** A daemon that begins after its machine's clock was set back finds pauses that nobody asked for: they are cut to what they were. */
function withSoundPause(workload: Workload, nowMs: number): Workload {
  const { spec, retries, hastyRequeues = 0 } = workload;
  const latestMs = nowMs + (hastyRequeues > 0 ? requeuePauseMs(hastyRequeues) : pauseBeforeMs(spec.retry, retries));
  return workload.notBeforeMs > latestMs ? { ...workload, notBeforeMs: latestMs } : workload;
}

/** When time itself changes something for a workload. */
function dueMsOf({ state, gate, deadline, spec, startByMs }: Workload): number | null {
  if (state === 'pending') return gate?.untilMs ?? null;
  if (state === 'starting') return startByMs ?? null;
  return deadline === null ? null : Math.min(deadline.warnMs ?? Infinity, stopDueMs(deadline, spec));
}

/** Whether the progress of others decides what becomes of it: it has dependencies and was never placed. */
function waitsForOthers(workload: Workload | null): boolean {
  return workload?.state === 'pending' && workload.attempt === 0 && workload.spec.dependencies.length > 0;
}

function isAtArrayGate(workload: Workload | null): boolean {
  return workload?.state === 'pending' && workload.gate?.kind === 'array';
}

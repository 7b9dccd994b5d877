// What the agent does next, and nothing else: pure, so that the same code runs in the agent, in a simulator and in tests.
//
// The scheduler sends the full set of allocations this node should have, the agent keeps the full set it has, and every
// input leads to one comparison of the two:
//
//   desired            here                         then
//   listed             absent                       start, once: listed over the present stream, with a lease, new
//                                                   generations, where nobody is in the way
//   listed             absent, no room beside       reported as never started: two owners are never right
//                      others that are to stay
//   listed             absent, a GPU of it perhaps  waits until the GPU was seen clean; reported as never started when that
//                      not clean                    takes too long
//   listed, held       absent                       made ready, once, on the same conditions
//   listed, held       ready                        nothing: others of its gang are not ready
//   listed             ready                        go, once: listed over the present stream, with a lease
//   listed, to stop    absent                       reported as never started; a late order cannot start it any more
//   listed             starting, running            nothing
//   listed, to stop    starting, running            stop file, stop signal, kill after the grace
//   not listed         starting, running            stopped and killed at once: nobody answers for it
//   spared             starting, running            nothing: nobody asked for it, but a person is to look at it first
//   any                exited                       GPUs looked at until they are clean, then released
//   listed             released                     reported again and again
//   not listed         released                     forgotten
//   any                running, lease long over     stopped as NODE_LOST
//
// `nowMs` is the agent's clock: milliseconds since boot, suspend included, since leases are counted on it.
import { GPU_PARTS } from '../../common/gpu-parts.js';
import type { AllocationId } from '../../common/ids.js';
import type { Cleanliness } from '../gpu/provider.js';
import {
  type Checkpoint,
  type DesiredAllocation,
  type Endpoint,
  type Grant,
  isLive,
  type LocalAllocation,
  type StopReason,
  type TaskExit,
} from './allocation.js';
import {
  baselineDue,
  type Generations,
  inTheWay,
  type MigLayout,
  whyImpossible,
  whyStale,
  withAccepted,
} from './slots.js';
import {
  afterLook,
  CLEAN_LIMIT_MS,
  CLEAN_RETRY_MS,
  type Doubts,
  dueLooks,
  judgeDoubts,
  lookingAt,
  nextLookMs,
  whyDoubted,
  withDoubts,
} from './doubts.js';
import { afterReset, dueReset, type GpuReset, isBeingReset, NO_RESETS, type Resets, withAsked } from './resets.js';
import { graceWithoutLease } from '../runtime/supervision.js';
import { judgeTerm, type ObeyedTerm, type PresentedTerm, withTerm } from './terms.js';

/** How often a kill is repeated until the task is gone, in ms. */
export const KILL_RETRY_MS = 5_000;
/** Heartbeats that may be unanswered at once; the oldest are forgotten. */
export const MAX_UNANSWERED = 64;
/** Tasks that a node has at once; more than that many shares of all its GPUs and tasks without GPUs are refused. */
export const MAX_TASKS = 1_024;

/** What the agent must not forget over restarts. */
export interface JournalContent extends Generations, ObeyedTerm {
  /** The highest revision obeyed in this history. */
  readonly maxRevision: number;
  /** Everything accepted and not forgotten; `refusal` = why it was never started, without a trace in its folder. */
  readonly allocations: readonly { readonly grant: Grant; readonly refusal: string | null }[];
}

/** Everything the agent decides from. */
export interface SessionState {
  readonly journal: Omit<JournalContent, 'allocations'>;
  readonly allocations: ReadonlyMap<AllocationId, LocalAllocation>;
  /** The last set that was obeyed; null = none since the agent started or the history changed. */
  readonly desired: ReadonlyMap<AllocationId, DesiredAllocation> | null;
  /** Whether that set came over the present stream. One from before may list what was given up and started elsewhere meanwhile. */
  readonly isDesiredNow: boolean;
  /** Not listed, and yet not to be ended before the scheduler says so: a person looks at them. */
  readonly spared: ReadonlySet<AllocationId>;
  /** Orders that are not carried out yet stay so: the next agent of this state folder takes them up, or the scheduler gives them up. */
  readonly isLeaving: boolean;
  /** Which GPUs are in MIG mode; null = not known yet. */
  readonly layout: MigLayout | null;
  /** GPUs that may not be clean, whoever used them. */
  readonly doubts: Doubts;
  readonly resets: Resets;
  readonly connection: 'down' | 'greeting' | 'up';
  /** The highest revision that this history was heard to have, obeyed or not: a witness of what a store may lose. Not kept over restarts. */
  readonly heardRevision: number;
  /** Until when this node may start tasks and run them, in ms since boot. */
  readonly leaseDeadlineMs: number;
  readonly heartbeat: Heartbeat;
}

interface Heartbeat {
  readonly intervalMs: number;
  readonly leaseMs: number;
  readonly lastSequence: number;
  /** When the next one is due; null = not connected. */
  readonly nextMs: number | null;
  /** When each unanswered one was sent. */
  readonly sentMs: ReadonlyMap<number, number>;
}

export type SessionInput =
  | { readonly type: 'connected' }
  | { readonly type: 'disconnected' }
  | {
      readonly type: 'welcomed';
      readonly clusterId: string;
      readonly lineage: string;
      readonly epoch: number;
      /** Empty = the scheduler does not say. */
      readonly leaderId: string;
      readonly heartbeatMs: number;
      readonly leaseMs: number;
    }
  | {
      readonly type: 'desired';
      readonly epoch: number;
      readonly leaderId: string;
      readonly revision: number;
      readonly allocations: readonly DesiredAllocation[];
      /** What nobody asked for and is not to be ended yet. */
      readonly spared: readonly AllocationId[];
      /** GPUs to be reset; absent = none. */
      readonly resets?: readonly GpuReset[];
    }
  | { readonly type: 'heartbeat answered'; readonly sequence: number; readonly revision: number }
  /** Everything is prepared, and it waits to be let go. */
  | { readonly type: 'ready'; readonly id: AllocationId }
  | { readonly type: 'started'; readonly id: AllocationId; readonly startedMs: number }
  | { readonly type: 'ended'; readonly id: AllocationId; readonly end: TaskEnd }
  /** `clean` = no process of it is left and its GPUs are at their baseline; else those that are not. */
  | {
      readonly type: 'cleaned';
      readonly id: AllocationId;
      readonly clean: boolean;
      readonly dirtyGpus: readonly string[];
    }
  | { readonly type: 'checkpoint'; readonly id: AllocationId; readonly checkpoint: Checkpoint }
  | { readonly type: 'endpoints'; readonly id: AllocationId; readonly endpoints: readonly Endpoint[] }
  /** The inventory was read. */
  | { readonly type: 'inventory'; readonly layout: MigLayout }
  /** Something may have been left on these GPUs that no allocation here tells of; of those that are held, their holders tell. */
  | { readonly type: 'doubted'; readonly gpus: readonly string[] }
  /** A GPU in doubt was looked at. `askedMs` as in the question. */
  | { readonly type: 'looked'; readonly gpu: string; readonly askedMs: number; readonly answer: Cleanliness }
  /** The reset under way is over, and how it went is told. */
  | { readonly type: 'reset over' }
  /** The agent ends its tasks and goes: nothing new starts, else the scheduler would fill again what is being emptied. */
  | { readonly type: 'leaving' }
  | { readonly type: 'tick' };

/** How a task ended, as its folder tells. */
export interface TaskEnd extends TaskExit {
  readonly neverStarted: boolean;
  readonly startedMs: number | null;
  readonly endedMs: number;
  readonly stopSignalled: boolean;
}

export type SessionOutput =
  /** The journal changed. No `start` of this or a later step may be carried out before it is durable. */
  | { readonly type: 'persist' }
  | { readonly type: 'send hello' }
  | { readonly type: 'send heartbeat'; readonly sequence: number }
  /** What the node has changed; sent soon, once for many changes. */
  | { readonly type: 'send observed' }
  | { readonly type: 'write lease'; readonly deadlineMs: number }
  | { readonly type: 'start'; readonly allocation: DesiredAllocation }
  /** What is ready starts. */
  | { readonly type: 'go'; readonly allocation: DesiredAllocation }
  | { readonly type: 'stop'; readonly id: AllocationId; readonly reason: StopReason; readonly graceMs: number }
  | { readonly type: 'kill'; readonly id: AllocationId }
  /** When the time limit of a task passes, by the scheduler's time of day. */
  | { readonly type: 'deadline'; readonly id: AllocationId; readonly deadlineMs: number }
  /** Its processes, and the memory of those GPUs that nobody else uses. `gpus` = all it had. */
  | {
      readonly type: 'check clean';
      readonly id: AllocationId;
      readonly gpus: readonly string[];
      readonly baselineOf: readonly string[];
    }
  /** The memory of a GPU in doubt. */
  | { readonly type: 'look'; readonly gpu: string; readonly askedMs: number }
  /** Nothing holds these GPUs, and nothing starts on them before the answer. */
  | { readonly type: 'reset'; readonly gpus: readonly string[] }
  /** What is known against GPUs changed. */
  | { readonly type: 'send inventory' }
  | { readonly type: 'forget'; readonly id: AllocationId }
  | { readonly type: 'close connection'; readonly why: string }
  /** For the log. */
  | { readonly type: 'note'; readonly id: AllocationId | null; readonly message: string };

export interface StepResult {
  readonly state: SessionState;
  readonly outputs: readonly SessionOutput[];
}

/** What became of an allocation while the agent was away. */
export type Restored =
  | { readonly state: 'running'; readonly startedMs: number | null }
  /** It was ready, and nobody started it. */
  | { readonly state: 'ready' }
  | {
      readonly state: 'ended';
      readonly end: TaskEnd;
      /** The newest complete one that was found; absent = none was. */
      readonly checkpoint?: Checkpoint;
    };

/** The state of an agent that just started: from its journal, and from what the folders told of each allocation in it. */
export function restoreSession(
  journal: JournalContent,
  restored: ReadonlyMap<AllocationId, Restored>,
  leaseDeadlineMs: number,
  nowMs: number,
): SessionState {
  const { allocations, ...rest } = journal;
  const here = allocations.map(({ grant, refusal }): LocalAllocation => {
    if (refusal !== null) return neverStarted(grant, refusal);
    const found = restored.get(grant.id);
    if (found?.state === 'ended') {
      return endOf({ ...newAllocation(grant), checkpoint: found.checkpoint ?? null }, found.end, nowMs);
    }
    if (found?.state === 'ready') return { ...newAllocation(grant), hold: 'ready' };
    return { ...newAllocation(grant), phase: 'running', startedMs: found?.startedMs ?? null };
  });
  return {
    journal: rest,
    allocations: new Map(here.map((one) => [one.grant.id, one])),
    desired: null,
    isDesiredNow: false,
    spared: new Set(),
    isLeaving: false,
    layout: null,
    doubts: new Map(),
    resets: NO_RESETS,
    connection: 'down',
    heardRevision: journal.maxRevision,
    leaseDeadlineMs,
    heartbeat: { intervalMs: 0, leaseMs: 0, lastSequence: 0, nextMs: null, sentMs: new Map() },
  };
}

/** What has to be on disk for this state. */
export function journalOf(state: SessionState): JournalContent {
  const allocations = [...state.allocations.values()].map(({ grant, neverStarted: never, exit, phase }) => ({
    grant,
    // One that is still looked at has its record in its folder.
    refusal: never && phase === 'released' ? (exit?.message ?? '') : null,
  }));
  return { ...state.journal, allocations };
}

/** GPUs that belong to an allocation that is not released. */
export function heldGpus(state: SessionState): Set<string> {
  return new Set(holdersOf(state).flatMap(({ grant }) => grant.gpus.map(({ uuid }) => uuid)));
}

/** Allocations that are not released. */
function holdersOf(state: SessionState): LocalAllocation[] {
  return [...state.allocations.values()].filter(({ phase }) => phase !== 'released');
}

/** When `tick` is needed at the latest if nothing else happens, in the agent's clock; null = not at all. */
export function nextTickMs(state: SessionState): number | null {
  const dues = state.heartbeat.nextMs === null ? [] : [state.heartbeat.nextMs];
  for (const one of state.allocations.values()) {
    if (isLive(one)) dues.push(one.stop?.killAtMs ?? state.leaseDeadlineMs + one.grant.lingerMs + 1);
    else if (one.cleaning !== null && one.cleaning.nextMs !== null) dues.push(one.cleaning.nextMs);
  }
  if (state.doubts.size > 0) {
    const lookMs = nextLookMs(state.doubts, heldGpus(state));
    if (lookMs !== Infinity) dues.push(lookMs);
  }
  return dues.length === 0 ? null : Math.min(...dues);
}

/** Takes one input, then brings what is here closer to what is desired. */
export function step(before: SessionState, input: SessionInput, nowMs: number): StepResult {
  const turn = new Turn(before, nowMs);
  receive(turn, input);
  keepLease(turn);
  stopWhatMustNotRun(turn);
  releaseWhatIsClean(turn);
  forgetWhatNobodyLists(turn);
  lookAtDoubts(turn);
  resetWhatIsFree(turn);
  startWhatIsDesired(turn);
  letGoWhatIsReady(turn);
  beatHeart(turn);
  return turn.result();
}

/** The state as one step changes it, and the outputs so far. Lives for one step only. */
class Turn {
  readonly nowMs: number;
  readonly #before: SessionState;
  readonly #outputs: SessionOutput[] = [];
  state: SessionState;
  #observedChanged = false;
  #journalChanged = false;

  constructor(before: SessionState, nowMs: number) {
    this.#before = before;
    this.state = before;
    this.nowMs = nowMs;
  }

  emit(output: SessionOutput): void {
    this.#outputs.push(output);
  }

  change(change: Partial<SessionState>): void {
    this.state = { ...this.state, ...change };
  }

  changeJournal(change: Partial<SessionState['journal']>): void {
    this.change({ journal: { ...this.state.journal, ...change } });
    this.#journalChanged = true;
  }

  /** Replaces an allocation. `told` = the scheduler learns of it. */
  put(allocation: LocalAllocation, told = true): void {
    const allocations = new Map(this.state.allocations);
    if (!allocations.has(allocation.grant.id)) this.#journalChanged = true;
    allocations.set(allocation.grant.id, allocation);
    this.change({ allocations });
    this.#observedChanged ||= told;
  }

  remove(id: AllocationId): void {
    const allocations = new Map(this.state.allocations);
    allocations.delete(id);
    this.change({ allocations });
    this.#journalChanged = true;
    this.#observedChanged = true;
  }

  all(): LocalAllocation[] {
    return [...this.state.allocations.values()];
  }

  result(): StepResult {
    const reconnected = this.state.connection === 'up' && this.#before.connection !== 'up';
    const outputs: SessionOutput[] = this.#journalChanged ? [{ type: 'persist' }] : [];
    outputs.push(...this.#outputs);
    // What changed between hello and welcome was in no message yet.
    if (this.state.connection === 'up' && (this.#observedChanged || reconnected))
      outputs.push({ type: 'send observed' });
    return { state: this.state, outputs };
  }
}

function receive(turn: Turn, input: SessionInput): void {
  switch (input.type) {
    case 'connected':
      turn.change({ connection: 'greeting', isDesiredNow: false });
      turn.emit({ type: 'send hello' });
      return;
    case 'disconnected':
      turn.change({
        connection: 'down',
        heartbeat: { ...turn.state.heartbeat, nextMs: null, sentMs: new Map() },
      });
      return;
    case 'welcomed':
      takeWelcome(turn, input);
      return;
    case 'desired':
      takeDesired(turn, input);
      return;
    case 'heartbeat answered':
      takeAnswer(turn, input);
      return;
    case 'ready':
      withAllocation(turn, input.id, (one) => {
        if (one.phase === 'starting' && one.hold === 'preparing') turn.put({ ...one, hold: 'ready' });
      });
      return;
    case 'started':
      withAllocation(turn, input.id, (one) => {
        if (one.phase === 'starting') turn.put({ ...one, phase: 'running', hold: null, startedMs: input.startedMs });
      });
      return;
    case 'ended':
      withAllocation(turn, input.id, (one) => {
        if (isLive(one)) turn.put(endOf(one, input.end, turn.nowMs));
      });
      return;
    case 'cleaned':
      withAllocation(turn, input.id, (one) => takeCleaned(turn, one, input));
      return;
    case 'checkpoint':
      withAllocation(turn, input.id, (one) => turn.put({ ...one, checkpoint: input.checkpoint }));
      return;
    case 'endpoints':
      withAllocation(turn, input.id, (one) => turn.put({ ...one, endpoints: input.endpoints }));
      return;
    case 'inventory':
      turn.change({ layout: input.layout });
      return;
    case 'doubted': {
      const held = heldGpus(turn.state);
      const free = input.gpus.filter((uuid) => !held.has(uuid));
      turn.change({ doubts: withDoubts(turn.state.doubts, free, turn.nowMs, turn.nowMs) });
      return;
    }
    case 'looked':
      takeLook(turn, input);
      return;
    case 'reset over':
      turn.change({ resets: afterReset(turn.state.resets) });
      return;
    case 'leaving':
      turn.change({ isLeaving: true });
      return;
    case 'tick':
      return;
  }
}

/** The only way into a cluster, and from one history to another. */
function takeWelcome(turn: Turn, welcome: Extract<SessionInput, { type: 'welcomed' }>): void {
  if (!obeys(turn, welcome)) return;
  const { lineage } = turn.state.journal;
  if (lineage !== welcome.lineage) {
    if (lineage !== '') {
      turn.emit({
        type: 'note',
        id: null,
        message: `the history of this cluster is now ${welcome.lineage}, it was ${lineage}`,
      });
    }
    turn.change({ desired: null, heardRevision: 0 });
    // Revisions count within one history. Generations go on: the scheduler raises its own above all that were accepted here.
    turn.changeJournal({ maxRevision: 0 });
  }
  bindTo(turn, welcome);
  const { heartbeatMs: intervalMs, leaseMs } = welcome;
  const heartbeat = { ...turn.state.heartbeat, intervalMs, leaseMs, nextMs: turn.nowMs };
  turn.change({ connection: 'up', heartbeat });
}

function takeDesired(turn: Turn, order: Extract<SessionInput, { type: 'desired' }>): void {
  if (turn.state.connection !== 'up') return;
  const { epoch, leaderId, revision, allocations } = order;
  const { clusterId, lineage, maxRevision } = turn.state.journal;
  const term = { clusterId, lineage, epoch, leaderId };
  if (!obeys(turn, term)) return;
  if (revision < maxRevision) {
    const why = `orders of revision ${revision} refused: this node obeyed revision ${maxRevision}`;
    turn.emit({ type: 'close connection', why });
    return;
  }
  bindTo(turn, term);
  if (revision !== maxRevision) turn.changeJournal({ maxRevision: revision });
  hear(turn, revision);
  for (const { id, deadlineMs } of allocations) {
    if (deadlineMs === undefined || turn.state.desired?.get(id)?.deadlineMs === deadlineMs) continue;
    turn.emit({ type: 'deadline', id, deadlineMs });
  }
  turn.change({
    desired: new Map(allocations.map((one) => [one.id, one])),
    isDesiredNow: true,
    spared: new Set(order.spared),
    resets: withAsked(turn.state.resets, order.resets ?? []),
  });
}

/** Whether this scheduler is to be obeyed; else it is left, and a collision of leaders is remembered. */
function obeys(turn: Turn, term: PresentedTerm): boolean {
  const verdict = judgeTerm(turn.state.journal, term);
  if (verdict.type === 'obey') return true;
  if (verdict.isCollision) turn.changeJournal({ collidedEpoch: term.epoch });
  turn.emit({ type: 'close connection', why: `the scheduler is refused: ${verdict.why}` });
  return false;
}

/** From now on its epoch is this leader's. */
function bindTo(turn: Turn, term: PresentedTerm): void {
  const { journal } = turn.state;
  const bound = withTerm(journal, term);
  const isNew =
    bound.clusterId !== journal.clusterId ||
    bound.lineage !== journal.lineage ||
    bound.maxEpoch !== journal.maxEpoch ||
    bound.leaderId !== journal.leaderId;
  if (isNew) turn.changeJournal(bound);
}

/** What is told over a stream is on disk there, whether or not it concerns this node. */
function hear(turn: Turn, revision: number): void {
  const { connection, heardRevision } = turn.state;
  if (connection === 'up' && revision > heardRevision) turn.change({ heardRevision: revision });
}

/** The lease counts from the sending of what was answered: the scheduler counts from its answer, which is later. */
function takeAnswer(turn: Turn, { sequence, revision }: Extract<SessionInput, { type: 'heartbeat answered' }>): void {
  hear(turn, revision);
  const { heartbeat, leaseDeadlineMs } = turn.state;
  const sentMs = heartbeat.sentMs.get(sequence);
  if (sentMs === undefined) return;
  const later = [...heartbeat.sentMs].filter(([one]) => one > sequence);
  turn.change({ heartbeat: { ...heartbeat, sentMs: new Map(later) } });
  const deadlineMs = sentMs + heartbeat.leaseMs;
  if (deadlineMs <= leaseDeadlineMs) return;
  turn.change({ leaseDeadlineMs: deadlineMs });
  turn.emit({ type: 'write lease', deadlineMs });
}

function takeCleaned(turn: Turn, one: LocalAllocation, input: Extract<SessionInput, { type: 'cleaned' }>): void {
  if (one.phase !== 'exited' || one.cleaning === null) return;
  const { sinceMs, asked } = one.cleaning;
  const lookAgain = (nextMs: number) => turn.put({ ...one, cleaning: { sinceMs, nextMs, asked } }, false);
  const due = baselineDue(one, holdersOf(turn.state));
  if (input.clean) {
    // Those that had shares of the same GPUs left meanwhile: it is the last, and nobody looked at its GPUs yet.
    if (due.some((uuid) => !asked.includes(uuid))) lookAgain(turn.nowMs);
    else turn.put({ ...one, phase: 'released', cleaning: null });
  } else if (turn.nowMs - sinceMs < CLEAN_LIMIT_MS) {
    lookAgain(turn.nowMs + CLEAN_RETRY_MS);
  } else if (asked.some((uuid) => !due.includes(uuid))) {
    // Somebody got another share meanwhile: what was seen may be theirs.
    lookAgain(turn.nowMs);
  } else {
    const message = `GPUs not clean ${CLEAN_LIMIT_MS / 1000} s after the end: ${input.dirtyGpus.join(', ')}`;
    turn.emit({ type: 'note', id: one.grant.id, message });
    turn.put({ ...one, phase: 'released', cleaning: null, dirtyGpus: input.dirtyGpus });
    turn.change({ doubts: withDoubts(turn.state.doubts, input.dirtyGpus, sinceMs, turn.nowMs) });
  }
}

function takeLook(turn: Turn, { gpu, askedMs, answer }: Extract<SessionInput, { type: 'looked' }>): void {
  const told = (): string | null => {
    const doubt = turn.state.doubts.get(gpu);
    return doubt === undefined ? null : whyDoubted(doubt);
  };
  const before = told();
  turn.change({ doubts: afterLook(turn.state.doubts, gpu, answer, askedMs, turn.nowMs) });
  const after = told();
  if (before === after) return;
  turn.emit({ type: 'note', id: null, message: after === null ? `${gpu} is clean again` : `${gpu}: ${after}` });
  turn.emit({ type: 'send inventory' });
}

/** A scheduler that answers no heartbeat for the length of a lease is no scheduler: perhaps another address has one. */
function keepLease(turn: Turn): void {
  const { heartbeat, connection } = turn.state;
  const oldestMs = Math.min(...heartbeat.sentMs.values());
  if (connection !== 'up' || turn.nowMs - oldestMs <= heartbeat.leaseMs) return;
  turn.change({ heartbeat: { ...heartbeat, sentMs: new Map() } });
  turn.emit({ type: 'close connection', why: `no heartbeat was answered for ${heartbeat.leaseMs / 1000} s` });
}

function stopWhatMustNotRun(turn: Turn): void {
  for (const one of turn.all()) {
    if (!isLive(one)) continue;
    const stop = stopFor(turn, one);
    if (stop !== null) applyStop(turn, one, stop);
    else if (one.stop !== null && turn.nowMs >= one.stop.killAtMs) repeatKill(turn, one, one.stop);
  }
}

interface Stop {
  readonly reason: StopReason;
  readonly graceMs: number;
}

/** The stop that has to begin now, or that makes the one under way quicker; null = nothing has to begin. */
function stopFor(turn: Turn, one: LocalAllocation): Stop | null {
  const { desired, leaseDeadlineMs } = turn.state;
  const order = desired?.get(one.grant.id);
  const stops: Stop[] = [];
  const isUnlisted = desired !== null && order === undefined && !turn.state.spared.has(one.grant.id);
  if (isUnlisted) stops.push({ reason: 'CANCELLED', graceMs: 0 });
  if (order?.stop) stops.push(order.stop);
  if (turn.nowMs > leaseDeadlineMs + one.grant.lingerMs && one.stop?.reason !== 'NODE_LOST') {
    stops.push({ reason: 'NODE_LOST', graceMs: graceWithoutLease(one.grant, leaseDeadlineMs, turn.nowMs) });
  }
  const [quickest] = stops.sort((a, b) => a.graceMs - b.graceMs);
  if (quickest === undefined || one.stop === null) return quickest ?? null;
  // A repeated order does not begin again: what was sent first fixed the end.
  const quicker = quickest.graceMs < one.stop.graceMs && turn.nowMs + quickest.graceMs < one.stop.killAtMs;
  return quicker ? quickest : null;
}

function applyStop(turn: Turn, one: LocalAllocation, { reason, graceMs }: Stop): void {
  turn.put({ ...one, stop: { reason, graceMs, killAtMs: turn.nowMs + graceMs } });
  if (one.stop === null)
    turn.emit({ type: 'note', id: one.grant.id, message: `stopping: ${reason}, grace ${graceMs} ms` });
  turn.emit({ type: 'stop', id: one.grant.id, reason, graceMs });
}

function repeatKill(turn: Turn, one: LocalAllocation, stop: NonNullable<LocalAllocation['stop']>): void {
  turn.put({ ...one, stop: { ...stop, killAtMs: turn.nowMs + KILL_RETRY_MS } }, false);
  turn.emit({ type: 'kill', id: one.grant.id });
}

function releaseWhatIsClean(turn: Turn): void {
  for (const one of turn.all()) {
    if (one.phase !== 'exited' || one.cleaning === null) continue;
    if (one.cleaning.nextMs === null || one.cleaning.nextMs > turn.nowMs) continue;
    const baselineOf = baselineDue(one, holdersOf(turn.state));
    // Asked for; the answer brings the next step.
    turn.put({ ...one, cleaning: { ...one.cleaning, nextMs: null, asked: baselineOf } }, false);
    const gpus = [...new Set(one.grant.gpus.map(({ uuid }) => uuid))];
    turn.emit({ type: 'check clean', id: one.grant.id, gpus, baselineOf });
  }
}

function lookAtDoubts(turn: Turn): void {
  const { doubts } = turn.state;
  if (doubts.size === 0) return;
  const due = dueLooks(doubts, heldGpus(turn.state), turn.nowMs);
  if (due.length === 0) return;
  turn.change({ doubts: lookingAt(doubts, due) });
  for (const gpu of due) turn.emit({ type: 'look', gpu, askedMs: turn.nowMs });
}

/** Under the conditions of any start: a GPU of a node without a lease may be somebody else's by now. */
function resetWhatIsFree(turn: Turn): void {
  const { resets, isDesiredNow, isLeaving, leaseDeadlineMs } = turn.state;
  if (resets.asked.length === 0 || !isDesiredNow || isLeaving || turn.nowMs >= leaseDeadlineMs) return;
  const due = dueReset(resets, heldGpus(turn.state));
  if (due === null) return;
  turn.change({ resets: { ...resets, running: due } });
  turn.emit({ type: 'note', id: null, message: `resetting ${due.gpus.join(', ')}` });
  turn.emit({ type: 'reset', gpus: due.gpus });
}

function forgetWhatNobodyLists(turn: Turn): void {
  const { desired } = turn.state;
  if (desired === null) return;
  for (const { phase, grant } of turn.all()) {
    if (phase !== 'released' || desired.has(grant.id)) continue;
    turn.remove(grant.id);
    turn.emit({ type: 'forget', id: grant.id });
  }
}

function startWhatIsDesired(turn: Turn): void {
  const { desired, isDesiredNow, isLeaving } = turn.state;
  if (desired === null || !isDesiredNow || isLeaving) return;
  for (const order of desired.values()) {
    if (turn.state.allocations.has(order.id)) continue;
    if (order.stop !== null) {
      turn.put(neverStarted(grantOf(order), 'it was stopped before it was started'));
      continue;
    }
    // Comes to an end by itself: the lease returns, or the scheduler gives up.
    if (turn.nowMs >= turn.state.leaseDeadlineMs) continue;
    const refusal = whyRefused(turn, order);
    if (refusal !== null) {
      turn.put(neverStarted(grantOf(order), refusal));
      turn.emit({ type: 'note', id: order.id, message: refusal });
      continue;
    }
    // As does this: whoever is in the way is on its way out, and is released.
    if (inTheWay(order.gpus, holdersOf(turn.state)).length > 0) continue;
    if (judgeDoubts(turn.state.doubts, order.gpus, turn.nowMs) === 'wait') continue;
    if (isBeingReset(turn.state.resets, order.gpus)) continue;
    accept(turn, order);
  }
}

/** Under the conditions of any start: what the scheduler said before the stream broke may have been given up since. */
function letGoWhatIsReady(turn: Turn): void {
  const { desired, isDesiredNow, isLeaving, leaseDeadlineMs } = turn.state;
  if (desired === null || !isDesiredNow || isLeaving || turn.nowMs >= leaseDeadlineMs) return;
  for (const one of turn.all()) {
    if (one.phase !== 'starting' || one.hold !== 'ready' || one.stop !== null) continue;
    const order = desired.get(one.grant.id);
    if (order === undefined || order.stop !== null || order.launch?.hold === true) continue;
    turn.put({ ...one, hold: null }, false);
    turn.emit({ type: 'go', allocation: order });
  }
}

/** Why an order is not to be waited with, in words: it can never be carried out beside what is to stay here. */
function whyRefused(turn: Turn, order: DesiredAllocation): string | null {
  const impossible = whyImpossible(order.gpus, turn.state.layout);
  if (impossible !== null) return impossible;
  const holders = holdersOf(turn.state);
  const staying = holders.filter((one) => isLive(one) && one.stop === null && isWanted(turn, one));
  const [conflict] = inTheWay(order.gpus, staying);
  if (conflict !== undefined) return `${conflict.why}, which is to go on`;
  if (holders.length >= MAX_TASKS) return `this node has ${holders.length} tasks, of ${MAX_TASKS} that it takes`;
  const doubted = judgeDoubts(turn.state.doubts, order.gpus, turn.nowMs);
  return typeof doubted === 'string' ? null : doubted.why;
}

function isWanted(turn: Turn, { grant }: LocalAllocation): boolean {
  return turn.state.desired?.get(grant.id)?.stop === null;
}

function accept(turn: Turn, order: DesiredAllocation): void {
  const stale = whyStale(order.gpus, turn.state.journal);
  if (stale !== null) {
    turn.put(neverStarted(grantOf(order), stale));
    turn.emit({ type: 'note', id: order.id, message: stale });
    return;
  }
  if (order.gpus.length > 0) turn.changeJournal(withAccepted(turn.state.journal, order.gpus));
  turn.put({ ...newAllocation(grantOf(order)), hold: order.launch?.hold === true ? 'preparing' : null });
  turn.emit({ type: 'start', allocation: order });
}

function beatHeart(turn: Turn): void {
  const { heartbeat, connection } = turn.state;
  if (connection !== 'up' || heartbeat.nextMs === null || turn.nowMs < heartbeat.nextMs) return;
  const sequence = heartbeat.lastSequence + 1;
  const sentMs = new Map([...heartbeat.sentMs, [sequence, turn.nowMs] as const].slice(-MAX_UNANSWERED));
  const nextMs = turn.nowMs + heartbeat.intervalMs;
  turn.change({ heartbeat: { ...heartbeat, lastSequence: sequence, nextMs, sentMs } });
  turn.emit({ type: 'send heartbeat', sequence });
}

function withAllocation(turn: Turn, id: AllocationId, change: (one: LocalAllocation) => void): void {
  const one = turn.state.allocations.get(id);
  if (one !== undefined) change(one);
}

function grantOf({ id, workload, attempt, task, gpus, lingerMs, graceMs, traceParent }: Grant): Grant {
  const grant = { id, workload, attempt, task, gpus, lingerMs, graceMs };
  return traceParent === undefined ? grant : { ...grant, traceParent };
}

function newAllocation(grant: Grant): LocalAllocation {
  return {
    grant,
    phase: 'starting',
    hold: null,
    startedMs: null,
    endedMs: null,
    exit: null,
    neverStarted: false,
    stopSignalled: false,
    checkpoint: null,
    endpoints: [],
    dirtyGpus: [],
    stop: null,
    cleaning: null,
  };
}

function neverStarted(grant: Grant, message: string): LocalAllocation {
  return { ...newAllocation(grant), phase: 'released', exit: { code: null, signal: '', message }, neverStarted: true };
}

function endOf(one: LocalAllocation, end: TaskEnd, nowMs: number): LocalAllocation {
  const { code, signal, message } = end;
  const ended = {
    ...one,
    startedMs: end.startedMs ?? one.startedMs,
    endedMs: end.endedMs,
    exit: { code, signal, message },
    neverStarted: end.neverStarted,
    stopSignalled: end.stopSignalled,
    stop: null,
  };
  // What was never started left nothing behind. But who left while it held another share of a GPU left the look at that to it.
  const heldWhole = one.grant.gpus.every(({ parts, instance }) => parts === GPU_PARTS && instance === '');
  if (end.neverStarted && heldWhole) return { ...ended, phase: 'released' };
  return { ...ended, phase: 'exited', cleaning: { sinceMs: nowMs, nextMs: nowMs, asked: [] } };
}

// The one writer. Everything that changes the cluster's state passes through here, one turn after the other:
//
//   take the commands that wait -> change the state -> do what is due -> let the engine decide -> one durable commit ->
//   only then answer
//
// Commands that arrive during a commit wait for the next turn, so many of them share one flush. Nothing of a revision
// leaves before it is durable: neither replies, events and orders (published after the commit) nor reads (which wait
// while a commit is in flight).
import { status } from '@grpc/grpc-js';
import type { Clock, Timer } from '../../common/clock.js';
import { ApiError } from '../../common/errors.js';
import type { UlidMaker } from '../../common/ids.js';
import { invariant, present } from '../../common/assert.js';
import { step } from '../engine/engine.js';
import type { Decision, NodeLivenessChange, StepResult } from '../engine/decisions.js';
import type { ClusterView } from '../engine/view.js';
import type { ClusterState, ReadableState } from '../model/cluster-state.js';
import { Draft } from '../model/draft.js';
import { noticed } from '../model/notices.js';
import { accounted } from '../model/usage.js';
import type { CollectionName, Collections, RecordChange } from '../model/records.js';
import type { NewTerm, SpaceState, StateStore, StorePosition, StoredRecord } from '../store/state-store.js';
import type { Command } from './command.js';
import { carryOut } from './commands/carry-out.js';
import { noteTerm } from './commands/recovery.js';
import { InvariantGuard } from './invariants/guard.js';
import type { Violation } from './invariants/violation.js';
import { Upkeep } from './upkeep.js';
import type { ViewFeed } from './view-feed.js';

/** At most so many commands share one commit, so that a flood cannot delay the first of them without bound. */
const MAX_COMMANDS_PER_TURN = 2_000;
/**
 * So many commands are not taken at once, only half of them, as long as a commit takes no longer than the other figure says, in ms: while one
 * half is on its way to the disk, the other one is answered, and those who asked it ask again. All at once everybody would wait for everybody: the
 * disk for the processor and the processor for the disk. (While the engine has work it takes its part of every turn, so there are few.)
 */
export const HALVED_COMMANDS = 64;
export const QUICK_COMMIT_MS = 25;
/** Once commands have changed so many records the others wait for the next turn: each record costs it about 50 us. */
export const MAX_COMMANDED_CHANGES = 250;
/** The same for what is due by itself. */
const MAX_DUE_CHANGES = 250;
/**
 * At most so many commands may wait; beyond that callers are told to come back. Not what agents and the daemon itself report:
 * each of them waits for one answer at a time, and a node, or a history, that cannot be noted is worse than a longer wait.
 */
const MAX_WAITING_COMMANDS = 50_000;
/**
 * What the engine may take of one turn; what is left over goes on in the next one. Time and changes are looked at between
 * calls of the engine, so a call must be short: with so many units it makes about half as many decisions at most. While
 * somebody asks, he waits for the engine and for the agents that hear of its decisions, too, so it takes little then.
 */
export const WHOLE_SLICE: Slice = { ms: 5, changes: 128, units: 64 };
export const SHARED_SLICE: Slice = { ms: 2, changes: 16, units: 16 };
/** Who asked so long ago or less is likely to ask again. */
export const ASKING_MS = 100;
/** Calls that decide nothing get up to so many units, since each begins with a look at all that may be tried. */
const MOST_ENGINE_UNITS = 1_024;
/** How soon the engine looks again whether a critically full disk has room: it cannot hear of it. */
const ROOM_RETRY_MS = 1_000;
/** The shortest rest that the engine may ask for. */
const MIN_ENGINE_REST_MS = 10;
/** The longest wait for what is due later. */
const MAX_ALARM_MS = 60_000;

interface Slice {
  readonly ms: number;
  readonly changes: number;
  /** Of work, for one call. */
  readonly units: number;
}

/** What became durable together. */
export interface Committed {
  readonly revision: number;
  readonly changes: readonly RecordChange[];
  readonly decisions: readonly Decision[];
}

/** Figures of one step of the engine. */
export interface StepFigures {
  /** Of the step itself, without carrying its decisions out. */
  readonly ms: number;
  readonly workUnits: number;
  /** Whether its budget ran out before everything was looked at. */
  readonly isCut: boolean;
  readonly searches: StepResult['searches'];
}

/** Figures of one turn, for metrics. */
export interface TurnFigures {
  readonly commands: number;
  readonly changes: number;
  /** Of the engine's steps and of carrying their decisions out. */
  readonly engineMs: number;
  readonly steps: readonly StepFigures[];
  /** Whether the engine looked because a time had come that it had named, and not because something happened. */
  readonly isWokenByTime: boolean;
  readonly commitMs: number;
}

/** What the engine's steps of one turn came to. */
interface Decided {
  readonly decisions: readonly Decision[];
  readonly steps: readonly StepFigures[];
}

const NOTHING_DECIDED: Decided = { decisions: [], steps: [] };

export interface ControlLoopDependencies {
  readonly store: StateStore;
  readonly state: ClusterState;
  readonly view: ClusterView;
  readonly clock: Clock;
  readonly newUlid: UlidMaker;
  /** Tells the view of what there is, while others are served already; absent = the view knows everything. */
  readonly feed?: ViewFeed;
  readonly position: StorePosition;
  /** Who leads in the epoch of that position; absent = a new name. */
  readonly leaderId?: string;
  /** Runs a callback once the present turn of the event loop is over, so that what arrives together is taken together. */
  readonly defer: (callback: () => void) => void;
  /** Called once with what makes going on impossible: a failed commit, a broken invariant, {@link LeadershipLost}. */
  readonly onFatal: (error: unknown) => void;
  /** Whether this daemon leads for certain; absent = always, since nobody else can. */
  readonly isFresh?: () => boolean;
}

/** Another daemon may lead by now: nothing is decided or told any more, not even what has just become durable. */
export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';

  constructor() {
    super('this daemon cannot be certain any more that it leads');
  }
}

interface Waiting {
  readonly command: Command<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The single writer of the cluster's state. */
export class ControlLoop {
  readonly #deps: ControlLoopDependencies;
  readonly #upkeep: Upkeep;
  /** Looks at every commit before it is written. */
  readonly invariants: InvariantGuard;
  #position: StorePosition;
  #leaderId: string;
  /** New terms that were asked for; begun between two turns, when no commit is in flight. */
  readonly #newTerms: { readonly term: NewTerm; readonly resolve: () => void }[] = [];
  /** Why the engine rests, in words; null = it does not. */
  #engineHold: string | null = null;
  #waiting: Waiting[] = [];
  #liveness: NodeLivenessChange[] = [];
  #running = false;
  /** How long the last commit took. */
  #commitMs = 0;
  #scheduled = false;
  #stopped = false;
  /** The term is over: what is under way leads to nothing. */
  #abandoned = false;
  #engineHasWork = true;
  /** By how much calls of the engine are longer than the least, as the last ones decided nothing. */
  #stretch = 1;
  /** When somebody last asked for something, by the monotonic clock. */
  #askedMs = -Infinity;
  /** When the engine wants to look again although nothing happened; null = never. */
  #engineWakeMs: number | null = null;
  /** Set while the disk is too full to place anything. */
  #roomRetry: Timer | null = null;
  /** Set while nothing is to be done before a time. */
  #alarm: Timer | null = null;
  #readers: (() => void)[] = [];
  /** Reads that need the view, as long as it does not know everything. */
  #viewReaders: (() => void)[] = [];
  readonly #committedListeners: ((committed: Committed) => void)[] = [];
  readonly #turnListeners: ((figures: TurnFigures) => void)[] = [];
  readonly #violationListeners: ((violation: Violation) => void)[] = [];
  readonly #idleWaiters: (() => void)[] = [];

  constructor(deps: ControlLoopDependencies) {
    this.#deps = deps;
    this.#position = deps.position;
    this.#leaderId = deps.leaderId ?? deps.newUlid(deps.clock.wallMs());
    this.#upkeep = new Upkeep(deps.state);
    this.invariants = new InvariantGuard(deps.state);
  }

  /** The last durable revision, with its lineage and epoch. */
  get position(): StorePosition {
    return this.#position;
  }

  /** A new unique name, a ULID: for a new history. */
  newId(): string {
    return this.#deps.newUlid(this.#deps.clock.wallMs());
  }

  /** Who leads in the present epoch; another one in the next. */
  get leaderId(): string {
    return this.#leaderId;
  }

  /**
   * Ends the present term and begins a new one, durable before it resolves. Nothing of the old term is committed after that,
   * and what was ordered in it is ordered anew by whoever asked for this.
   */
  beginTerm(term: NewTerm): Promise<void> {
    if (this.#stopped) return Promise.reject(stopping());
    return new Promise((resolve) => {
      this.#newTerms.push({ term, resolve });
      this.#wake();
    });
  }

  /** Keeps the engine from deciding anything, with the reason in words; null = lets it decide again. */
  holdEngine(why: string | null): void {
    if (this.#engineHold === why) return;
    this.#engineHold = why;
    if (why === null) this.wakeEngine();
  }

  /** Why nothing is placed just now, in words; null = work is placed. */
  get restsBecause(): string | null {
    return this.#engineHold ?? (this.#roomRetry === null ? null : 'the disk of the scheduler is nearly full');
  }

  /** How many commands wait. */
  get depth(): number {
    return this.#waiting.length;
  }

  /**
   * Carries out a command and resolves with its result once that is durable.
   * @throws ApiError as the command threw it, RESOURCE_EXHAUSTED when too many wait or the disk is nearly full,
   * UNAVAILABLE when the daemon is stopping
   */
  execute<T>(command: Command<T>): Promise<T> {
    if (this.#stopped) return Promise.reject(stopping());
    const isFull = this.#waiting.length >= MAX_WAITING_COMMANDS && command.isReport !== true;
    if (isFull) return Promise.reject(overloaded());
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ command, resolve: resolve as (value: unknown) => void, reject });
      this.#wake();
    });
  }

  /** Reads the state as the disk has it: at once, or after the commit in flight; after a start once the view knows everything, too. */
  read<T>(reader: (state: ReadableState, view: ClusterView, position: StorePosition) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const answer = answering(() => reader(this.#deps.state, this.#deps.view, this.#position), resolve, reject);
      if (this.isFeeding && this.#stopped) this.#deps.feed?.finish();
      if (this.isFeeding) {
        this.#viewReaders.push(answer);
        this.#wake();
      } else this.#answerWhenDurable(answer);
    });
  }

  /** As {@link read}, for what needs no view: it is never waited for. */
  readState<T>(reader: (state: ReadableState, position: StorePosition) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#answerWhenDurable(answering(() => reader(this.#deps.state, this.#position), resolve, reject));
    });
  }

  /** Whether the engine has yet to be told of records that were there when the daemon began. */
  get isFeeding(): boolean {
    return this.#deps.feed?.isDone === false;
  }

  /** Tells the engine which nodes can be given work. Soft state: nothing of it is stored. */
  setLiveness(change: NodeLivenessChange): void {
    this.#liveness.push(change);
    this.#wake();
  }

  /** Calls back after every commit, in order, before anybody's reply. */
  onCommitted(listener: (committed: Committed) => void): void {
    this.#committedListeners.push(listener);
  }

  /** Calls back after every turn. */
  onTurn(listener: (figures: TurnFigures) => void): void {
    this.#turnListeners.push(listener);
  }

  /** Calls back with each invariant found broken that is no reason to stop, after the commit that broke it. */
  onViolation(listener: (violation: Violation) => void): void {
    this.#violationListeners.push(listener);
  }

  /** Takes nothing new, finishes what waits. Nothing is committed once it resolved, so that the store can be closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#roomRetry?.cancel();
    this.#alarm?.cancel();
    this.#answerThoseWhoNeedTheView();
    if (!this.#running && !this.#scheduled) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  /**
   * Ends at once, since this daemon does not lead any more. What waits is refused; of a commit in flight nobody is told, whether it
   * succeeds or not. Reads are answered as ever: those who pass them on have to look at whether this daemon leads.
   */
  abandon(): void {
    this.#stopped = true;
    this.#abandoned = true;
    this.#roomRetry?.cancel();
    this.#alarm?.cancel();
    for (const { reject } of this.#waiting.splice(0)) reject(stopping());
    this.#newTerms.splice(0);
    this.#answerThoseWhoNeedTheView();
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** Lets the engine look at the whole state again, as after a start. */
  wakeEngine(): void {
    this.#engineHasWork = true;
    this.#wake();
  }

  #wake(): void {
    if (this.#running || this.#scheduled || this.#abandoned) return;
    this.#scheduled = true;
    this.#deps.defer(() => {
      this.#scheduled = false;
      this.#running = true;
      void this.#work();
    });
  }

  async #work(): Promise<void> {
    try {
      do {
        this.#insistOnLeading();
        for (const begun of this.#newTerms.splice(0)) await this.#beginTerm(begun);
        await this.#turn();
      } while (this.#waiting.length > 0 || this.#newTerms.length > 0);
    } catch (error) {
      this.#stopped = true;
      if (!this.#abandoned) this.#deps.onFatal(error);
      return;
    }
    this.#running = false;
    // Reads that came between the last answer and here: the state is durable now.
    for (const answer of this.#readers.splice(0)) answer();
    const mayDecide = !this.#stopped && !this.isFeeding && this.#roomRetry === null && this.#engineHold === null;
    const engineIsDue = this.#engineHasWork && mayDecide;
    const upkeepIsDue = !this.#stopped && this.#upkeep.isDue(this.#deps.clock.wallMs());
    const isAsked = this.#waiting.length > 0 || this.#newTerms.length > 0 || this.#liveness.length > 0;
    const feedIsDue = this.isFeeding && !this.#stopped;
    if (isAsked || engineIsDue || upkeepIsDue || feedIsDue) {
      this.#wake();
      return;
    }
    this.#armAlarm();
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }

  /** One timer for all that is due later. It looks again after a while, since the time of day may jump. */
  #armAlarm(): void {
    const engineMs = this.#engineHold === null ? this.#engineWakeMs : null;
    const nextMs = Math.min(this.#upkeep.nextMs() ?? Infinity, engineMs ?? Infinity);
    this.#alarm?.cancel();
    this.#alarm = null;
    if (this.#stopped || nextMs === Infinity) return;
    const { clock } = this.#deps;
    const delayMs = Math.min(MAX_ALARM_MS, Math.max(0, nextMs - clock.wallMs()));
    this.#alarm = clock.after(delayMs, () => {
      this.#alarm = null;
      this.#wake();
    });
  }

  async #turn(): Promise<void> {
    const { clock, store } = this.#deps;
    this.#goOnFeeding();
    const space = store.space();
    const answers: (() => void)[] = [];
    const changes: RecordChange[] = [];
    const commands = this.#runCommands(space, changes, answers);
    for (const change of this.#liveness.splice(0)) {
      this.#deps.view.setLiveness(change.node, change.liveness);
      this.#engineHasWork = true;
    }
    if (!this.#stopped) this.#doWhatIsDue(changes);
    const isWakeDue = this.#engineWakeMs !== null && this.#engineWakeMs <= clock.wallMs();
    const isWokenByTime = isWakeDue && changes.length === 0 && !this.#engineHasWork;
    if (changes.length > 0 || isWakeDue) this.#engineHasWork = true;

    const engineStart = clock.monotonicMs();
    const isHeld = this.#stopped || this.isFeeding || this.#engineHold !== null;
    const mayDecide = !isHeld && this.#hasRoomToPlace(space);
    const decided = mayDecide ? this.#decide(changes) : NOTHING_DECIDED;
    const engineMs = clock.monotonicMs() - engineStart;

    const commitStart = clock.monotonicMs();
    if (changes.length > 0) {
      await this.#commit(changes);
      this.#commitMs = clock.monotonicMs() - commitStart;
      this.#insistOnLeading();
      const committed = { revision: this.#position.revision, changes, decisions: decided.decisions };
      for (const listener of this.#committedListeners) listener(committed);
    }
    for (const answer of answers) answer();
    for (const answer of this.#readers.splice(0)) answer();
    const figures = {
      commands,
      changes: changes.length,
      engineMs,
      steps: decided.steps,
      isWokenByTime: isWokenByTime && decided.steps.length > 0,
      commitMs: clock.monotonicMs() - commitStart,
    };
    for (const listener of this.#turnListeners) listener(figures);
  }

  /** A slice of what the view has yet to be told of: as much as the engine could take of this turn. */
  #goOnFeeding(): void {
    const { feed, clock } = this.#deps;
    if (feed === undefined || feed.isDone) return;
    const beganMs = clock.monotonicMs();
    const slice = beganMs - this.#askedMs <= ASKING_MS ? SHARED_SLICE : WHOLE_SLICE;
    feed.feed(() => clock.monotonicMs() - beganMs >= slice.ms);
    if (feed.isDone) this.#readers.push(...this.#viewReaders.splice(0));
  }

  /** Nobody decides any more: those who still read get a whole view at once. */
  #answerThoseWhoNeedTheView(): void {
    if (this.#viewReaders.length === 0) return;
    this.#deps.feed?.finish();
    for (const answer of this.#viewReaders.splice(0)) this.#answerWhenDurable(answer);
  }

  /** Nobody reads ahead of the disk. */
  #answerWhenDurable(answer: () => void): void {
    if (this.#running) this.#readers.push(answer);
    else answer();
  }

  /** Carries out what waits, in order, as much as one commit should hold. @returns how many commands that was */
  #runCommands(space: SpaceState, changes: RecordChange[], answers: (() => void)[]): number {
    const waiting = this.#waiting.length;
    const isQuick = this.#commitMs <= QUICK_COMMIT_MS && !this.#engineHasWork;
    const isHalved = isQuick && waiting >= HALVED_COMMANDS;
    const most = Math.min(isHalved ? Math.ceil(waiting / 2) : waiting, MAX_COMMANDS_PER_TURN);
    let taken = 0;
    while (taken < most && changes.length < MAX_COMMANDED_CHANGES) {
      const waiting = present(this.#waiting[taken], 'a command waits', `${taken} of ${most}`);
      taken += 1;
      this.#run(waiting, space, changes, answers);
      if (waiting.command.isReport !== true) this.#askedMs = this.#deps.clock.monotonicMs();
    }
    this.#waiting.splice(0, taken);
    return taken;
  }

  #run(waiting: Waiting, space: SpaceState, changes: RecordChange[], answers: (() => void)[]): void {
    const { command, resolve, reject } = waiting;
    try {
      if (isTooFull(space, command.whenSpace)) throw diskNearlyFull(space);
      const draft = new Draft(this.#deps.state);
      const { clock, newUlid } = this.#deps;
      const value = command.run(draft, { nowMs: clock.wallMs(), newUlid });
      this.#apply(draft.changes(), changes);
      answers.push(() => resolve(value));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // A refusal may rest on what this turn has not made durable yet, so it waits as well.
      answers.push(() => reject(error));
    }
  }

  /** Gates, time limits, maintenance: before the engine decides, so that it sees no gate open that ought to be closed. */
  #doWhatIsDue(changes: RecordChange[]): void {
    const { state, clock } = this.#deps;
    const mostChanges = changes.length + MAX_DUE_CHANGES;
    for (const act of this.#upkeep.take(clock.wallMs())) {
      const draft = new Draft(state);
      act(draft);
      this.#apply(draft.changes(), changes);
      if (changes.length >= mostChanges) return;
    }
  }

  /** @throws LeadershipLost */
  #insistOnLeading(): void {
    if (this.#abandoned || this.#deps.isFresh?.() === false) throw new LeadershipLost();
  }

  /** On a critically full disk the engine rests: a turn that only asks again would come again at once, for ever. */
  #hasRoomToPlace(space: SpaceState): boolean {
    if (space !== 'critical') return true;
    this.#roomRetry ??= this.#deps.clock.after(ROOM_RETRY_MS, () => {
      this.#roomRetry = null;
      this.#wake();
    });
    return false;
  }

  #decide(changes: RecordChange[]): Decided {
    const { clock, state, view, newUlid } = this.#deps;
    const decisions: Decision[] = [];
    const steps: StepFigures[] = [];
    const beganMs = clock.monotonicMs();
    const slice = beganMs - this.#askedMs <= ASKING_MS ? SHARED_SLICE : WHOLE_SLICE;
    const deadline = beganMs + slice.ms;
    const mostChanges = changes.length + slice.changes;
    while (this.#engineHasWork && clock.monotonicMs() < deadline && changes.length < mostChanges) {
      const nowMs = clock.wallMs();
      const startMs = clock.monotonicMs();
      const units = Math.min(slice.units * this.#stretch, MOST_ENGINE_UNITS);
      const result = step(view, nowMs, units);
      const { workUnits, searches } = result;
      steps.push({ ms: clock.monotonicMs() - startMs, workUnits, isCut: !result.complete, searches });
      for (const decision of result.decisions) {
        const draft = new Draft(state);
        carryOut(draft, decision, { nowMs, newUlid });
        this.#apply(draft.changes(), changes);
        decisions.push(decision);
      }
      const isInVain = !result.complete && result.decisions.length === 0;
      if (!isInVain) this.#stretch = 1;
      else if (units < MOST_ENGINE_UNITS) this.#stretch *= 2;
      this.#engineHasWork = !result.complete || result.decisions.length > 0;
      // A wish for a moment that is past would keep the loop from ever resting.
      this.#engineWakeMs = result.wakeMs === null ? null : Math.max(result.wakeMs, nowMs + MIN_ENGINE_REST_MS);
    }
    return { decisions, steps };
  }

  #apply(made: readonly RecordChange[], changes: RecordChange[]): void {
    const all = accounted(this.#deps.state, made, this.#deps.clock.wallMs());
    for (const change of noticed(this.#deps.state, all)) {
      this.#deps.state.apply(change);
      if (this.#deps.feed === undefined) this.#deps.view.apply(change);
      else this.#deps.feed.note(change);
      this.#upkeep.note(change);
      changes.push(change);
    }
  }

  async #beginTerm({ term, resolve }: { readonly term: NewTerm; readonly resolve: () => void }): Promise<void> {
    const { store, newUlid, clock } = this.#deps;
    const before = this.#position;
    this.#position = await store.beginEpoch(term);
    invariant(this.#position.epoch > before.epoch, 'epochs rise', `${this.#position.epoch} after ${before.epoch}`);
    this.#leaderId = newUlid(clock.wallMs());
    // Before all that waits, so that no commit of this epoch is without it.
    const command = noteTerm({ ...this.#position, leaderId: this.#leaderId });
    this.#waiting.unshift({ command, resolve: () => undefined, reject: (error) => this.#deps.onFatal(error) });
    resolve();
  }

  async #commit(changes: readonly RecordChange[]): Promise<void> {
    const revision = this.#position.revision + 1;
    const { lineage, epoch } = this.#position;
    // A broken state is not stored: this throws, and the daemon stops with what is on disk.
    const violations = this.invariants.check(changes);
    const { puts, deletes } = lastOfEach(changes);
    await this.#deps.store.commit({ lineage, epoch, revision, puts, deletes });
    invariant(this.#position.revision === revision - 1, 'revisions follow each other', `${revision}`);
    this.#position = { lineage, epoch, revision };
    for (const violation of violations) for (const listener of this.#violationListeners) listener(violation);
  }
}

/** Settles a promise with what a reader returns or throws. */
function answering<T>(read: () => T, resolve: (value: T) => void, reject: (error: Error) => void): () => void {
  return () => {
    try {
      resolve(read());
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)));
    }
  };
}

/** Of several changes of one record only the last one is written. */
function lastOfEach(changes: readonly RecordChange[]): {
  readonly puts: readonly StoredRecord[];
  readonly deletes: readonly { readonly collection: CollectionName; readonly key: string }[];
} {
  const last = new Map<string, RecordChange>();
  for (const change of changes) last.set(`${change.collection}/${change.key}`, change);
  const puts: StoredRecord[] = [];
  const deletes: { readonly collection: CollectionName; readonly key: string }[] = [];
  for (const { collection, key, after } of last.values()) {
    if (after === null) deletes.push({ collection, key });
    else puts.push({ collection, key, value: after as Collections[typeof collection] } as StoredRecord);
  }
  return { puts, deletes };
}

function isTooFull(space: SpaceState, whenSpace: Command<unknown>['whenSpace']): boolean {
  const level = { ample: 0, low: 1, critical: 2 };
  return level[space] > level[whenSpace];
}

function stopping(): ApiError {
  return new ApiError({
    code: status.UNAVAILABLE,
    reason: 'STOPPING',
    message: 'the scheduler is stopping; nothing was changed\nTry again in a moment.',
  });
}

function overloaded(): ApiError {
  return new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'TOO_MANY_WAITING',
    message: `${MAX_WAITING_COMMANDS} commands wait already; nothing was changed\nTry again in a moment, or send batches.`,
  });
}

function diskNearlyFull(space: SpaceState): ApiError {
  return new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'DISK_NEARLY_FULL',
    message:
      `the disk that holds the scheduler's data is nearly full (${space}); only completions and cancels are taken\n` +
      'Free space on it, then try again.',
    metadata: { space },
  });
}

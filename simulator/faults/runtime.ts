// How a simulated agent runs its tasks: it prepares them, has the supervisor start and stop them, and after a restart finds out from the
// folders what became of each. The steps are those of node-agent/runtime/runtime.ts; files and sockets are made up.
import type { Runtime } from '../../node-agent/agent-host.js';
import type { EndRecord } from '../../node-agent/runtime/allocation-folder.js';
import type { ProcessIdentity } from '../../node-agent/runtime/process-identity.js';
import type { Recovered, RuntimeListener } from '../../node-agent/runtime/runtime.js';
import type { LogPiece } from '../../node-agent/runtime/task-logs.js';
import { lastStartMs } from '../../node-agent/runtime/supervision.js';
import type { DesiredAllocation, StopReason } from '../../node-agent/session/allocation.js';
import type { SimProcess } from './machine.js';
import type { SimNode } from './node.js';
import { endTree, KILL_LIMIT_MS, type SimSupervisor, type SupervisorNews } from './supervisor.js';

/** How long a supervisor that says nothing is waited for, in ms. */
const GREETING_LIMIT_MS = 10_000;
const RETRY_MS = 1_000;
/** How long a supervisor may take from its claim to its record of what it started, in ms. */
const CLAIM_LIMIT_MS = 2_000;
const TOO_LATE = 'its node had no lease any more when it was to be started';
const STOPPED_BEFORE = 'it was stopped before it was started';

interface TaskHere {
  /** `preparing` until the order went to the supervisor; `ready` in between, while its gang is waited for. */
  state: 'preparing' | 'ready' | 'ordered' | 'running';
  /** Set when it was stopped before it was ordered. */
  cancelled: boolean;
  /** What came with the order for the scheduler; empty = see its folder. */
  readonly origin: string;
}

/** What became of one that was claimed, or never will be started. */
type Found = Exclude<Recovered, { readonly state: 'ready' }>;

/** A line to a supervisor. */
interface SupervisorLine {
  readonly supervisor: SimSupervisor;
  /** What it had when the line was made. */
  readonly tasks: ReadonlySet<string>;
  /** What was told over it is of the past. */
  isLost: boolean;
}

export class SimRuntime implements Runtime {
  readonly #node: SimNode;
  readonly #process: SimProcess;
  readonly #rebooted: boolean;
  readonly #listener: RuntimeListener;
  readonly #tasks = new Map<string, TaskHere>();
  /** News that came before their tasks were known again, or before anybody listens. */
  #early: SupervisorNews[] | null = [];
  #line: Promise<SupervisorLine>;
  /** When the last message on its way to or from the supervisor arrives: lines keep their order. */
  #arrivesMs = 0;

  private constructor(node: SimNode, process: SimProcess, rebooted: boolean, listener: RuntimeListener) {
    this.#node = node;
    this.#process = process;
    this.#rebooted = rebooted;
    this.#listener = listener;
    this.#line = this.#connect();
  }

  static async open(
    node: SimNode,
    process: SimProcess,
    rebooted: boolean,
    known: readonly string[],
    listener: RuntimeListener,
  ): Promise<{ readonly runtime: Runtime; readonly recovered: ReadonlyMap<string, Recovered> }> {
    const runtime = new SimRuntime(node, process, rebooted, listener);
    const line = await runtime.#line;
    const recover = async (id: string): Promise<readonly [string, Recovered]> => [
      id,
      runtime.#readyAgain(id) ?? runtime.#withCheckpoint(id, await runtime.#recover(id, line)),
    ];
    const forgotten = new Set([...node.folders.ids, ...line.tasks]);
    for (const id of known) forgotten.delete(id);
    const [recovered] = await Promise.all([
      Promise.all(known.map(recover)),
      Promise.all([...forgotten].map((id) => runtime.#endForgotten(id, line))),
    ]);
    return { runtime, recovered: new Map(recovered) };
  }

  begin(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const news of early) this.#take(news);
    for (const id of this.#tasks.keys()) this.#tellCheckpoint(id);
    this.#node.onSaved = (id) => this.#later('a checkpoint is seen', this.#process, () => this.#tellCheckpoint(id));
    this.#process.atEnd(() => (this.#node.onSaved = null));
  }

  /** What ended while no agent was there may have saved more than any agent told of. */
  #withCheckpoint(id: string, recovered: Found): Found {
    const checkpoint = this.#node.checkpoints.declaredBy(id);
    if (recovered.state !== 'ended' || recovered.end.neverStarted || checkpoint === null) return recovered;
    return { ...recovered, checkpoint };
  }

  /** The newest one that a task of this agent declared. */
  #tellCheckpoint(id: string): void {
    const task = this.#tasks.get(id);
    const checkpoint = this.#node.checkpoints.declaredBy(id);
    if (checkpoint !== null && task?.state === 'running') this.#listener.checkpoint(id, checkpoint);
  }

  /** Nothing is measured of programs that are made up. */
  measure(): null {
    return null;
  }

  keptUse(): null {
    return null;
  }

  keepUse(): void {
    return undefined;
  }

  start(order: DesiredAllocation, durable: Promise<void>): void {
    const task: TaskHere = { state: 'preparing', cancelled: false, origin: order.origin };
    this.#tasks.set(order.id, task);
    this.#node.accepted(order.id);
    void this.#start(order, task, durable);
  }

  go(order: DesiredAllocation): void {
    const task = this.#tasks.get(order.id);
    if (task?.state !== 'ready') return;
    task.state = 'preparing';
    this.#node.letGo(order.id);
    void this.#go(order, task);
  }

  stop(id: string, reason: StopReason, graceMs: number): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    if (task.state === 'ready') this.#cancelReady(id, task);
    else if (task.state === 'preparing') task.cancelled = true;
    else void this.#send((supervisor) => supervisor.stop(id, reason, graceMs));
  }

  /** Simulated programs look at no files. */
  timeLeft(): void {}

  async kill(id: string): Promise<void> {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    task.cancelled = true;
    if (task.state === 'ready') this.#cancelReady(id, task);
    else if (task.state !== 'preparing') await this.#endTree(id);
  }

  async leftovers(id: string): Promise<readonly ProcessIdentity[]> {
    const end = this.#node.folders.endOf(id);
    if (end === null || end.left.length === 0) return [];
    return (await this.#endTree(id, 0)) ? [] : end.left;
  }

  origin(id: string): string {
    return this.#tasks.get(id)?.origin || this.#node.folders.originOf(id);
  }

  readLog(): Promise<LogPiece> {
    return Promise.reject(new Error('simulated tasks write no log'));
  }

  sweep(): Promise<void> {
    return Promise.resolve();
  }

  get live(): readonly string[] {
    return [...this.#tasks.keys()];
  }

  dismissSupervisor(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #start(order: DesiredAllocation, task: TaskHere, durable: Promise<void>): Promise<void> {
    const { folders } = this.#node;
    const isNew = folders.create(order.id);
    // Forgotten, and asked for again by a scheduler that lost history: it ran, or was refused, and that is the answer.
    if (!isNew && (folders.claimOf(order.id) !== null || folders.endOf(order.id) !== null)) {
      const recovered = this.#withCheckpoint(order.id, await this.#recover(order.id, await this.#line));
      if (recovered.state === 'ended') {
        if (recovered.checkpoint !== undefined) this.#listener.checkpoint(order.id, recovered.checkpoint);
        this.#ended(order.id, recovered.end);
      } else
        this.#take({ type: 'started', id: order.id, startedMs: recovered.startedMs ?? this.#node.machine.wallMs() });
      return;
    }
    await this.#process.delay(this.#node.nextPreparationMs(), 'task prepared');
    folders.writeOrigin(order.id, order.origin);
    await durable;
    if (!task.cancelled && order.launch?.hold === true) {
      this.#node.readied(order.id);
      task.state = 'ready';
      this.#listener.ready(order.id);
    } else await this.#order(order, task);
  }

  async #go(order: DesiredAllocation, task: TaskHere): Promise<void> {
    await this.#process.delay(this.#node.nextPreparationMs(), 'task prepared again');
    await this.#order(order, task);
  }

  async #order(order: DesiredAllocation, task: TaskHere): Promise<void> {
    if (task.cancelled) {
      await this.#neverStarted(order.id, STOPPED_BEFORE);
      return;
    }
    const { machine, lease } = this.#node;
    const notAfterMs = lastStartMs(order, lease.read());
    if (machine.bootMs() > notAfterMs) {
      await this.#neverStarted(order.id, TOO_LATE);
      return;
    }
    task.state = 'ordered';
    await this.#send((supervisor) => supervisor.start(order, notAfterMs));
  }

  #cancelReady(id: string, task: TaskHere): void {
    task.state = 'preparing';
    task.cancelled = true;
    void this.#neverStarted(id, STOPPED_BEFORE);
  }

  // --- the supervisor ---

  async #connect(): Promise<SupervisorLine> {
    const endMs = this.#process.clock.monotonicMs() + GREETING_LIMIT_MS;
    while (this.#process.clock.monotonicMs() < endMs) {
      const supervisor = await this.#node.reachSupervisor(this.#process);
      if (!supervisor.process.active) {
        await this.#process.delay(50, 'supervisor is silent');
        continue;
      }
      const line: SupervisorLine = { supervisor, tasks: supervisor.tasks, isLost: false };
      const leave = supervisor.join((news) => this.#later('news of a task', this.#process, () => this.#hear(news)));
      this.#process.atEnd(leave);
      supervisor.process.atEnd(() => {
        leave();
        this.#later('supervisor is gone', this.#process, () => {
          line.isLost = true;
          this.#supervisorLost(supervisor);
        });
      });
      return line;
    }
    throw new Error('the supervisor of tasks did not answer');
  }

  #hear(news: SupervisorNews): void {
    if (this.#early === null) this.#take(news);
    else this.#early.push(news);
  }

  async #send(order: (supervisor: SimSupervisor) => void): Promise<void> {
    const { supervisor } = await this.#line;
    this.#later('order to the supervisor', supervisor.process, () => order(supervisor));
  }

  /** Over a line of this machine: soon, and in order. */
  #later(label: string, to: SimProcess, take: () => void): void {
    const { timeline } = this.#node.machine;
    this.#arrivesMs = Math.max(this.#arrivesMs, timeline.nowMs + this.#node.nextLineMs());
    timeline.after(this.#arrivesMs - timeline.nowMs, label, () => to.take(take));
  }

  #take(news: SupervisorNews): void {
    const task = this.#tasks.get(news.id);
    if (task === undefined) {
      if (news.type === 'started') void this.#endStranger(news.id);
      return;
    }
    switch (news.type) {
      case 'started':
        task.state = 'running';
        this.#listener.started(news.id, news.startedMs);
        return;
      case 'ended':
        // So that the end comes with the checkpoint that the stop itself brought.
        this.#tellCheckpoint(news.id);
        this.#ended(news.id, news.end);
        return;
      case 'refused':
        void this.#settle(news.id);
        return;
    }
  }

  #supervisorLost(lost: SimSupervisor): void {
    const ordered = [...this.#tasks]
      .filter(([, { state }]) => state !== 'preparing' && state !== 'ready')
      .map(([id]) => id);
    // Orders wait for the next one. Nobody may use a line to a supervisor before the last one's tasks are settled.
    this.#line = (async () => {
      lost.process.kill();
      await Promise.all(ordered.map((id) => this.#settle(id, null)));
      return this.#reconnect();
    })();
  }

  async #reconnect(): Promise<SupervisorLine> {
    for (;;) {
      try {
        return await this.#connect();
      } catch {
        await this.#process.delay(RETRY_MS, 'supervisor tried again');
      }
    }
  }

  /** What the journal does not name and may run all the same: this supervisor holds it, or a dead one left it behind. */
  async #endForgotten(id: string, line: SupervisorLine): Promise<void> {
    if (!line.tasks.has(id) && (await this.#recover(id, line)).state === 'ended') return;
    await this.#endStranger(id);
  }

  /** A task that the supervisor holds and the journal does not name. */
  async #endStranger(id: string): Promise<void> {
    await this.#send((supervisor) => supervisor.stop(id, 'NODE_LOST', 0));
    const endMs = this.#process.clock.monotonicMs() + CLAIM_LIMIT_MS;
    while (this.#node.folders.endOf(id) === null && this.#process.clock.monotonicMs() < endMs) {
      await this.#process.delay(50, 'stranger ends');
    }
    if (this.#node.folders.endOf(id) === null) await this.#endTree(id);
  }

  // --- what became of an allocation ---

  async #settle(id: string, line?: SupervisorLine | null): Promise<void> {
    const recovered = await this.#recover(id, line === undefined ? await this.#line : line);
    if (recovered.state !== 'ended' || !this.#tasks.has(id)) return;
    this.#tellCheckpoint(id);
    this.#ended(id, recovered.end);
  }

  /** What an agent of this boot made ready and nobody claimed. */
  #readyAgain(id: string): Recovered | null {
    const { folders } = this.#node;
    if (this.#rebooted || !folders.isReady(id) || folders.claimOf(id) !== null) return null;
    this.#tasks.set(id, { state: 'ready', cancelled: false, origin: '' });
    return { state: 'ready' };
  }

  /** @param line the supervisor that is there now; null = there is none, and the last one is dead */
  async #recover(id: string, line: SupervisorLine | null): Promise<Found> {
    const { folders, machine } = this.#node;
    folders.create(id);
    const known = folders.endOf(id);
    if (known !== null) return { state: 'ended', end: known };
    const claim = folders.claimOf(id);
    if (claim === null) {
      // From now on nobody can ever start it, however late.
      if (!folders.claim(id, { by: 'agent' }, machine.timeline.nowMs)) return this.#recover(id, line);
      // After a power cut a claim may be missing of what did run.
      if (this.#rebooted)
        return { state: 'ended', end: await this.#writeEnd(id, false, 'lost: its node was rebooted') };
      return { state: 'ended', end: await this.#writeEnd(id, true, 'it was never started') };
    }
    if (claim.by === 'agent') return { state: 'ended', end: await this.#writeEnd(id, true, 'it was never started') };
    if (claim.bootId !== machine.bootId) {
      return { state: 'ended', end: await this.#writeEnd(id, false, 'lost: its node was rebooted') };
    }
    const isPresent = line !== null && line.supervisor.number === claim.supervisor;
    // The line may break while this is looked into: whoever says "running" after that would never be heard to be wrong.
    if (isPresent && !line.isLost && (await this.#isHeld(id, line)) && !line.isLost) {
      const late = folders.endOf(id);
      if (late !== null) return { state: 'ended', end: late };
      if (!this.#tasks.has(id)) this.#tasks.set(id, { state: 'running', cancelled: false, origin: '' });
      return { state: 'running', startedMs: folders.startedMsOf(id) };
    }
    if (!isPresent || line.isLost) this.#node.killSupervisor(claim.supervisor);
    const isClear = await this.#endTree(id);
    const late = folders.endOf(id);
    if (late !== null) return { state: 'ended', end: late };
    const message = 'lost: the supervisor of its node was killed, so how it ended is unknown';
    return { state: 'ended', end: await this.#writeEnd(id, false, message, isClear) };
  }

  /** Whether the present supervisor, which claimed it, holds it. An order of an agent that died may still be on its way. */
  async #isHeld(id: string, line: SupervisorLine): Promise<boolean> {
    if (line.tasks.has(id) || this.#early === null) return true;
    const { folders } = this.#node;
    const endMs = this.#process.clock.monotonicMs() + CLAIM_LIMIT_MS;
    while (this.#process.clock.monotonicMs() < endMs) {
      if (folders.startedMsOf(id) !== null || folders.endOf(id) !== null) break;
      await this.#process.delay(50, 'claim without a task');
    }
    return folders.endOf(id) !== null || this.#node.taskOf(id)?.isAlive === true;
  }

  async #writeEnd(id: string, neverStarted: boolean, message: string, isClear = true): Promise<EndRecord> {
    const { folders, machine } = this.#node;
    const end: EndRecord = {
      neverStarted,
      code: null,
      signal: '',
      message,
      startedMs: folders.startedMsOf(id),
      endedMs: machine.wallMs(),
      stopSignalled: false,
      left: isClear ? [] : [{ pid: 1, startTime: id, bootId: machine.bootId }],
    };
    folders.writeEnd(id, end, machine.timeline.nowMs);
    await this.#process.delay(this.#node.nextFlushMs(), 'end flushed');
    folders.flushEnd(id);
    return end;
  }

  async #neverStarted(id: string, message: string): Promise<void> {
    const { folders, machine } = this.#node;
    if (!folders.claim(id, { by: 'agent' }, machine.timeline.nowMs)) return this.#settle(id);
    this.#ended(id, await this.#writeEnd(id, true, message));
  }

  async #endTree(id: string, limitMs = KILL_LIMIT_MS): Promise<boolean> {
    const task = this.#node.taskOf(id);
    return task === undefined || endTree(this.#process, task, limitMs);
  }

  #ended(id: string, end: EndRecord): void {
    // Told once, whoever found out first.
    if (!this.#tasks.has(id)) return;
    // Nobody listens yet, and who was told that it runs would believe it for ever.
    if (this.#early !== null) {
      this.#early.push({ type: 'ended', id, end });
      return;
    }
    this.#tasks.delete(id);
    this.#listener.ended(id, end);
  }
}

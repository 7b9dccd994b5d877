// One simulated GPU machine: its disk, its GPUs, the supervisor and the tasks on it, and the real agent as its one other process. What dies
// is started again after a while, as a service manager does.
import { Agent } from '../../node-agent/agent.js';
import type { AgentRecord } from '../../node-agent/agent-journal.js';
import type { AgentHost, Connection } from '../../node-agent/agent-host.js';
import type { DesiredAllocation, StopReason } from '../../node-agent/session/allocation.js';
import type { ConnectionListener } from '../../node-agent/scheduler-connection.js';
import type { Logger } from '../../common/log.js';
import type { Random } from '../random.js';
import type { SharedCheckpoints } from './checkpoints.js';
import { Folders } from './folders.js';
import { SimDriver, SimGpu, SimGpuProvider, USUAL_LAG_MS } from './gpu.js';
import { SimJournal, JournalDisk } from './journal.js';
import { SimMachine, SimProcess } from './machine.js';
import { SimRuntime } from './runtime.js';
import { SimSupervisor } from './supervisor.js';
import { SimTask, type Behaviour, type MainExit } from './task.js';
import type { Timeline } from './timeline.js';

/** How soon a service manager starts an agent again, in ms. */
const RESTART_MS = [200, 5_000] as const;

/** Sees what really happens on a machine. */
export interface NodeWitness {
  /** A program was executed. */
  executed(node: SimNode, task: SimTask): void;
  /** Its agent decided to start an allocation. */
  accepted(node: SimNode, allocation: string): void;
  /** Everything that a held allocation needs is prepared. */
  readied(node: SimNode, allocation: string): void;
  /** What was held is let go: all of its gang is ready. */
  letGo(node: SimNode, allocation: string): void;
  /** Its agent's journal has new content for sure. */
  journaled(node: SimNode, record: AgentRecord): void;
  /** Its agent will know less than it knew. */
  journalDamaged(node: SimNode): void;
  /** No process of it is left. */
  gone(node: SimNode, task: SimTask): void;
  /** A task is told to stop for the first time. `graceMs`: from now to the kill. */
  stopping(node: SimNode, task: SimTask, reason: StopReason, graceMs: number): void;
}

export interface NodeOptions {
  readonly name: string;
  readonly pool: string;
  readonly gpus: number;
  /** How fast its clocks run. */
  readonly rate: number;
}

/** What a node needs of its world. */
export interface NodeSurroundings {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly witness: NodeWitness;
  readonly log: Logger;
  /** What programs save, on storage that all nodes see. */
  readonly checkpoints: SharedCheckpoints;
  /** Opens the way to the scheduler. */
  readonly connect: (node: SimNode, process: SimProcess, listener: ConnectionListener) => Connection;
}

export class SimNode {
  readonly options: NodeOptions;
  readonly machine: SimMachine;
  readonly driver: SimDriver;
  folders = new Folders();
  readonly journal: JournalDisk;
  /** Until when the node may run tasks, as the agent wrote it. */
  readonly lease: { read: () => number | null; write: (deadlineMs: number) => void };
  readonly #tasks = new Map<string, SimTask>();
  readonly #surroundings: NodeSurroundings;
  readonly #random: Random;
  agent: SimProcess | null = null;
  /** The agent itself, for those who look at it from outside. */
  running: Agent | null = null;
  supervisor: SimSupervisor | null = null;
  /** Its agent, if one looks: a program declared a checkpoint complete. */
  onSaved: ((allocation: string) => void) | null = null;
  #supervisors = 0;
  #wasGuarded = false;
  #unguardedUntilMs = 0;
  /** Whether the machine has power. */
  isUp = false;
  /** Whether its agent is not started again for now. */
  isHeldDown = false;

  constructor(options: NodeOptions, surroundings: NodeSurroundings) {
    this.options = options;
    this.#surroundings = surroundings;
    this.#random = surroundings.random;
    this.machine = new SimMachine(surroundings.timeline, options.name, options.rate);
    this.driver = new SimDriver(
      Array.from({ length: options.gpus }, (_, index) => new SimGpu(`GPU-${options.name}-${index}`, index)),
    );
    this.journal = new JournalDisk((record) => surroundings.witness.journaled(this, record));
    let lease: { readonly deadlineMs: number; readonly bootId: string } | null = null;
    this.lease = {
      read: () => (lease === null || lease.bootId !== this.machine.bootId ? null : lease.deadlineMs),
      write: (deadlineMs) => (lease = { deadlineMs, bootId: this.machine.bootId }),
    };
  }

  get checkpoints(): SharedCheckpoints {
    return this.#surroundings.checkpoints;
  }

  get name(): string {
    return this.options.name;
  }

  /** Every execution there ever was whose processes are not all gone. */
  get tasks(): Iterable<SimTask> {
    return this.#tasks.values();
  }

  taskOf(id: string): SimTask | undefined {
    return this.#tasks.get(id);
  }

  /** For how long somebody on it could end its tasks without a break; 0 = nobody can now. */
  guardedMs(nowMs: number): number {
    const isGuarded = this.agent?.active === true || this.supervisor?.process.active === true;
    return isGuarded ? nowMs - this.#unguardedUntilMs : 0;
  }

  /** To be called after whatever changes who can act on the machine. */
  noteGuards(): void {
    const isGuarded = this.agent?.active === true || this.supervisor?.process.active === true;
    if (isGuarded && !this.#wasGuarded) this.#unguardedUntilMs = this.machine.timeline.nowMs;
    this.#wasGuarded = isGuarded;
  }

  /** The machine gets power. */
  boot(): void {
    if (this.isUp) return;
    this.isUp = true;
    this.startAgent();
  }

  /** Everything on it stops at once. */
  losePower(): void {
    if (!this.isUp) return;
    this.isUp = false;
    this.running = null;
    this.agent?.kill(true);
    this.agent = null;
    this.supervisor?.process.kill(true);
    this.supervisor = null;
    this.noteGuards();
    for (const task of this.#tasks.values()) task.losePower();
    for (const gpu of this.driver.gpus) {
      gpu.users.clear();
      gpu.dirtyUntilMs = 0;
    }
    for (const task of this.#tasks.values()) this.#surroundings.witness.gone(this, task);
    this.#tasks.clear();
    this.folders.losePower(this.#random, this.machine.timeline.nowMs);
    this.machine.reboot();
  }

  startAgent(): void {
    if (!this.isUp || this.isHeldDown || this.agent?.alive === true) return;
    const process = new SimProcess(this.machine, 'agent');
    this.agent = process;
    this.noteGuards();
    process.atEnd(() => this.journal.crash(this.#random));
    const { log } = this.#surroundings;
    const { name, pool } = this.options;
    Agent.start(
      { name, pool, labels: {}, machine: { cpuCount: 64, memoryMib: 512_000 } },
      {
        clock: process.clock,
        log,
        host: this.#host(process),
        gpus: () => new SimGpuProvider(this.driver, process, this.#random),
      },
    ).then(
      (agent) => {
        if (process.alive) this.running = agent;
      },
      (error: unknown) => {
        if (!process.alive) return;
        log.warn({ err: error, node: name }, 'the agent could not start');
        this.crashAgent();
      },
    );
  }

  /** The agent dies; its service manager starts another one. */
  crashAgent(): void {
    if (this.agent?.alive !== true) return;
    this.running = null;
    this.agent.kill();
    this.noteGuards();
    this.machine.timeline.after(this.#random.between(...RESTART_MS), 'agent restarted', () => this.startAgent());
  }

  crashSupervisor(): void {
    const { supervisor } = this;
    this.supervisor = null;
    supervisor?.process.kill();
    this.noteGuards();
  }

  /** Its number is that of the one to kill, if that still lives. */
  killSupervisor(number: number): void {
    if (this.supervisor?.number === number) this.crashSupervisor();
  }

  /** The supervisor that is there, or a new one. */
  async reachSupervisor(asker: SimProcess): Promise<SimSupervisor> {
    if (this.supervisor?.process.alive !== true) {
      await asker.delay(this.#random.between(20, 150), 'supervisor starts');
    }
    if (this.supervisor?.process.alive !== true) {
      this.#supervisors += 1;
      this.supervisor = new SimSupervisor(this, this.#supervisors);
      this.noteGuards();
    }
    return this.supervisor;
  }

  /** The newest content of the journal cannot be read any more: what was there before it is. Its agent dies of it. */
  damageJournal(): void {
    this.crashAgent();
    this.journal.damage();
    this.#surroundings.witness.journalDamaged(this);
  }

  /** Its agent decided to start this. */
  accepted(allocation: string): void {
    this.#surroundings.witness.accepted(this, allocation);
  }

  /** Its agent has prepared this, and waits for its gang. */
  readied(allocation: string): void {
    this.folders.writeReady(allocation);
    this.#surroundings.witness.readied(this, allocation);
  }

  /** Its agent was told that its gang is ready. */
  letGo(allocation: string): void {
    this.#surroundings.witness.letGo(this, allocation);
  }

  /** Executes a program, as a supervisor asks for it. */
  execute(order: DesiredAllocation, behaviour: Behaviour, mainExit: (exit: MainExit) => void): SimTask {
    const { witness } = this.#surroundings;
    const name = order.array === null ? order.workloadName : `${order.workloadName}/${order.array.index}`;
    const about = { ...order, name, allocation: order.id };
    const used = this.driver.gpus.filter(({ uuid }) => order.gpus.some((gpu) => gpu.uuid === uuid));
    const gone = (task: SimTask): void => {
      for (const gpu of used) {
        gpu.users.delete(task);
        gpu.dirtyUntilMs = Math.max(gpu.dirtyUntilMs, this.machine.timeline.nowMs + Math.max(USUAL_LAG_MS, gpu.lagMs));
      }
      if (this.#tasks.get(order.id) === task) this.#tasks.delete(order.id);
      witness.gone(this, task);
    };
    const saved = (step: number): void => {
      const path = `/shared/${name}/step-${step}`;
      this.checkpoints.declare(name, order.id, { step, path, timeMs: this.machine.wallMs() });
      this.onSaved?.(order.id);
    };
    // As a node does: the newest of what it was told of and of what it finds.
    const found = behaviour.saves === undefined ? null : this.checkpoints.newestOf(name);
    const beginsAt = order.attempt === 1 ? 0 : Math.max(order.resume?.step ?? 0, found?.step ?? 0);
    const task = new SimTask(this.machine, about, behaviour, { mainExit, gone, saved }, beginsAt);
    // A second execution under one id is for the witness to tell; both are there.
    this.#tasks.set(order.id, task);
    for (const gpu of used) gpu.users.add(task);
    witness.executed(this, task);
    return task;
  }

  /** A task of it is told to stop for the first time. */
  stopping(task: SimTask, reason: StopReason, graceMs: number): void {
    this.#surroundings.witness.stopping(this, task, reason, graceMs);
  }

  nextPreparationMs(): number {
    // One that takes long lets others of its gang wait for it, and whatever may happen to them happens then.
    return this.#random.chance(0.1) ? this.#random.between(10, 8_000) : this.#random.between(0.1, 3);
  }

  nextFlushMs(): number {
    return this.#random.chance(0.03) ? this.#random.between(5, 800) : this.#random.between(0.1, 2);
  }

  nextLineMs(): number {
    return this.#random.chance(0.02) ? this.#random.between(1, 200) : this.#random.between(0.02, 0.5);
  }

  #host(process: SimProcess): AgentHost {
    const { timeline } = this.machine;
    return {
      bootId: this.machine.bootId,
      bootMs: () => this.machine.bootMs(),
      newId: () => nodeIdOf(this.name),
      ownAddress: () => '',
      defer: (callback) => {
        timeline.after(0, 'agent defers', () => process.take(callback));
      },
      takeState: () => () => undefined,
      journal: new SimJournal(this.journal, process, () => this.nextFlushMs()),
      readLease: () => this.lease.read(),
      writeLease: (deadlineMs) => this.lease.write(deadlineMs),
      openRuntime: ({ rebooted }, known, listener) => SimRuntime.open(this, process, rebooted, known, listener),
      connect: (listener) => this.#surroundings.connect(this, process, listener),
      execs: null,
    };
  }
}

/** A UUID that follows from the name. */
export function nodeIdOf(name: string): string {
  const digits = Array.from(name, (letter) => letter.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  return `00000000-0000-4000-8000-${digits.slice(-12).padStart(12, '0')}`;
}

// What a task does on its machine, as far as others notice: it runs, ends, obeys a stop signal or not, forks something that stays, or
// hangs in the kernel where no signal reaches it. Everything of one execution is one thing here; what counts is when none of it is left.
import type { GrantedGpu } from '../../node-agent/session/allocation.js';
import type { Saving } from './checkpoints.js';
import { SimProcess, type SimMachine } from './machine.js';

/** How a program behaves; comes to its node as the argument of its command. */
export interface Behaviour {
  /** How long it runs; null = until it is stopped. */
  readonly runMs: number | null;
  readonly exitCode: number;
  /** How long it takes to leave after the stop signal; null = it ignores it. */
  readonly leaveMs: number | null;
  /** Its code when it leaves so; null = the signal ends it. */
  readonly leaveCode: number | null;
  /** Forks something that ignores signals and outlives it. */
  readonly forks: boolean;
  /** One task of a gang that fails by itself after a while, whatever the others do; null = none does. */
  readonly breaks: { readonly task: number; readonly afterMs: number } | null;
  /** It saves its work, and runs as long as is left of it; absent = it begins anew each time. */
  readonly saves?: Saving;
  /** How long not even a kill ends it, as when it waits for a dead disk. */
  readonly stuckMs: number;
}

/** The program that a simulated node knows. */
export const PROGRAM = 'simulated-task';

export function commandOf(behaviour: Behaviour): readonly string[] {
  return [PROGRAM, JSON.stringify(behaviour)];
}

/** @throws Error when it is not one of ours */
export function behaviourOf(argv: readonly string[]): Behaviour {
  const [program, text] = argv;
  if (program !== PROGRAM || text === undefined) throw new Error(`${String(program)} is no simulated task`);
  return JSON.parse(text) as Behaviour;
}

/** How the main process ended. */
export interface MainExit {
  readonly code: number | null;
  readonly signal: string;
}

/** One execution: a main process and whatever it forked. */
export class SimTask {
  readonly allocation: string;
  readonly workload: number;
  /** The workload by what its user called it, with its place in an array: stays whatever number it has. */
  readonly name: string;
  readonly attempt: number;
  readonly task: number;
  readonly gpus: readonly GrantedGpu[];
  readonly lingerMs: number;
  readonly graceMs: number;
  /** What it is told ahead of its stop signal, and how long; absent = nothing is. */
  readonly earlySignal?: { readonly signal: string; readonly aheadMs: number };
  readonly machine: SimMachine;
  /** In true time. */
  readonly startedMs: number;
  readonly process: SimProcess;
  readonly #behaviour: Behaviour;
  readonly #onMainExit: (exit: MainExit) => void;
  readonly #onGone: (task: SimTask) => void;
  readonly #onSaved: ((step: number) => void) | null;
  /** How much of its work was done when it began, in ms. */
  readonly beginsAt: number;
  #isMainAlive = true;
  #hasStray: boolean;
  #isLeaving = false;
  #isDying = false;

  constructor(
    machine: SimMachine,
    about: Pick<
      SimTask,
      'allocation' | 'workload' | 'name' | 'attempt' | 'task' | 'gpus' | 'lingerMs' | 'graceMs' | 'earlySignal'
    >,
    behaviour: Behaviour,
    on: {
      readonly mainExit: (exit: MainExit) => void;
      readonly gone: (task: SimTask) => void;
      readonly saved?: (step: number) => void;
    },
    beginsAt = 0,
  ) {
    this.machine = machine;
    this.allocation = about.allocation;
    this.workload = about.workload;
    this.name = about.name;
    this.attempt = about.attempt;
    this.task = about.task;
    this.gpus = about.gpus;
    this.lingerMs = about.lingerMs;
    this.graceMs = about.graceMs;
    if (about.earlySignal !== undefined) this.earlySignal = about.earlySignal;
    this.beginsAt = beginsAt;
    this.startedMs = machine.timeline.nowMs;
    this.process = new SimProcess(machine, 'task');
    this.#behaviour = behaviour;
    this.#hasStray = behaviour.forks;
    this.#onMainExit = on.mainExit;
    this.#onGone = on.gone;
    this.#onSaved = on.saved ?? null;
    const { runMs, exitCode, breaks } = behaviour;
    if (breaks?.task === this.task) {
      this.process.after(breaks.afterMs, 'task breaks', () => this.#exit({ code: 1, signal: '' }));
    }
    this.#saveRegularly();
    const leftMs = runMs === null ? null : Math.max(0, runMs - beginsAt);
    if (leftMs !== null) this.process.after(leftMs, 'task ends', () => this.#exit({ code: exitCode, signal: '' }));
  }

  /** Whether any process of it is left. */
  get isAlive(): boolean {
    return this.#isMainAlive || this.#hasStray;
  }

  /** Whether it was killed and the kernel does not end it. */
  get isStuck(): boolean {
    return this.#isDying && this.isAlive;
  }

  /** The signal ahead of the stop signal: what saves its work does so now. */
  giveNotice(): void {
    const { saves } = this.#behaviour;
    if (saves !== undefined) this.process.after(saves.saveMs, 'task saves', () => this.#save());
  }

  #saveRegularly(): void {
    const { saves } = this.#behaviour;
    if (saves === undefined) return;
    this.process.after(saves.everyMs, 'task saves', () => {
      this.#save();
      this.#saveRegularly();
    });
  }

  #save(): void {
    if (!this.#isMainAlive || this.#isDying) return;
    this.#onSaved?.(Math.floor(this.beginsAt + this.machine.timeline.nowMs - this.startedMs));
  }

  /** The stop signal. */
  terminate(): void {
    const { leaveMs, leaveCode } = this.#behaviour;
    if (leaveMs === null || this.#isLeaving) return;
    this.#isLeaving = true;
    const signal = leaveCode === null ? 'SIGTERM' : '';
    this.process.after(leaveMs, 'task leaves', () => this.#exit({ code: leaveCode, signal }));
  }

  /** Every process of it is killed; what is stuck in the kernel dies when it comes out. A paused one dies, too. */
  kill(): void {
    if (this.#isDying || !this.isAlive) return;
    this.#isDying = true;
    const { stuckMs } = this.#behaviour;
    if (stuckMs === 0) this.#die();
    else this.machine.timeline.after(stuckMs, 'task comes unstuck', () => this.#die());
  }

  /** Its machine went down. */
  losePower(): void {
    this.#isMainAlive = false;
    this.#hasStray = false;
    this.process.kill(true);
  }

  #die(): void {
    if (!this.isAlive) return;
    this.#hasStray = false;
    if (this.#isMainAlive) this.#exit({ code: null, signal: 'SIGKILL' });
    else this.#gone();
  }

  #exit(exit: MainExit): void {
    if (!this.#isMainAlive) return;
    this.#isMainAlive = false;
    this.#onMainExit(exit);
    if (!this.#hasStray) this.#gone();
  }

  #gone(): void {
    this.process.kill();
    this.#onGone(this);
  }
}

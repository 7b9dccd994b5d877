// What the agent does about health beside its tasks: tells what the kernel and the hooks say before the ends that they
// explain, runs prolog and epilog around tasks, and keeps the word of the health check.
import type { Clock, Timer } from '../../common/clock.js';
import type { Logger } from '../../common/log.js';
import type { HealthEvent } from '../../proto/gen/sluice/v1/HealthEvent.js';
import type { Inventory } from '../gpu/provider.js';
import type { Grant } from '../session/allocation.js';
import type { HealthWatch } from './health-watch.js';
import type { Hooks } from './hooks.js';

/** How often the kernel log is looked at when nothing else asks for it, in ms. */
const LOOK_MS = 1_000;

/** What the agent does when something is to be told. */
export interface HealthListener {
  /** Sends events if there is a line; else they go with the next hello. */
  send(events: readonly HealthEvent[]): void;
  /** A GPU was in the kernel log: its state is to be read now. */
  lookAtGpus(): void;
  /** The word of the health check is another one. */
  problemChanged(): void;
}

/** The health of one node. */
export class AgentHealth {
  readonly #watch: HealthWatch;
  readonly #hooks: Hooks;
  readonly #deps: { readonly clock: Clock; readonly log: Logger };
  /** Epilogs that ran or run, by allocation. */
  readonly #epilogs = new Map<string, Promise<void>>();
  readonly #timers = new Map<string, Timer>();
  #listener: HealthListener | null = null;
  #problem = '';
  #toldThrough = 0;
  #isClosed = false;

  constructor(watch: HealthWatch, hooks: Hooks, deps: { readonly clock: Clock; readonly log: Logger }) {
    this.#watch = watch;
    this.#hooks = hooks;
    this.#deps = deps;
  }

  /** Why the health check keeps new work off this node; empty = it does not. */
  get problem(): string {
    return this.#problem;
  }

  /** The first look, and the first health check: before the agent says hello. */
  async begin(inventory: Inventory, listener: HealthListener): Promise<void> {
    this.#listener = listener;
    this.#watch.onEvents((events) => listener.send(events));
    this.noteInventory(inventory);
    this.#watch.look();
    await this.#watch.settled();
    this.#every('kernel log', LOOK_MS, () => {
      if (this.#watch.look()) listener.lookAtGpus();
      return Promise.resolve();
    });
    const { checkEveryMs } = this.#hooks;
    if (checkEveryMs === null) return;
    await this.#check();
    this.#every('health check', checkEveryMs, () => this.#check());
  }

  /** Events for a hello: all that no scheduler has acknowledged. */
  eventsForHello(): readonly HealthEvent[] {
    const events = this.#watch.unacknowledged();
    this.#toldThrough = Number(events.at(-1)?.sequence ?? this.#toldThrough);
    return events;
  }

  /** What came about since the hello was sent. */
  eventsSinceHello(): readonly HealthEvent[] {
    return this.#watch.unacknowledged().filter(({ sequence }) => Number(sequence) > this.#toldThrough);
  }

  acknowledged(through: number): void {
    this.#watch.acknowledge(through);
  }

  noteInventory(inventory: Inventory): void {
    this.#watch.noteInventory(inventory);
  }

  /** Does something once all that the kernel said until now is told. */
  afterEvents(act: () => void): void {
    if (this.#isClosed) return act();
    if (this.#watch.look()) this.#listener?.lookAtGpus();
    const settled = this.#watch.settled();
    if (settled === null) act();
    else void settled.then(act);
  }

  /**
   * Resolves when a task may start: its order is durable, its prolog has passed.
   * @throws Error in words when the prolog failed; the scheduler was told that the node is to blame
   */
  async beforeStart(task: Grant, durable: Promise<void>): Promise<void> {
    await durable;
    if (!this.#hooks.hasProlog) return;
    const outcome = await this.#hooks.prolog(task);
    if (outcome.state === 'passed') return;
    if (outcome.state === 'closed') throw new Error('its agent ended during the prolog');
    this.#watch.noteHook('prolog_failed', task.id, outcome.why);
    await this.#watch.settled();
    throw new Error(`the prolog failed: ${outcome.why}`);
  }

  /** Resolves when the epilog of a task is over, however; it runs once as long as this agent lives. */
  beforeRelease(task: Grant): Promise<void> {
    const known = this.#epilogs.get(task.id);
    if (known !== undefined) return known;
    const run = this.#epilog(task);
    this.#epilogs.set(task.id, run);
    return run;
  }

  /** The health check of the site, run now. @returns why the node is not well, in words; empty = it is, or there is no check */
  async checkNow(): Promise<string> {
    if (this.#hooks.checkEveryMs !== null) await this.#check();
    return this.#problem;
  }

  /** Tells how the reset of GPUs went: resolves once that is on disk. @param why null = they are clean */
  async noteReset(gpus: readonly string[], why: string | null): Promise<void> {
    this.#watch.noteReset(gpus, why);
    await this.#watch.settled();
  }

  /** The allocation is no more. */
  forget(id: string): void {
    this.#epilogs.delete(id);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    await this.#hooks.close();
    await this.#watch.close();
  }

  async #epilog(task: Grant): Promise<void> {
    const outcome = await this.#hooks.epilog(task);
    if (outcome.state !== 'failed') return;
    this.#watch.noteHook('epilog_failed', task.id, outcome.why);
    await this.#watch.settled();
  }

  async #check(): Promise<void> {
    const outcome = await this.#hooks.healthCheck();
    if (outcome.state === 'closed') return;
    const problem = outcome.state === 'passed' ? '' : `the health check fails: ${outcome.why}`;
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#deps.log.warn(problem === '' ? 'the health check passes again' : problem);
    this.#listener?.problemChanged();
  }

  #every(name: string, periodMs: number, action: () => Promise<void>): void {
    const run = (): void => {
      void action()
        .catch((error: unknown) => this.#deps.log.error({ err: error }, `${name} failed`))
        .finally(() => {
          if (!this.#isClosed) this.#timers.set(name, this.#deps.clock.after(periodMs, run));
        });
    };
    this.#timers.set(name, this.#deps.clock.after(periodMs, run));
  }
}

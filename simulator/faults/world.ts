// One simulated cluster from its first boot to its end: the real scheduler and the real agents on made-up machines, users who ask, faults that
// happen, and checkers who see all of it. Everything follows from the seed.
import type { WorkloadNumber } from '../../common/ids.js';
import type { Logger } from '../../common/log.js';
import { workloadKey, type Allocation, type Workload } from '../../scheduler/model/records.js';
import type { SimDisk } from './store.js';
import { isTerminal } from '../../scheduler/model/cluster-state.js';
import { checkInvariants } from '../../scheduler/control/recovery.js';
import type { Control } from '../../scheduler/wire-control.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { cancelMaintenance } from '../../scheduler/control/commands/maintenance.js';
import { cordonNode } from '../../scheduler/control/commands/nodes.js';
import { updateQueue } from '../../scheduler/control/commands/queues.js';
import { release } from '../../scheduler/control/commands/steering.js';
import { Random } from '../random.js';
import { SimConnection } from './agent-stream.js';
import { queueCommands, SimClient } from './client.js';
import { Coverage } from './coverage.js';
import { SimDaemon } from './daemon.js';
import { Injector } from './injector.js';
import { MachineChecker } from './machine-checker.js';
import { Way, type Link } from './network.js';
import { SimNode } from './node.js';
import type { Fault, Plan } from './plan.js';
import { PromiseChecker } from './promise-checker.js';
import { RecordChecker } from './record-checker.js';
import { checkConverged, checkDrained, checkStored, isDrained } from './rest-checker.js';
import { behaviourOf } from './task.js';
import { Timeline } from './timeline.js';
import type { LawName, Violation } from './violation.js';

/** What everything needs to come to rest after the heal: twice a lease and the time to kill, and a cycle. */
export const CONVERGE_MS = 2 * (20_000 + 35_000) + 5_000;
/** What all that was asked for may take until it is over once what is endless was cancelled, and how often it is looked at. */
const DRAIN_MS = 1_800_000;
const DRAIN_LOOK_MS = 20_000;
/** How often what no event shows is looked at. */
const LOOK_MS = 5_000;
/** Every so many turns of the daemon all records are looked at. */
const TURNS_PER_CHECK = 8;
const TURNS_PER_COMPARISON = 64;

/** What became of a world. */
export interface Outcome {
  readonly seed: number;
  readonly hash: string;
  readonly virtualMs: number;
  readonly happenings: number;
  readonly faults: number;
  readonly violation: Violation | null;
  readonly coverage: Coverage;
  /** For the curious: what was done. */
  readonly figures: { readonly acknowledged: number; readonly executions: number; readonly starts: number };
}

/** Lives a plan. @param only the faults to let happen, by their place in the plan; null = all */
export async function live(plan: Plan, only: ReadonlySet<number> | null, log: Logger): Promise<Outcome> {
  const world = new World(plan, log);
  return world.live(plan.faults.filter((_, at) => only === null || only.has(at)));
}

class World {
  readonly #plan: Plan;
  readonly #timeline = new Timeline();
  readonly #random: Random;
  readonly #coverage = new Coverage();
  readonly #links = new Map<string, Link>();
  readonly #daemon: SimDaemon;
  readonly #nodes: readonly SimNode[];
  readonly #clients: readonly SimClient[];
  readonly #records: RecordChecker;
  readonly #machines: MachineChecker;
  readonly #promises: PromiseChecker;
  readonly #durable = new Set<string>();
  readonly #answeredMs = new Map<string, number>();
  readonly #cancelsAsked = new Set<WorkloadNumber>();
  readonly #uncommitted: string[] = [];
  #turns = 0;
  #violation: Violation | null = null;

  constructor(plan: Plan, log: Logger) {
    this.#plan = plan;
    const timeline = this.#timeline;
    // Apart from the plan's own, so that fewer faults do not change what users ask.
    const random = new Random(plan.seed ^ 0x5bd1e995);
    this.#random = random;
    const report = (law: LawName, message: string): void => this.#report(law, message);
    const visited = (kind: string, state: string, event: string): void => this.#coverage.note(kind, state, event);
    this.#daemon = new SimDaemon(
      {
        timeline,
        random,
        log,
        witness: {
          began: (control) => this.#daemonBegan(control),
          committed: (control) => this.#turnOver(control),
          stoppedItself: (error) => report('the daemon goes on', textOf(error)),
          sending: (node, message) => this.#sending(node, message),
          lostHistory: (copy) => this.#promises.lostHistory(copy),
        },
      },
      plan.daemonRate,
    );
    const { disk } = this.#daemon;
    const facts = {
      nowMs: () => timeline.nowMs,
      wasCancelAsked: (number: WorkloadNumber) => this.#cancelsAsked.has(number),
      wasCancelled: (number: WorkloadNumber) => this.#promises.wasCancelled(number),
      isAlive: (id: string) => this.#machines.isAlive(id),
      isAnsweredFor: (id: string) => this.#machines.isAnsweredFor(id),
      isStuckWithoutGpus: (id: string) => this.#machines.isStuckWithoutGpus(id),
      isExcused: (id: string) => this.#machines.isExcused(id),
      isDirty: (uuid: string) =>
        this.#nodes.some((node) => node.driver.gpus.some((gpu) => gpu.uuid === uuid && gpu.isDirty(timeline.nowMs))),
    };
    this.#records = new RecordChecker(disk, facts, report, visited);
    this.#promises = new PromiseChecker(disk, report);
    this.#machines = new MachineChecker(
      {
        nowMs: () => timeline.nowMs,
        wasDurable: (id) => this.#durable.has(id),
        wasReleased: (id) => disk.record<Allocation>('allocations', id)?.state === 'released',
        gangOf: (id) => gangOf(disk, id),
        answeredMs: (node) => this.#answeredMs.get(node) ?? 0,
      },
      report,
    );
    disk.watcher = {
      committing: (commit) => {
        timeline.note('commit', commit.revision);
        this.#records.commit(commit);
        for (const put of commit.puts) if (put.collection === 'allocations') this.#uncommitted.push(put.key);
      },
      flushed: () => {
        for (const key of this.#uncommitted) {
          if (disk.record('allocations', key) !== undefined) this.#durable.add(key);
        }
        this.#uncommitted.length = 0;
      },
    };
    const gate = () => this.#daemon.gate();
    this.#nodes = plan.nodes.map(
      (options) =>
        new SimNode(options, {
          timeline,
          random,
          log,
          witness: {
            executed: (node, task) => {
              timeline.note(task.allocation, task.attempt);
              this.#machines.executed(node, task);
            },
            gone: (_node, task) => this.#machines.gone(task),
            accepted: (node, allocation) => this.#machines.accepted(node, allocation),
            readied: (_node, allocation) => this.#machines.readied(allocation),
            journaled: (node, record) => this.#machines.journaled(node, record),
            journalDamaged: (node) => this.#machines.journalDamaged(node),
          },
          connect: (node, process, listener) =>
            new SimConnection(node.name, process, listener, { link: this.#link(node.name), gate, timeline, random }),
        }),
    );
    const names = plan.nodes.map(({ name }) => name);
    const witness = {
      answering: (workloads: Parameters<PromiseChecker['answering']>[0]) => this.#promises.answering(workloads),
      submitted: (promise: Parameters<PromiseChecker['submitted']>[0]) => this.#promises.submitted(promise),
      cancelled: (...said: Parameters<PromiseChecker['cancelled']>) => this.#promises.cancelled(...said),
      asked: (what: string, number: WorkloadNumber | null) => {
        if (what === 'cancel' && number !== null) this.#cancelsAsked.add(number);
        const workload = number === null ? undefined : this.#daemon.control?.state.workload(number);
        if (workload !== undefined) visited('workload', workload.state, what);
      },
    };
    this.#clients = Array.from(
      { length: plan.clients },
      (_, at) =>
        new SimClient(`client-${at}`, {
          timeline,
          random,
          link: this.#link(`client-${at}`),
          daemon: this.#daemon,
          witness,
          nodes: names,
        }),
    );
  }

  async live(faults: readonly Fault[]): Promise<Outcome> {
    const timeline = this.#timeline;
    const { healMs, asks } = this.#plan;
    const injector = new Injector({
      timeline,
      random: this.#random,
      daemon: this.#daemon,
      nodes: this.#nodes,
      links: this.#links,
      clients: this.#clients.map((_, at) => `client-${at}`),
    });
    this.#daemon.start();
    for (const node of this.#nodes) timeline.after(this.#random.between(0, 1_000), 'node boots', () => node.boot());
    for (const { atMs, client, ask } of asks) {
      timeline.after(atMs, 'client asks', () => this.#clients[client % this.#clients.length]?.ask(ask));
    }
    for (const fault of faults) {
      injector.prepare(fault);
      timeline.after(fault.atMs, fault.kind, () => {
        this.#noteFault(fault);
        injector.inject(fault);
      });
    }
    this.#lookRegularly();
    await timeline.run(healMs);
    if (this.#violation === null) {
      injector.heal();
      await timeline.run(healMs + CONVERGE_MS);
    }
    if (this.#violation === null) this.#checkConverged();
    if (this.#violation === null) {
      const endMs = timeline.nowMs + DRAIN_MS;
      while (this.#violation === null && timeline.nowMs < endMs && !this.#isDrained()) {
        this.#operate();
        await timeline.run(timeline.nowMs + DRAIN_LOOK_MS);
      }
    }
    if (this.#violation === null) this.#checkEnd();
    return {
      seed: this.#plan.seed,
      hash: timeline.hash,
      virtualMs: timeline.nowMs,
      happenings: timeline.happenings,
      faults: faults.length,
      violation: this.#violation,
      coverage: this.#coverage,
      figures: {
        acknowledged: this.#promises.count,
        executions: this.#machines.executions,
        starts: this.#daemon.starts,
      },
    };
  }

  #link(name: string): Link {
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const way = (direction: string): Way => new Way(`${name} ${direction}`, this.#timeline, this.#random);
    const link = { up: way('up'), down: way('down') };
    this.#links.set(name, link);
    return link;
  }

  #report(law: LawName, message: string): void {
    // What follows from the first one is no news.
    this.#violation ??= { law, message, atMs: this.#timeline.nowMs };
    this.#timeline.stop();
  }

  #daemonBegan(control: Control): void {
    this.#records.begin();
    this.#promises.checkKept(control.state);
    checkStored(control, this.#daemon.disk, (law, message) => this.#report(law, message));
    // The tenant tree is asked for until it is there.
    if (control.state.queues.size === 0) {
      const { gpus } = this.#plan.nodes[0] ?? { gpus: 1 };
      for (const command of queueCommands(gpus * this.#plan.nodes.length)) {
        control.loop.execute(command).catch(() => undefined);
      }
    }
  }

  #turnOver(control: Control): void {
    this.#turns += 1;
    if (this.#turns % TURNS_PER_CHECK === 0) {
      try {
        checkInvariants(control.state);
      } catch (error) {
        this.#report('I4 invariants of the state', textOf(error));
      }
    }
    if (this.#turns % TURNS_PER_COMPARISON === 0) {
      checkStored(control, this.#daemon.disk, (law, message) => this.#report(law, message));
    }
  }

  #sending(
    node: string,
    message: Parameters<ConstructorParameters<typeof SimDaemon>[0]['witness']['sending']>[1],
  ): void {
    if (message.heartbeatReply) this.#answeredMs.set(node, this.#timeline.nowMs);
    const { desired, welcome } = message;
    if (desired)
      this.#mustBeDurable(Number(desired.epoch ?? 0), Number(desired.revision ?? 0), `orders left for ${node}`);
    if (welcome) {
      this.#answeredMs.set(node, this.#timeline.nowMs);
      this.#mustBeDurable(Number(welcome.epoch ?? 0), 0, `a welcome left for ${node}`);
    }
  }

  #mustBeDurable(epoch: number, revision: number, what: string): void {
    const { position } = this.#daemon.disk.image;
    if (epoch <= position.epoch && revision <= position.revision) return;
    const said = `${what}, of epoch ${epoch} and revision ${revision}`;
    this.#report('I16 durable before visible', `${said}; the disk holds ${position.epoch} and ${position.revision}`);
  }

  #noteFault({ kind }: Fault): void {
    this.#coverage.note('fault', kind, 'injected');
    const state = this.#daemon.control?.state;
    if (state === undefined) return;
    for (const workload of state.workloads.values()) this.#coverage.note('workload', workload.state, kind);
    for (const allocation of state.allocations.values()) this.#coverage.note('allocation', allocation.state, kind);
  }

  #lookRegularly(): void {
    this.#timeline.after(LOOK_MS, 'checkers look', () => {
      this.#machines.checkLeases();
      this.#lookRegularly();
    });
  }

  #checkConverged(): void {
    const report = (law: LawName, message: string): void => this.#report(law, message);
    checkConverged(this.#daemon.control, this.#nodes, this.#machines, report);
  }

  /** A person looks after what is quarantined or held back, and cancels what would run for ever. */
  #operate(): void {
    const control = this.#daemon.control;
    if (control === null) return;
    const { loop, state } = control;
    const ignore = (): void => undefined;
    for (const node of this.#plan.nodes) loop.execute(cordonNode(node.name, false, '')).catch(ignore);
    // A clock that was set back leaves what was announced far in the future.
    for (const { maintenance } of state.nodes.values()) {
      for (const { id } of maintenance) loop.execute(cancelMaintenance(id, [])).catch(ignore);
    }
    // All that was accepted may then run.
    const guaranteeGpus = this.#plan.nodes.reduce((sum, { gpus }) => sum + gpus, 0);
    loop.execute(updateQueue('org/a', { guaranteeGpus }, false)).catch(ignore);
    for (const { number, state: at, hold, spec } of state.workloads.values()) {
      if (isTerminal(at)) continue;
      if (hold !== null) loop.execute(release([`${number}`], 'operator')).catch(ignore);
      const { program } = spec;
      const { runMs, stuckMs } = behaviourOf(program.type === 'command' ? program.argv : []);
      // What hangs in the kernel takes one GPU after the other with it, as often as it is tried again.
      if (runMs !== null && stuckMs === 0) continue;
      this.#cancelsAsked.add(number);
      loop.execute(cancel([`${number}`], '', 'operator')).catch(ignore);
    }
  }

  #isDrained(): boolean {
    const { control } = this.#daemon;
    return control !== null && isDrained(control, this.#machines);
  }

  #checkEnd(): void {
    const report = (law: LawName, message: string): void => this.#report(law, message);
    const { control, disk } = this.#daemon;
    checkDrained(control, this.#machines, report);
    if (control === null) return;
    this.#promises.checkKept(control.state);
    this.#promises.checkCancelled(control.state);
    checkStored(control, disk, report);
    this.#turns = -1;
    this.#turnOver(control);
  }
}

/** Those that were placed with an allocation and start with it, as the durable records have them. */
function gangOf(disk: SimDisk, id: string): readonly string[] {
  const allocation = disk.record<Allocation>('allocations', id);
  const workload = allocation && disk.record<Workload>('workloads', workloadKey(allocation.workload));
  if (workload?.attempt !== allocation?.attempt) return [];
  return (workload?.allocations ?? []).filter((other) => {
    const { state, launch } = disk.record<Allocation>('allocations', other) ?? {};
    return launch?.stage !== undefined && (state === 'placed' || state === 'running');
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

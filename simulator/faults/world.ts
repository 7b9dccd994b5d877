// One simulated cluster from its first boot to its end: the real scheduler and the real agents on made-up machines, users who ask, faults that
// happen, and checkers who see all of it. Everything follows from the seed.
import type { WorkloadNumber } from '../../common/ids.js';
import { present } from '../../common/assert.js';
import type { Logger } from '../../common/log.js';
import { workloadKey, type Allocation, type Workload } from '../../scheduler/model/records.js';
import { isTerminal } from '../../scheduler/model/cluster-state.js';
import { checkInvariants } from '../../scheduler/control/recovery.js';
import type { Control } from '../../scheduler/wire-control.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { cancelMaintenance } from '../../scheduler/control/commands/maintenance.js';
import { cordonNode } from '../../scheduler/control/commands/nodes.js';
import { updateQueue } from '../../scheduler/control/commands/queues.js';
import { release } from '../../scheduler/control/commands/steering.js';
import type { Commit } from '../../scheduler/store/state-store.js';
import { Random } from '../random.js';
import { SimConnection } from './agent-stream.js';
import { SharedCheckpoints } from './checkpoints.js';
import { queueCommands, SimClient } from './client.js';
import { Coverage } from './coverage.js';
import type { ControlPlane, Door } from './control-plane.js';
import { SimDaemon } from './daemon.js';
import { Injector, linkName } from './injector.js';
import { HearingChecker } from './hearing-checker.js';
import { MachineChecker } from './machine-checker.js';
import { Way, type Link } from './network.js';
import { SimNode } from './node.js';
import type { Fault, Plan, RedisPlan } from './plan.js';
import { RedisPlane } from './redis/plane.js';
import { RedisInjector } from './redis/injector.js';
import { PromiseChecker } from './promise-checker.js';
import { RecordChecker } from './record-checker.js';
import { checkConverged, checkDrained, checkStored, isDrained } from './rest-checker.js';
import { behaviourOf } from './task.js';
import type { StoredImage } from './store.js';
import { Timeline } from './timeline.js';
import type { LawName, Violation } from './violation.js';

/** What everything needs to come to rest after the heal: twice a lease and the time to kill, and a cycle. */
export const CONVERGE_MS = 2 * (20_000 + 35_000) + 5_000;
/**
 * What all that was asked for may take until it is over once what is endless was cancelled: an array of five that may run one at a time,
 * each tried four times for up to 90 s and its grace. And how often it is looked at.
 */
const DRAIN_MS = 3_600_000;
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
  /** Null = the world has a scheduler on a disk of its own. */
  readonly #redis: RedisPlane | null;
  readonly #disk: SimDaemon | null;
  readonly #plane: ControlPlane;
  readonly #nodes: readonly SimNode[];
  readonly #clients: readonly SimClient[];
  /** Of each daemon: what it wrote since it leads. */
  readonly #records = new Map<string, RecordChecker>();
  readonly #physical: ConstructorParameters<typeof RecordChecker>[0];
  readonly #machines: MachineChecker;
  readonly #promises: PromiseChecker;
  readonly #hearing: HearingChecker;
  readonly #checkpoints = new SharedCheckpoints();
  readonly #durable = new Set<string>();
  readonly #answeredMs = new Map<string, number>();
  /** A disk that was put back by hand, as long as the history on it goes on: nobody has told of the loss. */
  #putBack: { readonly lineage: string; readonly atMs: number } | null = null;
  /** Since when it was put back, of each allocation that was placed meanwhile. */
  readonly #unwarned = new Map<string, number>();
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
    this.#physical = {
      nowMs: () => timeline.nowMs,
      wasCancelAsked: (number: WorkloadNumber) => this.#cancelsAsked.has(number),
      wasCancelled: (number: WorkloadNumber) => this.#promises.wasCancelled(number),
      isAlive: (id: string) => this.#machines.isAlive(id),
      isAnsweredFor: (id: string) => this.#machines.isAnsweredFor(id),
      isStuckWithoutGpus: (id: string) => this.#machines.isStuckWithoutGpus(id),
      executedMs: (id: string) => this.#machines.executedMs(id),
      savedBy: (id: string) => this.#checkpoints.declaredBy(id)?.step ?? null,
      isExcused: (id: string) => this.#machines.isExcused(id),
      isDirty: (uuid: string) =>
        this.#nodes.some((node) => node.driver.gpus.some((gpu) => gpu.uuid === uuid && gpu.isDirty(timeline.nowMs))),
    };
    this.#disk = plan.redis === null ? this.#planeOnDisk(log) : null;
    this.#redis = plan.redis === null ? null : this.#planeOnRedis(plan.redis, log);
    this.#plane = present(this.#disk ?? this.#redis, 'a world has a scheduler', '');
    this.#promises = new PromiseChecker(() => this.#plane.stored, report);
    this.#hearing = new HearingChecker(report);
    this.#machines = new MachineChecker(
      {
        nowMs: () => timeline.nowMs,
        wasDurable: (id) => this.#durable.has(id),
        wasReleased: (id) => this.#plane.stored.record<Allocation>('allocations', id)?.state === 'released',
        gangOf: (id) => gangOf(this.#plane.stored, id),
        answeredMs: (node) => this.#answeredMs.get(node) ?? 0,
        unwarnedMs: (id) => this.#unwarned.get(id) ?? null,
      },
      report,
    );
    this.#nodes = plan.nodes.map(
      (options) =>
        new SimNode(options, {
          timeline,
          random,
          log,
          checkpoints: this.#checkpoints,
          witness: {
            executed: (node, task) => {
              timeline.note(task.allocation, task.attempt);
              this.#machines.executed(node, task);
            },
            gone: (_node, task) => this.#machines.gone(task),
            stopping: (...told) => this.#machines.stopping(...told),
            accepted: (node, allocation) => this.#machines.accepted(node, allocation),
            readied: (_node, allocation) => this.#machines.readied(allocation),
            letGo: (node, allocation) => this.#machines.letGo(node, allocation),
            journaled: (node, record) => {
              this.#machines.journaled(node, record);
              this.#redis?.losses.journaled(node.name, record);
            },
            journalDamaged: (node) => {
              this.#machines.journalDamaged(node);
              this.#redis?.losses.journalDamaged(node.name);
            },
          },
          connect: (node, process, listener) =>
            new SimConnection(node.name, process, this.#hearing.overhear(node.name, process, listener), {
              addresses: this.#plane.doors.map((door, at) => ({
                link: this.#link(node.name, at),
                gate: () => door.gate(),
              })),
              timeline,
              random,
            }),
        }),
    );
    const names = plan.nodes.map(({ name }) => name);
    const witness = {
      answering: (workloads: Parameters<PromiseChecker['answering']>[0], door: Door) =>
        this.#promises.answering(workloads, door.where),
      submitted: (promise: Parameters<PromiseChecker['submitted']>[0]) => this.#promises.submitted(promise),
      cancelled: (...said: Parameters<PromiseChecker['cancelled']>) => this.#promises.cancelled(...said),
      asked: (what: string, number: WorkloadNumber | null) => {
        if (what === 'cancel' && number !== null) this.#cancelsAsked.add(number);
        const workload = number === null ? undefined : this.#plane.control?.state.workload(number);
        if (workload !== undefined) visited('workload', workload.state, what);
      },
    };
    this.#clients = Array.from(
      { length: plan.clients },
      (_, at) =>
        new SimClient(`client-${at}`, {
          timeline,
          random,
          ways: this.#plane.doors.map((door, place) => ({ door, link: this.#link(`client-${at}`, place) })),
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
      plane: this.#plane,
      disk: this.#disk,
      redis: this.#redis === null ? null : new RedisInjector(this.#redis, this.#links, this.#random),
      nodes: this.#nodes,
      links: this.#links,
      clients: this.#clients.map((_, at) => `client-${at}`),
    });
    this.#plane.start();
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
        starts: this.#plane.starts,
      },
    };
  }

  /** The ways to one of the daemons. */
  #link(machine: string, at: number): Link {
    const name = linkName(machine, at);
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

  #planeOnDisk(log: Logger): SimDaemon {
    const daemon = new SimDaemon(
      {
        timeline: this.#timeline,
        random: this.#random,
        log,
        witness: {
          began: (control) => this.#daemonBegan(daemon, control, daemon.disk),
          committed: (control) => this.#turnOver(control, daemon.isSettled ? daemon.disk : null),
          stoppedItself: (error) => this.#report('the daemon goes on', textOf(error)),
          sending: (node, message) => this.#sending(daemon, node, message),
          lostHistory: (copy) => {
            this.#promises.lostHistory(copy);
            this.#hearing.lostHistory(daemon.disk, copy.isTold);
            const { lineage } = daemon.disk.image.position;
            this.#putBack = copy.isTold ? null : { lineage, atMs: this.#timeline.nowMs };
          },
        },
      },
      this.#plan.daemonRate,
    );
    const { disk } = daemon;
    disk.watcher = {
      committing: (commit) => {
        this.#committing(daemon, commit);
        for (const put of commit.puts) if (put.collection === 'allocations') this.#uncommitted.push(put.key);
      },
      flushed: () => {
        if (disk.image.position.lineage !== this.#putBack?.lineage) this.#putBack = null;
        for (const key of this.#uncommitted) {
          if (disk.record('allocations', key) === undefined) continue;
          if (this.#putBack !== null && !this.#durable.has(key)) this.#unwarned.set(key, this.#putBack.atMs);
          this.#durable.add(key);
        }
        this.#uncommitted.length = 0;
      },
    };
    return daemon;
  }

  #planeOnRedis(plan: RedisPlan, log: Logger): RedisPlane {
    return new RedisPlane(plan, {
      timeline: this.#timeline,
      random: this.#random,
      log,
      witness: {
        began: (door, control, newest) => this.#daemonBegan(door, control, newest),
        committed: (control, newest) => this.#turnOver(control, newest),
        stoppedItself: (error) => this.#report('the daemon goes on', textOf(error)),
        sending: (door, node, message) => this.#sending(door, node, message),
        lostHistory: (copy) => this.#promises.lostHistory(copy),
        forked: () => this.#promises.forked(),
        committing: (door, commit) => this.#committing(door, commit),
        durable: (allocations) => {
          for (const id of allocations) this.#durable.add(id);
        },
        visited: (...cell) => this.#coverage.note(...cell),
        broke: (law, message) => this.#report(law, message),
      },
    });
  }

  #committing(door: Door, commit: Commit): void {
    this.#timeline.note('commit', commit.revision);
    this.#recordsOf(door).commit(commit);
  }

  #recordsOf({ name }: Door): RecordChecker {
    const known = this.#records.get(name);
    if (known !== undefined) return known;
    const report = (law: LawName, message: string): void => this.#report(law, message);
    const visited = (kind: string, state: string, event: string): void => this.#coverage.note(kind, state, event);
    const fresh = new RecordChecker(this.#physical, report, visited);
    this.#records.set(name, fresh);
    return fresh;
  }

  #daemonBegan(door: Door, control: Control, stored: StoredImage): void {
    this.#recordsOf(door).begin(stored.image);
    this.#promises.checkKept(control.state);
    checkStored(control, stored, (law, message) => this.#report(law, message));
    // The tenant tree is asked for until it is there.
    if (control.state.queues.size === 0) {
      const { gpus } = this.#plan.nodes[0] ?? { gpus: 1 };
      for (const command of queueCommands(gpus * this.#plan.nodes.length)) {
        control.loop.execute(command).catch(() => undefined);
      }
    }
  }

  /** @param stored null = something is being written */
  #turnOver(control: Control, stored: StoredImage | null): void {
    this.#turns += 1;
    if (this.#turns % TURNS_PER_CHECK === 0) {
      try {
        checkInvariants(control.state);
      } catch (error) {
        this.#report('I4 invariants of the state', textOf(error));
      }
    }
    if (this.#turns % TURNS_PER_COMPARISON === 0 && stored !== null) {
      checkStored(control, stored, (law, message) => this.#report(law, message));
    }
  }

  #sending(
    door: Door,
    node: string,
    message: Parameters<ConstructorParameters<typeof SimDaemon>[0]['witness']['sending']>[1],
  ): void {
    const { desired, welcome, heartbeatReply } = message;
    if (heartbeatReply) {
      this.#answeredMs.set(node, this.#timeline.nowMs);
      this.#mustBeDurable(door, 0, Number(heartbeatReply.revision ?? 0), `an answer left for ${node}`);
    }
    if (door.control !== null) this.#hearing.sending(node, message, door.control.loop.position);
    if (desired)
      this.#mustBeDurable(door, Number(desired.epoch ?? 0), Number(desired.revision ?? 0), `orders left for ${node}`);
    if (welcome) {
      this.#answeredMs.set(node, this.#timeline.nowMs);
      this.#mustBeDurable(door, Number(welcome.epoch ?? 0), 0, `a welcome left for ${node}`);
    }
  }

  #mustBeDurable(door: Door, epoch: number, revision: number, what: string): void {
    const { position } = door.where.image;
    if (epoch <= position.epoch && revision <= position.revision) return;
    const said = `${what}, of epoch ${epoch} and revision ${revision}`;
    this.#report('I16 durable before visible', `${said}; the disk holds ${position.epoch} and ${position.revision}`);
  }

  #noteFault({ kind }: Fault): void {
    this.#coverage.note('fault', kind, 'injected');
    const state = this.#plane.control?.state;
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
    checkConverged(this.#plane.control, this.#nodes, this.#machines, report);
    this.#redis?.losses.checkTold();
    this.#hearing.check(this.#plane.stored);
  }

  /** A person looks after what is quarantined or held back, and cancels what would run for ever. */
  #operate(): void {
    const { control } = this.#plane;
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
    const { control } = this.#plane;
    return control !== null && isDrained(control, this.#machines);
  }

  #checkEnd(): void {
    const report = (law: LawName, message: string): void => this.#report(law, message);
    const { control, stored, isSettled } = this.#plane;
    checkDrained(control, this.#machines, report);
    if (control === null) return;
    this.#promises.checkKept(control.state);
    this.#promises.checkCancelled(control.state);
    if (isSettled) checkStored(control, stored, report);
    this.#turns = -1;
    this.#turnOver(control, isSettled ? stored : null);
  }
}

/** Those that were placed with an allocation and start with it, as the durable records have them. */
function gangOf(stored: StoredImage, id: string): readonly string[] {
  const allocation = stored.record<Allocation>('allocations', id);
  const workload = allocation && stored.record<Workload>('workloads', workloadKey(allocation.workload));
  if (workload?.attempt !== allocation?.attempt) return [];
  return (workload?.allocations ?? []).filter((other) => {
    const { state, launch } = stored.record<Allocation>('allocations', other) ?? {};
    return launch?.stage !== undefined && (state === 'placed' || state === 'running');
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

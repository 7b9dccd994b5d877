// Watches what really happens on the machines, which nobody in the world can see as a whole: who uses which GPU, what was ever executed,
// what lives on although its lease is over.
import { GPU_PARTS } from '../../common/gpu-parts.js';
import type { AgentRecord } from '../../node-agent/agent-journal.js';
import type { StopReason } from '../../node-agent/session/allocation.js';
import type { SimNode } from './node.js';
import type { SimTask } from './task.js';
import type { LawName } from './violation.js';

/** What a supervisor or an agent needs to end a task whose time is over: the look at the lease, the kill, and retries of either. */
const ENFORCE_MS = 16_000;
/** How much faster a clock may run than another. */
const RATE_BOUND = 1e-3;
const LEASE_MS = 20_000;
/** Stops for the sake of others; no queue of these worlds cuts their grace. */
const GIVES_WAY: ReadonlySet<StopReason> = new Set([
  'PREEMPTED',
  'RECLAIMED',
  'MOVED',
  'REQUEUED',
  'MAINTENANCE',
  'DRAIN',
  'RESIZE',
]);

export interface MachineFacts {
  readonly nowMs: () => number;
  /** Whether an allocation was ever durable in the store. */
  wasDurable(allocation: string): boolean;
  /** Whether the store has, for sure, that an allocation is released. */
  wasReleased(allocation: string): boolean;
  /** The allocations of its attempt that have to be ready before any of them starts, as the durable records have it. */
  gangOf(allocation: string): readonly string[];
  /** When the scheduler last answered a heartbeat of a node, in true time. */
  answeredMs(node: string): number;
  /**
   * Since when the scheduler that placed an allocation had a disk that was put back by hand, of which no agent had told it yet, in true
   * time; null = it had not, or was told.
   */
  unwarnedMs(allocation: string): number | null;
}

export class MachineChecker {
  readonly #facts: MachineFacts;
  readonly #report: (law: LawName, message: string) => void;
  /** When each was executed, in true time. */
  readonly #executed = new Map<string, number>();
  /** The highest generation with which a whole GPU was used, in whatever history. */
  readonly #generations = new Map<string, number>();
  readonly #live = new Map<string, { readonly node: SimNode; readonly task: SimTask }>();
  /** What was ever prepared and held. */
  readonly #readied = new Set<string>();
  /** What was ever let go. */
  readonly #letGo = new Set<string>();
  /** What was ever durable in the journal of an agent. */
  readonly #journaled = new Set<string>();
  /** What each agent has in its journal of those it obeys. */
  readonly #obeyed = new Map<string, Pick<AgentRecord, 'lineage' | 'maxEpoch' | 'maxRevision'>>();
  /** When the last process of each was gone. */
  readonly #goneMs = new Map<string, number>();
  /** How many executions there were. */
  executions = 0;

  constructor(facts: MachineFacts, report: (law: LawName, message: string) => void) {
    this.#facts = facts;
    this.#report = report;
  }

  /** Everything that lives, on all machines. */
  get live(): Iterable<{ readonly node: SimNode; readonly task: SimTask }> {
    return this.#live.values();
  }

  /** When its program began, in true time; null = it never did. */
  executedMs(allocation: string): number | null {
    return this.#executed.get(allocation) ?? null;
  }

  isAlive(allocation: string): boolean {
    return this.#live.has(allocation);
  }

  /** For how long nothing of it has lived; null = it lives, or never did. */
  goneForMs(allocation: string): number | null {
    const goneMs = this.#goneMs.get(allocation);
    return goneMs === undefined ? null : this.#facts.nowMs() - goneMs;
  }

  /** Whether a process lives that nobody can be blamed for: nothing on its machine could end it, or the kernel does not. */
  isExcused(allocation: string): boolean {
    const live = this.#live.get(allocation);
    return live !== undefined && (live.task.isStuck || live.node.guardedMs(this.#facts.nowMs()) < ENFORCE_MS);
  }

  /** Whether a process lives that its agent knows of. */
  isAnsweredFor(allocation: string): boolean {
    const node = this.#live.get(allocation)?.node;
    return node?.journal.durable?.allocations.some(({ grant }) => grant.id === allocation) === true;
  }

  isStuckWithoutGpus(allocation: string): boolean {
    const task = this.#live.get(allocation)?.task;
    return task !== undefined && task.isStuck && task.gpus.length === 0;
  }

  /** An agent decided to start something. */
  accepted(node: SimNode, allocation: string): void {
    if (this.#facts.wasReleased(allocation)) {
      this.#report('I12 released means gone', `allocation ${allocation} is started on ${node.name}, and was released`);
    }
    const leaseMs = node.lease.read();
    const nowMs = node.machine.bootMs();
    if (leaseMs !== null && nowMs < leaseMs) return;
    const lease =
      leaseMs === null ? 'without ever having had a lease' : `${Math.round(nowMs - leaseMs)} ms after its lease`;
    this.#report('I13 no lease, no process', `allocation ${allocation} is started on ${node.name} ${lease}`);
  }

  /** An agent has prepared something, and holds it. */
  readied(allocation: string): void {
    this.#readied.add(allocation);
  }

  /** What is held is let go; what comes to its gang afterwards, as from a lost history, is waited for by nobody. */
  letGo(node: SimNode, allocation: string): void {
    this.#letGo.add(allocation);
    this.#checkGang(allocation, `allocation ${allocation} on ${node.name}`);
  }

  #checkGang(allocation: string, what: string): void {
    if (!this.#readied.has(allocation)) return;
    const unready = this.#facts.gangOf(allocation).find((other) => !this.#readied.has(other));
    if (unready === undefined) return;
    this.#report('I22 a gang starts together', `${what} was started before ${unready} was ready`);
  }

  /** An agent's memory of those it obeyed never goes back. */
  journaled(node: SimNode, { lineage, maxEpoch, maxRevision, pastLineages, allocations }: AgentRecord): void {
    for (const { grant } of allocations) this.#journaled.add(grant.id);
    const before = this.#obeyed.get(node.name);
    this.#obeyed.set(node.name, { lineage, maxEpoch, maxRevision });
    if (pastLineages.includes(lineage)) {
      this.#report('I6 epochs and revisions rise', `${node.name} obeys history ${lineage}, which it had left`);
    }
    if (before === undefined || before.lineage === '') return;
    const isSame = before.lineage === lineage;
    if (maxEpoch >= before.maxEpoch && (!isSame || maxRevision >= before.maxRevision)) return;
    const what = `epoch ${maxEpoch} revision ${maxRevision} of ${lineage}`;
    const after = `epoch ${before.maxEpoch} revision ${before.maxRevision} of ${before.lineage}`;
    this.#report('I6 epochs and revisions rise', `${node.name} obeys ${what} after ${after}`);
  }

  /** What an agent accepted is not known for sure any more. */
  journalDamaged(node: SimNode): void {
    this.#obeyed.delete(node.name);
    for (const { uuid } of node.driver.gpus) this.#generations.delete(uuid);
  }

  executed(node: SimNode, task: SimTask): void {
    const what = `allocation ${task.allocation} of workload ${task.workload} on ${node.name}`;
    this.executions += 1;
    if (this.#executed.has(task.allocation)) this.#report('I9 an allocation is executed once', what);
    else this.#executed.set(task.allocation, this.#facts.nowMs());
    if (!this.#facts.wasDurable(task.allocation)) {
      this.#report('I16 durable before visible', `${what} was started, and no durable commit ever placed it`);
    }
    if (!this.#journaled.has(task.allocation)) {
      this.#report('I16 durable before visible', `${what} was started, and is not in the journal of its agent`);
    }
    if (!this.#letGo.has(task.allocation)) this.#checkGang(task.allocation, what);
    for (const gpu of task.gpus) {
      this.#checkOwners(node, task, gpu.uuid, what);
      if (gpu.parts < GPU_PARTS) continue;
      this.#checkClean(node, gpu.uuid, what);
      const last = this.#generations.get(gpu.uuid) ?? 0;
      if (gpu.generation <= last) {
        this.#report('I5 generations rise', `${what} uses ${gpu.uuid} by generation ${gpu.generation} after ${last}`);
      }
      this.#generations.set(gpu.uuid, gpu.generation);
    }
    for (const other of this.#live.values()) {
      if (other.task.name !== task.name) continue;
      if (other.task.attempt === task.attempt && other.task.task !== task.task) continue;
      if (this.isExcused(other.task.allocation)) continue;
      // Nobody but this node, or one that heard as much, could have told of what lives there.
      const unwarnedMs = this.#facts.unwarnedMs(task.allocation);
      if (unwarnedMs !== null && this.#facts.answeredMs(other.node.name) < unwarnedMs) continue;
      const older = `task ${other.task.task} of attempt ${other.task.attempt} (${other.task.allocation}) lives on ${other.node.name}`;
      this.#report(
        'I9 a workload has one live attempt',
        `${what} begins task ${task.task} of attempt ${task.attempt} while ${older}`,
      );
    }
    this.#live.set(task.allocation, { node, task });
  }

  /** A task is told to stop: what gives way to others has all the time that it asked for, to save and to leave. */
  stopping(node: SimNode, task: SimTask, reason: StopReason, graceMs: number): void {
    const leastMs = task.graceMs + (task.earlySignal?.aheadMs ?? 0);
    // Orders carry whole milliseconds.
    if (!GIVES_WAY.has(reason) || graceMs >= leastMs - 1) return;
    const what = `allocation ${task.allocation} on ${node.name}, told to stop as ${reason}`;
    this.#report('I26 who gives way can save', `${what}, has ${graceMs} ms and asked for ${leastMs} ms`);
  }

  gone(task: SimTask): void {
    if (this.#live.get(task.allocation)?.task !== task) return;
    this.#live.delete(task.allocation);
    this.#goneMs.set(task.allocation, this.#facts.nowMs());
  }

  /** To be called every now and then: what lives without a lease, and should not. */
  checkLeases(): void {
    const nowMs = this.#facts.nowMs();
    for (const { node, task } of this.#live.values()) {
      const graceMs = task.graceMs + ENFORCE_MS;
      // A task that began on a lease that was about to end has the same time as any.
      const answeredMs = this.#facts.answeredMs(node.name);
      const overMs = answeredMs + (LEASE_MS + task.lingerMs) * (1 + 2 * RATE_BOUND) + graceMs;
      if (nowMs <= overMs || task.isStuck) continue;
      // Nobody could look for a while: the time to do it begins anew, but the grace, which ends when it ends, does not.
      if (node.guardedMs(nowMs) < ENFORCE_MS) continue;
      const since = `its node was last answered ${Math.round((nowMs - answeredMs) / 1000)} s ago`;
      this.#report('I13 no lease, no process', `allocation ${task.allocation} lives on ${node.name}, ${since}`);
    }
  }

  #checkClean(node: SimNode, uuid: string, what: string): void {
    const gpu = node.driver.gpus.find((one) => one.uuid === uuid);
    if (gpu === undefined || this.#facts.nowMs() >= gpu.dirtyUntilMs) return;
    this.#report('I14 released means clean', `${what} was started on ${uuid}, of which memory is in use`);
  }

  #checkOwners(node: SimNode, task: SimTask, uuid: string, what: string): void {
    const parts = (one: SimTask): number =>
      one.gpus.filter((gpu) => gpu.uuid === uuid).reduce((sum, gpu) => sum + gpu.parts, 0);
    let sum = parts(task);
    for (const other of node.tasks) {
      if (other === task || !other.isAlive || parts(other) === 0 || other.isStuck) continue;
      sum += parts(other);
      if (sum > GPU_PARTS) {
        const owner = `allocation ${other.allocation} of workload ${other.workload}`;
        this.#report('I3 a GPU has one owner', `${what} was started on ${uuid}, which ${owner} still uses`);
        return;
      }
    }
  }
}

// All agents of the cluster: who is connected, whose lease holds, and what each is told. It turns what agents say into
// commands, and what commits changed into orders. Which orders follow is decided in pure files beside this one.
import { present } from '../../common/assert.js';
import type { Clock, Timer } from '../../common/clock.js';
import { ApiError } from '../../common/errors.js';
import type { AllocationId, NodeId } from '../../common/ids.js';
import type { Logger } from '../../common/log.js';
import type { LiveUse } from '../model/measured-use.js';
import type { LiveMeasure } from '../model/measured-workload.js';
import type { GpuTelemetry__Output } from '../../proto/gen/sluice/v1/GpuTelemetry.js';
import type { Command } from '../control/command.js';
import { closeBrake, endRecovery, noteLostHistory, releaseBrake } from '../control/commands/recovery.js';
import type { ControlLoop } from '../control/loop.js';
import type { NodeLiveness } from '../engine/decisions.js';
import { KNOWN_XIDS, DEFAULT_GPU_POLICY, type GpuPolicy } from '../model/gpu-policy.js';
import { isTerminal } from '../model/cluster-state.js';
import { isHeld } from '../model/launch.js';
import type { Allocation, ClusterMeta, ClusterNode, RecordChange, Recovery } from '../model/records.js';
import { BRAKE_RULE, type BrakeRule, MassLossBrake } from './brakes.js';
import { IdleGpus } from './idle-gpus.js';
import { TaskUses } from './task-uses.js';
import { FAILOVER_MS, fenceTimeMs, LeaseTable, LINGER_MS, lingerMs } from './lease.js';
import { holdIsOver } from './recovery-hold.js';
import { fenceNode, type Findings } from './reconcile.js';
import { endOrphans, isOrphanDue } from './strays.js';
import type { AgentSession } from './session.js';

/** How often leases are looked at. */
const TICK_MS = 1_000;

export interface FleetOptions {
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** How long an orphan is left alone for a person to look at it; 0 = it is ended at once. */
  readonly orphanTtlMs: number;
  /** How long after a start silent nodes are waited for, whatever their leases. */
  readonly failoverMs: number;
  /**
   * How long after the beginning of this term whoever led before may still answer heartbeats: its claim to lead can be lost from
   * the store before it knows. 0 = it is gone for certain.
   */
  readonly overlapMs: number;
  readonly brake: BrakeRule;
  /** The longest grace a workload may have. */
  readonly maxGraceMs: number;
  /** What follows from faults of GPUs. */
  readonly gpu: GpuPolicy;
}

/** What is done when nothing else is said. */
const USUAL: Omit<FleetOptions, 'heartbeatMs' | 'leaseMs'> = {
  orphanTtlMs: 5 * 60_000,
  failoverMs: FAILOVER_MS,
  overlapMs: 0,
  brake: BRAKE_RULE,
  maxGraceMs: 60 * 60_000,
  gpu: DEFAULT_GPU_POLICY,
};

/** What happened since this daemon began. */
export interface FleetCounts {
  adopted: number;
  zombies: number;
  orphans: number;
  fenceViolations: number;
  historyLosses: number;
  copyChanges: number;
  stalls: number;
}

export interface FleetDependencies {
  readonly loop: ControlLoop;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether this daemon leads for certain; absent = always, since nobody else can. */
  readonly isFresh?: () => boolean;
  /** Whether the store keeps itself on several machines; absent = it does not. */
  readonly isStoreShared?: boolean;
}

/** What is known of a node beyond its record. */
export interface NodeSoftState {
  readonly liveness: NodeLiveness;
  readonly lastHeartbeatMs: number | null;
  /** How far its clock is ahead of ours; negative = behind, null = not known. Nothing is decided by it. */
  readonly clockAheadMs: number | null;
}

/** Numbers of Xids that are counted by themselves. What an agent tells is not checked, and each other one would stay for ever. */
const KNOWN = new Set(KNOWN_XIDS);
/** Stands for all further numbers; no Xid has it. */
export const OTHER_XID = 0;

/** Of so many heartbeats the least delayed one counts: what a message took to get here looks as if its clock were behind. */
const CLOCK_SAMPLES = 4;

/** Which of two streams of a node is the later one. */
export interface OpenedStream {
  readonly bootId: string;
  /** By the machine's own clock; 0 = not told. */
  readonly openedMs: number;
}

/** The connected agents and their leases. */
export class Fleet {
  readonly options: FleetOptions;
  readonly #deps: FleetDependencies;
  readonly #leases: LeaseTable;
  readonly #sessions = new Map<NodeId, AgentSession>();
  /** The latest stream of each node that was taken in. */
  readonly #opened = new Map<NodeId, OpenedStream>();
  readonly #liveness = new Map<NodeId, NodeLiveness>();
  readonly #lastHeartbeatWallMs = new Map<NodeId, number>();
  readonly #clockSamplesMs = new Map<NodeId, readonly number[]>();
  readonly #telemetry = new Map<string, GpuTelemetry__Output>();
  readonly #idleGpus = new IdleGpus();
  readonly #uses = new TaskUses();
  readonly #livenessListeners = new Set<(node: NodeId) => void>();
  /** Nodes whose fencing is under way. */
  readonly #fencing = new Set<NodeId>();
  /** Known nodes that have not said hello since this daemon, or its present history, began. */
  readonly #unheard: Set<NodeId>;
  readonly counts: FleetCounts = {
    adopted: 0,
    zombies: 0,
    orphans: 0,
    fenceViolations: 0,
    historyLosses: 0,
    copyChanges: 0,
    stalls: 0,
  };
  /** Xids that agents told of since this daemon began, by number. */
  readonly xids = new Map<number, number>();
  #brake: MassLossBrake;
  #meta: Pick<ClusterMeta, 'recovery' | 'brake'> = {};
  #historySinceMs: number;
  /** A new term that is being begun; others who ask for one wait for it. */
  #turning: Promise<void> | null = null;
  #endingRecovery = false;
  /** After this long nothing that the records know can run on a silent node any more; looked at while it counts. */
  #knownFenceMs = Infinity;
  /** While another history begins whose records do not say so yet. */
  #isBeginningHistory = false;
  #timer: Timer | null = null;
  #stallsMs = 0;

  constructor(
    options: Pick<FleetOptions, 'heartbeatMs' | 'leaseMs'> & Partial<FleetOptions>,
    deps: FleetDependencies,
    known: Iterable<NodeId>,
    meta: Pick<ClusterMeta, 'recovery' | 'brake'> = {},
  ) {
    this.options = { ...USUAL, ...options };
    this.#deps = deps;
    const nodes = [...known];
    this.#unheard = new Set(nodes);
    this.#historySinceMs = deps.clock.monotonicMs();
    this.#leases = new LeaseTable(
      options.leaseMs,
      nodes,
      this.#historySinceMs + this.options.overlapMs,
      this.options.failoverMs,
    );
    this.#brake = new MassLossBrake(this.options.brake, meta.brake ?? null);
    this.#follow(meta);
    for (const node of nodes) this.#liveness.set(node, 'unknown');
    deps.loop.onCommitted(({ changes }) => this.#publish(changes));
  }

  /** Begins to watch leases. */
  start(): void {
    this.#timer = this.#deps.clock.after(TICK_MS, () => {
      this.#tick();
      this.start();
    });
  }

  /** Ends every session; agents keep their tasks and try again. */
  stop(): void {
    this.#timer?.cancel();
    for (const session of this.#sessions.values()) session.end();
    this.#sessions.clear();
  }

  /** Whether this daemon leads for certain: if not, no agent is told anything. By a clock that counts suspend; never remembered. */
  get mayTell(): boolean {
    return this.#deps.isFresh?.() ?? true;
  }

  /** Whether an earlier state of the store can come back without anybody's doing. */
  get isStoreShared(): boolean {
    return this.#deps.isStoreShared ?? false;
  }

  get connected(): number {
    return this.#sessions.size;
  }

  /** Calls back once, by the clock that the fleet counts by. */
  after(delayMs: number, callback: () => void): Timer {
    return this.#deps.clock.after(delayMs, callback);
  }

  /** Total time this daemon was away from its clock, in ms. */
  get stalledMs(): number {
    return this.#stallsMs;
  }

  /** Nodes that the store knows, that have not come back since the start and are not known to be down. */
  awaited(): readonly NodeId[] {
    return [...this.#liveness].filter(([, liveness]) => liveness === 'unknown').map(([node]) => node);
  }

  /** What the daemon still waits for, and how long at most. */
  waiting(): FleetWaiting {
    const nowMs = this.#deps.clock.monotonicMs();
    const { recovery = null } = this.#meta;
    return {
      // After a loss of history a node that is down is waited for, too: it may run what nobody here knows of.
      unheard: [...this.#unheard].filter((node) => recovery !== null || this.#liveness.get(node) === 'unknown'),
      suspendedMs: this.#leases.suspendedMs(nowMs),
      brakeSilent: this.#brake.isClosed ? this.#brake.silent : null,
      recovery: recovery
        ? { why: recovery.why, adopted: recovery.adopted, leftMs: Math.max(0, this.#holdMs() - this.#sinceHistoryMs()) }
        : null,
    };
  }

  /** A person certified that a node is off: it is not waited for any more. */
  certifiedOff(node: NodeId): void {
    this.#unheard.delete(node);
    this.#brake.returned(node);
  }

  /** Begins a term above an epoch that some agent obeyed. Every agent says hello anew. */
  beginTermAbove(aboveEpoch: number, why: string): Promise<void> {
    return this.#turn(async () => {
      this.#deps.log.warn({ aboveEpoch, why }, 'a new term begins');
      await this.#deps.loop.beginTerm({ aboveEpoch });
    });
  }

  /**
   * A part of the history was lost: begins another one, in which what agents run is taken over. Nothing is placed until they
   * were heard.
   */
  beginHistoryAbove(aboveEpoch: number, evidence: string): Promise<void> {
    return this.#turn(async () => {
      const { loop, clock, log } = this.#deps;
      const left = loop.position;
      const lineage = loop.newId();
      loop.holdEngine(RECOVERING);
      this.#isBeginningHistory = true;
      try {
        await loop.beginTerm({ aboveEpoch, lineage });
        await loop.execute(noteLostHistory(lineage, left, evidence));
      } finally {
        this.#isBeginningHistory = false;
      }
      this.counts.historyLosses += 1;
      this.#historySinceMs = clock.monotonicMs();
      for (const node of this.#liveness.keys()) this.#unheard.add(node);
      log.error(
        { evidence, left, lineage },
        'part of the history was lost: a new one begins, and what agents run is taken over',
      );
    });
  }

  /** A loss of history that was found by beginning: agents are asked from the start. */
  noteLossAtBeginning(evidence: string): void {
    this.counts.historyLosses += 1;
    const { lineage } = this.#deps.loop.position;
    this.#deps.log.error({ evidence, lineage }, 'part of the history was lost: what agents run is taken over');
  }

  /** This term goes on with another copy of the store than the one before, which may have been further. */
  noteOtherCopy(doubt: string): void {
    this.counts.copyChanges += 1;
    this.#deps.log.warn({ awaited: this.#unheard.size }, `${doubt}: nothing is placed until agents were asked`);
  }

  /** Notes what an agent's report brought to light. */
  noteFindings(node: NodeId, { adopted, strays }: Findings): void {
    const { log } = this.#deps;
    this.counts.adopted += adopted.length;
    if (adopted.length > 0) log.warn({ node, adopted }, 'allocations of a lost history were taken over');
    for (const { kind, allocation, workload, spared } of strays) {
      if (kind === 'zombie') this.counts.zombies += 1;
      else if (kind === 'orphan') this.counts.orphans += 1;
      else this.counts.fenceViolations += 1;
      const about = { node, allocation, workload, spared };
      if (kind === 'fence_violated')
        log.error(about, 'a task that was given up still runs: its node takes no new work');
      else log.warn(about, `a task is on a node and should not be: ${kind}`);
    }
  }

  /** Tells what followed from what an agent saw of its GPUs. */
  noteHealth(node: NodeId, notes: readonly string[]): void {
    for (const note of notes) this.#deps.log.warn({ node }, note);
  }

  /** Counts Xids, by number. */
  noteXids(xids: readonly number[]): void {
    for (const told of xids) {
      const xid = KNOWN.has(told) ? told : OTHER_XID;
      this.xids.set(xid, (this.xids.get(xid) ?? 0) + 1);
    }
  }

  softState(node: NodeId): NodeSoftState {
    const samples = this.#clockSamplesMs.get(node) ?? [];
    return {
      liveness: this.#liveness.get(node) ?? 'down',
      lastHeartbeatMs: this.#lastHeartbeatWallMs.get(node) ?? null,
      clockAheadMs: samples.length === 0 ? null : Math.max(...samples),
    };
  }

  telemetry(gpuUuid: string): GpuTelemetry__Output | null {
    return this.#telemetry.get(gpuUuid) ?? null;
  }

  noteTelemetry(gpuUuid: string, telemetry: GpuTelemetry__Output): void {
    this.#telemetry.set(gpuUuid, telemetry);
    this.#idleGpus.note(gpuUuid, telemetry, this.#deps.clock.monotonicMs());
  }

  /** How long a GPU has done nothing, in ms; 0 = it works, or nothing is known of it. */
  idleMs(gpuUuid: string): number {
    const sinceMs = this.#idleGpus.sinceMs(gpuUuid);
    return sinceMs === null ? 0 : this.#deps.clock.monotonicMs() - sinceMs;
  }

  /** Takes what a node tells of the use of its tasks. */
  async noteUses(node: NodeId, uses: readonly (readonly [AllocationId, LiveUse])[]): Promise<void> {
    if (uses.length === 0) return;
    const nowMs = this.#deps.clock.monotonicMs();
    await this.#deps.loop.read((state) => {
      for (const [id, use] of uses) this.#uses.note(node, state.allocation(id), use, nowMs);
    });
  }

  /** What was told last of a running task; null = nothing. */
  useOf(id: AllocationId): LiveMeasure | null {
    return this.#uses.get(id, this.#deps.clock.monotonicMs());
  }

  /** Running tasks of which anything was told. */
  get measuredTasks(): readonly AllocationId[] {
    return this.#uses.ids;
  }

  /** Calls back when a node becomes ready, unknown or down. @returns ends it */
  onLiveness(listener: (node: NodeId) => void): () => void {
    this.#livenessListeners.add(listener);
    return () => this.#livenessListeners.delete(listener);
  }

  /** The session of a node, for reading logs. */
  session(node: NodeId): AgentSession | undefined {
    return this.#sessions.get(node);
  }

  /**
   * A newer stream of a node's agent is about to be taken in: what still comes over the older one is past, and would
   * be mistaken for the present (a task that started since would look lost).
   * @returns false when it is itself older than one that was taken in: then nothing of it counts
   */
  supersede(node: NodeId, opened: OpenedStream): boolean {
    const last = this.#opened.get(node);
    // A stream that was cut off may still say hello after a later one of the same agent, or of the next one, has done so.
    const isOvertaken = last?.bootId === opened.bootId && opened.openedMs !== 0 && opened.openedMs < last.openedMs;
    if (isOvertaken) return false;
    this.#opened.set(node, opened);
    this.#sessions.get(node)?.end();
    return true;
  }

  /** A node's agent is in: an older session of the same node is ended, the newer one counts. */
  join(node: NodeId, session: AgentSession): void {
    this.#sessions.get(node)?.end();
    this.#sessions.set(node, session);
    this.#unheard.delete(node);
    this.answered(node);
    this.#setLiveness(node, 'ready');
  }

  /** A session ended. The node's lease runs on. */
  leave(node: NodeId, session: AgentSession): void {
    if (this.#sessions.get(node) !== session) return;
    this.#sessions.delete(node);
    this.#leases.disconnected(node);
    this.#setLiveness(node, this.#leases.liveness(node, this.#deps.clock.monotonicMs()));
  }

  /** What this machine's clock shows, for agents to compare theirs with. */
  wallMs(): number {
    return this.#deps.clock.wallMs();
  }

  /** A heartbeat was answered. */
  answered(node: NodeId): void {
    this.#leases.answered(node, this.#deps.clock.monotonicMs());
    this.#lastHeartbeatWallMs.set(node, this.#deps.clock.wallMs());
    if (this.#sessions.has(node)) this.#setLiveness(node, 'ready');
  }

  /** A heartbeat told what its machine's clock shows. */
  noteClock(node: NodeId, wallMs: number): void {
    const samples = this.#clockSamplesMs.get(node) ?? [];
    this.#clockSamplesMs.set(node, [...samples.slice(1 - CLOCK_SAMPLES), wallMs - this.#deps.clock.wallMs()]);
  }

  #publish(changes: readonly RecordChange[]): void {
    const nodes = new Set<NodeId>();
    for (const change of changes) {
      this.#uses.follow(change);
      if (change.collection === 'allocations' && changesOrders(change)) nodes.add(nodeOf(change));
      else if (change.collection === 'nodes' && change.after !== null && this.#ordersOthers(change))
        nodes.add(change.after.id);
      else if (change.collection === 'nodes' && change.before !== null && change.after === null)
        this.#forget(change.before.id);
      else if (change.collection === 'workloads' && movesDeadline(change))
        this.#orderAll(change.after?.allocations ?? []);
      else if (change.collection === 'meta' && change.after !== null) this.#follow(change.after);
    }
    for (const node of nodes) this.#sessions.get(node)?.sendDesired();
  }

  /** Sends orders to whoever has these: what their workload's record says of them has changed. */
  #orderAll(allocations: readonly AllocationId[]): void {
    void this.#deps.loop.read((state) => {
      const nodes = new Set(allocations.flatMap((id) => state.allocation(id)?.node ?? []));
      for (const node of nodes) this.#sessions.get(node)?.sendDesired();
    });
  }

  /** Whether a node's record says something else to its agent than before. */
  #ordersOthers(change: NodeChange): boolean {
    return sparesOthers(change) || (this.options.gpu.reset !== 'never' && change.before?.gpus !== change.after?.gpus);
  }

  #tick(): void {
    const { clock, loop } = this.#deps;
    const nowMs = clock.monotonicMs();
    this.#lookAtClocks(nowMs);
    for (const node of this.#liveness.keys()) this.#setLiveness(node, this.#leases.liveness(node, nowMs));
    this.#judgeBrake(nowMs);
    for (const [node, liveness] of this.#liveness) {
      if (liveness === 'down' && !this.#brake.isClosed && !this.#fencing.has(node)) void this.#fence(node, nowMs);
    }
    if (this.#meta.recovery) this.#lookAtFences();
    void loop.read((state) => {
      for (const node of this.#sessions.keys()) {
        const record = state.node(node);
        if (record?.strays !== undefined && isOrphanDue(record, this.options.orphanTtlMs, clock.wallMs())) {
          void this.#execute(endOrphans(node, this.options), 'the time of an orphan is over');
        }
      }
    });
  }

  #lookAtClocks(nowMs: number): void {
    const { clock, log } = this.#deps;
    const { stalledMs, divergedMs } = this.#leases.tick(nowMs, clock.wallMs(), TICK_MS);
    if (stalledMs === 0 && divergedMs === 0) return;
    this.#stallsMs += stalledMs;
    this.counts.stalls += 1;
    const figures = {
      stalledMs: Math.round(stalledMs),
      divergedMs: Math.round(divergedMs),
      suspendedMs: Math.round(this.#leases.suspendedMs(nowMs)),
    };
    log.warn(figures, 'this daemon was stalled, or its clock jumped; no lease expires for a while');
  }

  /** Before anything is given up. */
  #judgeBrake(nowMs: number): void {
    const alive = [...this.#liveness.values()].filter((liveness) => liveness !== 'down').length;
    const verdict = this.#brake.judge(alive, nowMs);
    if (verdict?.type === 'close') {
      const { silent, nodes } = verdict;
      this.#deps.log.error({ silent, nodes }, 'too many nodes fell silent at once: nothing of theirs is given up');
      void this.#execute(closeBrake(silent, nodes), 'the brake closes');
    } else if (verdict?.type === 'open') {
      this.#deps.log.warn('enough nodes are back: what silent ones ran is given up again after its time');
      void this.#execute(releaseBrake(''), 'the brake opens');
    }
  }

  #judgeRecovery(): void {
    const awaited = this.#unheard.size;
    const elapsedMs = this.#sinceHistoryMs();
    const figures = { elapsedMs, awaited, newNodesMs: this.#newNodesMs(), fenceMs: this.#holdMs() };
    if (this.#endingRecovery || !holdIsOver(figures)) return;
    this.#endingRecovery = true;
    const why = awaited === 0 ? 'every known node was heard' : `the fence time of ${awaited} silent nodes has passed`;
    this.#deps.log.warn({ awaited }, `${why}: work is placed again`);
    void this.#execute(endRecovery(why, '', awaited), 'the recovery ends').finally(
      () => (this.#endingRecovery = false),
    );
  }

  /** Nodes that are not known here had a lease at least until then, if they had one at all. */
  #newNodesMs(): number {
    const { failoverMs, leaseMs } = this.options;
    return this.#meta.recovery?.why === 'copy_changed' ? Math.min(failoverMs, leaseMs) : failoverMs;
  }

  /** After this long nothing of a silent node can run any more, but what goes on without end: that is held when the time has passed. */
  #holdMs(): number {
    const { overlapMs, leaseMs, maxGraceMs } = this.options;
    const mostMs = fenceTimeMs(0, leaseMs, LINGER_MS, maxGraceMs);
    return overlapMs + (this.#meta.recovery?.why === 'copy_changed' ? Math.min(mostMs, this.#knownFenceMs) : mostMs);
  }

  /** With another copy of the store only what is known can be begun again: nothing else is asked to be placed. */
  #lookAtFences(): void {
    const { leaseMs } = this.options;
    void this.#deps.loop.read((state) => {
      let worstMs = fenceTimeMs(0, leaseMs, 0, 0);
      for (const { state: at, spec } of state.workloads.values()) {
        if (!isTerminal(at)) worstMs = Math.max(worstMs, fenceTimeMs(0, leaseMs, lingerMs(spec), spec.graceMs));
      }
      this.#knownFenceMs = worstMs;
      this.#judgeRecovery();
    });
  }

  #sinceHistoryMs(): number {
    return this.#deps.clock.monotonicMs() - this.#historySinceMs;
  }

  /** Carries out what the fleet decided by itself; what fails for want of room is decided again later. */
  async #execute(command: Command<unknown>, what: string): Promise<void> {
    try {
      await this.#deps.loop.execute(command);
    } catch (error) {
      this.#deps.log.warn({ err: error }, `${what}, but that could not be noted`);
    }
  }

  /** One new term at a time. All sessions end, so that every agent is judged by the new one. */
  #turn(begin: () => Promise<void>): Promise<void> {
    this.#turning ??= begin()
      .then(() => {
        for (const session of this.#sessions.values()) session.end();
      })
      .finally(() => (this.#turning = null));
    return this.#turning;
  }

  /** What the records say of holds is what is done. */
  #follow(meta: Pick<ClusterMeta, 'recovery' | 'brake'>): void {
    const { recovery = null, brake = null } = meta;
    if (brake === null && this.#meta.brake) this.#brake.release();
    const isNew = recovery !== null && !this.#meta.recovery;
    if (isNew) this.#historySinceMs = this.#deps.clock.monotonicMs();
    this.#meta = { recovery, brake };
    // Commands that waited before it are committed first; nothing is to be placed between them and it.
    if (!this.#isBeginningHistory) this.#deps.loop.holdEngine(recovery === null ? null : RESTS_BECAUSE[recovery.why]);
  }

  #forget(node: NodeId): void {
    // Its agent may have been let in just before: its next hello registers the node anew.
    this.#sessions.get(node)?.end();
    this.#liveness.delete(node);
    this.#unheard.delete(node);
    this.#leases.forget(node);
    this.#brake.returned(node);
    this.#lastHeartbeatWallMs.delete(node);
    this.#clockSamplesMs.delete(node);
    for (const listener of this.#livenessListeners) listener(node);
  }

  /** Gives up what a silent node ran, once nothing of it can run any more. */
  async #fence(node: NodeId, nowMs: number): Promise<void> {
    this.#fencing.add(node);
    try {
      await this.#loseExpired(node, nowMs);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#deps.log.warn({ err: error, node }, 'a silent node could not be fenced; the next tick tries again');
    } finally {
      this.#fencing.delete(node);
    }
  }

  async #loseExpired(node: NodeId, nowMs: number): Promise<void> {
    const answeredMs = this.#leases.answeredMs(node);
    if (answeredMs === null) return;
    // A hello may be on its way through the loop while this is: then the agent says itself what is left.
    const heard = this.#opened.get(node);
    const isSilent = (): boolean => this.#opened.get(node) === heard && this.#liveness.get(node) === 'down';
    const expired = await this.#deps.loop.read((state) =>
      state
        .heldOn(node)
        .filter((allocation) => {
          const spec = state.workload(allocation.workload)?.spec;
          if (spec === undefined) return false;
          return nowMs > fenceTimeMs(answeredMs, this.options.leaseMs, lingerMs(spec), spec.graceMs);
        })
        .map(({ id }): AllocationId => id),
    );
    if (expired.length === 0 || !isSilent()) return;
    this.#deps.log.warn({ node, allocations: expired }, 'the fence time of a silent node has passed');
    await this.#deps.loop.execute(fenceNode(node, expired, isSilent));
  }

  #setLiveness(node: NodeId, liveness: NodeLiveness): void {
    const before = this.#liveness.get(node);
    if (before === liveness) return;
    this.#liveness.set(node, liveness);
    if (liveness === 'ready') this.#brake.returned(node);
    else if (liveness === 'down' && before !== undefined) this.#brake.expired(node, this.#deps.clock.monotonicMs());
    this.#deps.log.info({ node, liveness }, 'node liveness');
    this.#deps.loop.setLiveness({ node, liveness });
    for (const listener of this.#livenessListeners) listener(node);
  }
}

/** Why the engine rests after a loss of history. */
const RECOVERING = 'agents are awaited after a part of the history was lost';
const RESTS_BECAUSE: Readonly<Record<Recovery['why'], string>> = {
  lost: RECOVERING,
  restored: RECOVERING,
  copy_changed: 'agents are awaited after another copy of the store took over, which may lack the last commits',
};

/** What a fleet waits for. */
export interface FleetWaiting {
  /** Nodes not heard of since the start, or since a new history began. */
  readonly unheard: readonly NodeId[];
  /** For how long no lease expires. */
  readonly suspendedMs: number;
  /** The nodes whose silence holds the brake closed; null = it is open. */
  readonly brakeSilent: readonly NodeId[] | null;
  /** Set while nothing is placed after a loss of history; `leftMs` = at most so long. */
  readonly recovery: { readonly why: Recovery['why']; readonly adopted: number; readonly leftMs: number } | null;
}

/** Whether the orphans that are to be left alone are others. */
type WorkloadChange = Extract<RecordChange, { readonly collection: 'workloads' }>;

/** Its tasks are told how long they have: that is fixed when the last one of its gang runs. */
function movesDeadline({ before, after }: WorkloadChange): boolean {
  const endMs = after?.deadline?.endMs;
  return endMs !== undefined && endMs !== before?.deadline?.endMs;
}

type NodeChange = Extract<RecordChange, { readonly collection: 'nodes' }>;

function sparesOthers({ before, after }: NodeChange): boolean {
  const spared = (node: ClusterNode | null): string =>
    (node?.strays ?? []).flatMap((one) => (one.spared ? [one.allocation] : [])).join();
  return before?.strays !== after?.strays && spared(before) !== spared(after);
}

type AllocationChange = Extract<RecordChange, { readonly collection: 'allocations' }>;

/** Whether the node has to be told: there is a new allocation, one to stop, one that may start now, or one less. What it reported it knows. */
function changesOrders({ before, after }: AllocationChange): boolean {
  const isListed = (allocation: Allocation | null): boolean => allocation !== null && allocation.state !== 'released';
  const holds = (allocation: Allocation | null): boolean => allocation !== null && isHeld(allocation);
  return (
    isListed(before) !== isListed(after) ||
    (before?.stop ?? null) !== (after?.stop ?? null) ||
    // Whoever ended while it was held has a stop, or is not listed any more.
    (holds(before) && !holds(after) && after?.state === 'placed')
  );
}

function nodeOf({ before, after }: AllocationChange): NodeId {
  return present(after ?? before, 'a change has a record', 'allocations').node;
}

// All agents of the cluster: who is connected, whose lease holds, and what each is told. It turns what agents say into
// commands, and what commits changed into orders. Which orders follow is decided in pure files beside this one.
import { present } from '../../common/assert.js';
import type { Clock, Timer } from '../../common/clock.js';
import { ApiError } from '../../common/errors.js';
import type { AllocationId, NodeId } from '../../common/ids.js';
import type { Logger } from '../../common/log.js';
import type { GpuTelemetry } from '../../proto/gen/sluice/v1/GpuTelemetry.js';
import type { ControlLoop } from '../control/loop.js';
import type { NodeLiveness } from '../engine/decisions.js';
import type { Allocation, RecordChange } from '../model/records.js';
import { fenceTimeMs, LeaseTable, lingerMs } from './lease.js';
import { fenceNode } from './reconcile.js';
import type { AgentSession } from './session.js';
import { maxTasks } from '../model/requests.js';

/** How often leases are looked at. */
const TICK_MS = 1_000;

export interface FleetOptions {
  readonly heartbeatMs: number;
  readonly leaseMs: number;
}

export interface FleetDependencies {
  readonly loop: ControlLoop;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is known of a node beyond its record. */
export interface NodeSoftState {
  readonly liveness: NodeLiveness;
  readonly lastHeartbeatMs: number | null;
}

/** The connected agents and their leases. */
export class Fleet {
  readonly options: FleetOptions;
  readonly #deps: FleetDependencies;
  readonly #leases: LeaseTable;
  readonly #sessions = new Map<NodeId, AgentSession>();
  readonly #liveness = new Map<NodeId, NodeLiveness>();
  readonly #lastHeartbeatWallMs = new Map<NodeId, number>();
  readonly #telemetry = new Map<string, GpuTelemetry>();
  readonly #livenessListeners = new Set<(node: NodeId) => void>();
  /** Nodes whose fencing is under way. */
  readonly #fencing = new Set<NodeId>();
  #timer: Timer | null = null;
  #stallsMs = 0;

  constructor(options: FleetOptions, deps: FleetDependencies, known: Iterable<NodeId>) {
    this.options = options;
    this.#deps = deps;
    const nodes = [...known];
    this.#leases = new LeaseTable(options.leaseMs, nodes, deps.clock.monotonicMs());
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

  get connected(): number {
    return this.#sessions.size;
  }

  /** Total time this daemon was away from its clock, in ms. */
  get stalledMs(): number {
    return this.#stallsMs;
  }

  /** Whether every node that the store knows has come back since the start, or is known to be down. */
  awaited(): readonly NodeId[] {
    return [...this.#liveness].filter(([, liveness]) => liveness === 'unknown').map(([node]) => node);
  }

  softState(node: NodeId): NodeSoftState {
    return {
      liveness: this.#liveness.get(node) ?? 'down',
      lastHeartbeatMs: this.#lastHeartbeatWallMs.get(node) ?? null,
    };
  }

  telemetry(gpuUuid: string): GpuTelemetry | null {
    return this.#telemetry.get(gpuUuid) ?? null;
  }

  noteTelemetry(gpuUuid: string, telemetry: GpuTelemetry): void {
    this.#telemetry.set(gpuUuid, telemetry);
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
   */
  supersede(node: NodeId): void {
    this.#sessions.get(node)?.end();
  }

  /** A node's agent is in: an older session of the same node is ended, the newer one counts. */
  join(node: NodeId, session: AgentSession): void {
    this.#sessions.get(node)?.end();
    this.#sessions.set(node, session);
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

  /** A heartbeat was answered. */
  answered(node: NodeId): void {
    this.#leases.answered(node, this.#deps.clock.monotonicMs());
    this.#lastHeartbeatWallMs.set(node, this.#deps.clock.wallMs());
    if (this.#sessions.has(node)) this.#setLiveness(node, 'ready');
  }

  #publish(changes: readonly RecordChange[]): void {
    const nodes = new Set<NodeId>();
    for (const change of changes) {
      if (change.collection === 'allocations' && changesOrders(change)) nodes.add(nodeOf(change));
    }
    for (const node of nodes) this.#sessions.get(node)?.sendDesired();
  }

  #tick(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const stalledMs = this.#leases.tick(nowMs, TICK_MS);
    if (stalledMs > 0) {
      this.#stallsMs += stalledMs;
      this.#deps.log.warn({ stalledMs: Math.round(stalledMs) }, 'this daemon was stalled; every lease counts anew');
    }
    for (const node of this.#liveness.keys()) {
      this.#setLiveness(node, this.#leases.liveness(node, nowMs));
      if (this.#liveness.get(node) === 'down' && !this.#fencing.has(node)) void this.#fence(node, nowMs);
    }
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
    const expired = await this.#deps.loop.read((state) =>
      state
        .heldOn(node)
        .filter((allocation) => {
          const spec = state.workload(allocation.workload)?.spec;
          if (spec === undefined) return false;
          const linger = lingerMs(spec.kind, maxTasks(spec));
          return nowMs > fenceTimeMs(answeredMs, this.options.leaseMs, linger, spec.graceMs);
        })
        .map(({ id }): AllocationId => id),
    );
    if (expired.length === 0 || this.#liveness.get(node) !== 'down') return;
    this.#deps.log.warn({ node, allocations: expired }, 'the fence time of a silent node has passed');
    await this.#deps.loop.execute(fenceNode(node, expired));
  }

  #setLiveness(node: NodeId, liveness: NodeLiveness): void {
    if (this.#liveness.get(node) === liveness) return;
    this.#liveness.set(node, liveness);
    this.#deps.log.info({ node, liveness }, 'node liveness');
    this.#deps.loop.setLiveness({ node, liveness });
    for (const listener of this.#livenessListeners) listener(node);
  }
}

type AllocationChange = Extract<RecordChange, { readonly collection: 'allocations' }>;

/** Whether the node has to be told: there is a new allocation, one to stop, or one less. What it reported it knows. */
function changesOrders({ before, after }: AllocationChange): boolean {
  const isListed = (allocation: Allocation | null): boolean => allocation !== null && allocation.state !== 'released';
  return isListed(before) !== isListed(after) || (before?.stop ?? null) !== (after?.stop ?? null);
}

function nodeOf({ before, after }: AllocationChange): NodeId {
  return present(after ?? before, 'a change has a record', 'allocations').node;
}

// A cluster without daemon, store, network and agents: the model's state, the engine's view, and a stopwatch on every call
// into the engine. Decisions are carried out by the code that the one writer runs; making the records is not counted,
// telling the engine of them is.
import { invariant, present } from '../common/assert.js';
import type { AllocationId, NodeId, WorkloadNumber } from '../common/ids.js';
import { carryOut } from '../scheduler/control/commands/carry-out.js';
import { step } from '../scheduler/engine/engine.js';
import { pendingReason } from '../scheduler/engine/explain.js';
import { ClusterView } from '../scheduler/engine/view.js';
import { ClusterState } from '../scheduler/model/cluster-state.js';
import { Draft } from '../scheduler/model/draft.js';
import { markEnded, markReleased, markStarted, place } from '../scheduler/model/lifecycle.js';
import { type Allocation, META_KEY, type Placement, type Workload } from '../scheduler/model/records.js';
import { GPU_PARTS, PARTS_PER_MILLI, roleOf, toGpus } from '../scheduler/model/requests.js';
import {
  type Ask,
  GPUS_PER_NODE,
  NODE_CPU_MILLI,
  NODE_MEMORY_MIB,
  nodeRecord,
  queueRecord,
  workloadRecord,
} from './engine-records.js';

/** As the daemon calls it (see control/loop.ts). */
const STEP_BUDGET = 20_000;
/** Any present will do, as long as it is the same in every run. */
const FIRST_MS = 1_800_000_000_000;
const DONE = { code: 0, signal: '', message: '' };
const KILLED = { code: null, signal: 'SIGTERM', message: '' };

/** One cluster of nodes with eight GPUs each. Methods that answer milliseconds answer time spent in the engine. */
export class EngineRig {
  nowMs = FIRST_MS;
  /** Told to leave, the first told first. */
  readonly leaving: AllocationId[] = [];
  readonly #state = new ClusterState();
  readonly #view = new ClusterView();
  /** Placed and not yet reported as started. */
  #placed: WorkloadNumber[] = [];
  /** What runs or ran, the first started first; some are over. */
  readonly #started: WorkloadNumber[] = [];
  #oldest = 0;
  #ulids = 0;
  #lastWorkload = 0;
  #spentMs = 0;

  constructor() {
    this.#change((draft) => draft.put('meta', META_KEY, { clusterId: 'bench', lastWorkload: 0 }));
  }

  // --- making it ---

  /** Nodes in so many pools, p0, p1, …, in turn. */
  nodes(count: number, pools = 1): this {
    for (let at = 0; at < count; at++) {
      this.#change((draft) => draft.putNode(nodeRecord(nodeName(at), `p${at % pools}`)));
      this.#view.setLiveness(nodeName(at), 'ready');
    }
    return this;
  }

  /** Queues q0, q1, …, alike. */
  queues(count: number, guaranteeGpus: number): this {
    for (let at = 0; at < count; at++) this.queue(`q${at}`, guaranteeGpus);
    return this;
  }

  queue(name: string, guaranteeGpus: number, weight = 1): this {
    this.#change((draft) => draft.put('queues', name, queueRecord(name, guaranteeGpus, weight)));
    return this;
  }

  submit(queue: string, ask: Ask): WorkloadNumber {
    const number = ++this.#lastWorkload as WorkloadNumber;
    this.#change((draft) => draft.putWorkload(workloadRecord(number, this.#newUlid(), queue, ask, this.nowMs)));
    return number;
  }

  /** Has a workload of one GPU run on GPU `gpu` of the cluster, counted through its nodes. */
  runOn(gpu: number, queue: string): void {
    const number = this.submit(queue, {});
    const node = nodeName(Math.floor(gpu / GPUS_PER_NODE));
    const placement: Placement = { task: 0, node, gpus: [gpu % GPUS_PER_NODE], parts: GPU_PARTS, instances: [] };
    this.#change((draft) => place(draft, number, [placement], this.nowMs, () => this.#newUlid()));
    this.#start(number);
  }

  // --- running it ---

  /** Steps until nothing is left to decide. */
  settle(): number {
    const before = this.#spentMs;
    for (;;) {
      const start = performance.now();
      const { decisions, complete } = step(this.#view, this.nowMs, STEP_BUDGET);
      this.#spentMs += performance.now() - start;
      for (const decision of decisions) {
        this.#change((draft) => carryOut(draft, decision, { nowMs: this.nowMs, newUlid: () => this.#newUlid() }));
        if (decision.type === 'bind') this.#placed.push(decision.workload);
        else if (decision.type === 'evict') for (const id of decision.allocations) this.leaving.push(id);
      }
      if (complete && decisions.length === 0) return this.#spentMs - before;
    }
  }

  /** Everything that was told to leave has left. */
  letAllLeave(): number {
    const before = this.#spentMs;
    for (const id of this.leaving.splice(0)) this.#leave(id);
    return this.#spentMs - before;
  }

  /** The first that was told to leave has left, and what follows is decided; null = none was told to. */
  letOneLeave(): number | null {
    const id = this.leaving.shift();
    if (id === undefined) return null;
    const before = this.#spentMs;
    this.#leave(id);
    return this.settle() + this.#spentMs - before;
  }

  /** What runs the longest is done, and what follows is decided. */
  finishOldest(): number {
    const workload = this.#takeOldest();
    const before = this.#spentMs;
    this.#change((draft) => {
      for (const id of workload.allocations) {
        markEnded(draft, id, { exit: DONE, endedMs: this.nowMs, ofItsOwn: true }, this.nowMs);
        markReleased(draft, id, 'clean', this.nowMs);
      }
    });
    const appliedMs = this.#spentMs - before;
    return appliedMs + this.settle();
  }

  /** One more comes, and what follows is decided. */
  submitAndSettle(queue: string, ask: Ask): number {
    const before = this.#spentMs;
    this.submit(queue, ask);
    const appliedMs = this.#spentMs - before;
    return appliedMs + this.settle();
  }

  /** The agents report that what was placed runs. */
  startPlaced(): void {
    for (const number of this.#placed.splice(0)) if (this.#workload(number).state === 'starting') this.#start(number);
  }

  // --- looking at it ---

  /** GPUs that are held, by one queue or by all. */
  heldGpus(queue: string | null = null): number {
    let parts = 0;
    for (const allocation of this.#holding()) {
      if (queue !== null && this.#workload(allocation.workload).spec.queue !== queue) continue;
      for (const gpu of allocation.gpus) parts += gpu.parts;
    }
    return toGpus(parts);
  }

  /** How many workloads were promised GPUs. */
  claims(): number {
    let count = 0;
    for (const { claim } of this.#state.workloads.values()) if (claim !== null) count++;
    return count;
  }

  /** Fails when a pending workload has no reason, or another one has. */
  checkReasons(): void {
    for (const { number, state } of this.#state.workloads.values()) {
      const reason = pendingReason(this.#view, number);
      invariant((reason !== null) === (state === 'pending'), 'every pending workload has its reason', `${number}`);
    }
  }

  /**
   * Fails when a node gave more than it has, a task got what it did not ask for, or something waits that would fit on what is
   * free. Counted in its own way, from the records alone; for whole GPUs, and shares of one.
   */
  checkPlacement(): void {
    const free = new Map([...this.#state.nodes.keys()].map((node) => [node, new FreeNode()]));
    for (const allocation of this.#holding()) {
      const { request } = roleOf(this.#workload(allocation.workload).spec, allocation.task);
      const asAsked = allocation.gpus.every(({ parts }) => parts === request.gpuMilli * PARTS_PER_MILLI);
      invariant(asAsked && allocation.gpus.length === request.gpus, 'tasks get what they ask for', allocation.id);
      present(free.get(allocation.node), 'nodes are known', allocation.node).take(allocation);
    }
    const asked = new Set<Workload['spec']['roles']>();
    for (const { state, spec } of this.#state.workloads.values()) if (state === 'pending') asked.add(spec.roles);
    for (const [role] of asked) {
      if (role === undefined) continue;
      let fit = 0;
      for (const node of free.values()) fit += node.tasksThatFit(role.request);
      const what = `${role.minTasks} tasks of ${JSON.stringify(role.request)}`;
      invariant(fit < role.minTasks, 'nothing waits that would fit', `${fit} of ${what}`);
    }
  }

  *#holding(): Generator<Allocation> {
    for (const allocation of this.#state.allocations.values()) if (allocation.state !== 'released') yield allocation;
  }

  // --- records ---

  #change(make: (draft: Draft) => void): void {
    const draft = new Draft(this.#state);
    make(draft);
    for (const change of draft.changes()) {
      this.#state.apply(change);
      const start = performance.now();
      this.#view.apply(change);
      this.#spentMs += performance.now() - start;
    }
  }

  #start(number: WorkloadNumber): void {
    this.#change((draft) => {
      for (const id of draft.workload(number).allocations) markStarted(draft, id, this.nowMs, this.nowMs);
    });
    this.#started.push(number);
  }

  #leave(id: AllocationId): void {
    this.#change((draft) => {
      markEnded(draft, id, { exit: KILLED, endedMs: this.nowMs, ofItsOwn: false }, this.nowMs);
      markReleased(draft, id, 'clean', this.nowMs);
    });
  }

  #takeOldest(): Workload {
    for (;;) {
      const number = present(this.#started[this.#oldest++], 'something runs', '');
      const workload = this.#workload(number);
      if (workload.state === 'running') return workload;
    }
  }

  #workload(number: WorkloadNumber): Workload {
    return present(this.#state.workload(number), 'workloads are known', `${number}`);
  }

  #newUlid(): string {
    // In one piece, as the store gives it back: as a padded number it would weigh five times as much.
    return Buffer.from(String(++this.#ulids).padStart(26, '0'), 'latin1').toString('latin1');
  }
}

/** What is left of a node, for `checkPlacement`. */
class FreeNode {
  readonly #parts = new Array<number>(GPUS_PER_NODE).fill(GPU_PARTS);
  #cpuMilli = NODE_CPU_MILLI;
  #memoryMib = NODE_MEMORY_MIB;

  take({ gpus, cpuMilli, memoryMib }: Allocation): void {
    for (const { index, parts } of gpus) this.#parts[index] = (this.#parts[index] ?? 0) - parts;
    this.#cpuMilli -= cpuMilli;
    this.#memoryMib -= memoryMib;
    const over = Math.min(...this.#parts, this.#cpuMilli, this.#memoryMib) < 0;
    invariant(
      !over,
      'no node gives more than it has',
      `${this.#parts.join(' ')}, ${this.#cpuMilli}, ${this.#memoryMib}`,
    );
  }

  tasksThatFit(ask: { gpus: number; gpuMilli: number; cpuMilli: number; memoryMib: number }): number {
    const each = ask.gpuMilli * PARTS_PER_MILLI;
    const byGpu = Math.floor(this.#parts.reduce((sum, parts) => sum + Math.floor(parts / each), 0) / ask.gpus);
    const byCpu = ask.cpuMilli === 0 ? Infinity : Math.floor(this.#cpuMilli / ask.cpuMilli);
    const byMemory = ask.memoryMib === 0 ? Infinity : Math.floor(this.#memoryMib / ask.memoryMib);
    return Math.min(byGpu, byCpu, byMemory);
  }
}

function nodeName(at: number): NodeId {
  return `node-${String(at).padStart(5, '0')}` as NodeId;
}

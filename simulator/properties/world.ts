// Plays a history as the daemon would live it: real commands, transitions, upkeep, decisions and view; only agents, clock and
// disk are made up. Whoever watches sees every decision before and after it is carried out, and every rest of the engine.
import { ApiError } from '../../common/errors.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import type { Command, CommandContext } from '../../scheduler/control/command.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { carryOut } from '../../scheduler/control/commands/carry-out.js';
import { createMaintenance } from '../../scheduler/control/commands/maintenance.js';
import { cordonNode, registerNode, updateInventory, type NodeReport } from '../../scheduler/control/commands/nodes.js';
import { createQueue, updateQueue } from '../../scheduler/control/commands/queues.js';
import { hold, prioritize, release, requeue } from '../../scheduler/control/commands/steering.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { InvariantGuard } from '../../scheduler/control/invariants/guard.js';
import { BrokenInvariant } from '../../scheduler/control/invariants/violation.js';
import { checkInvariants } from '../../scheduler/control/recovery.js';
import { Upkeep } from '../../scheduler/control/upkeep.js';
import type { Decision, NodeLiveness } from '../../scheduler/engine/decisions.js';
import { step } from '../../scheduler/engine/engine.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import { fenceNode, takeObservation } from '../../scheduler/fleet/reconcile.js';
import { ClusterState, isTerminal } from '../../scheduler/model/cluster-state.js';
import { Draft } from '../../scheduler/model/draft.js';
import { accounted } from '../../scheduler/model/usage.js';
import { hasEnded, markEnded, markReleased, markStarted } from '../../scheduler/model/lifecycle.js';
import {
  META_KEY,
  type Allocation,
  type ClusterNode,
  type Exit,
  type Queue,
  type RecordChange,
  type Workload,
  type WorkloadSpec,
} from '../../scheduler/model/records.js';
import { migParts, NO_RETRY } from '../../scheduler/model/requests.js';
import { inShort } from './in-short.js';
import type { Happening, History, NodePlan, WorkPlan } from './history.js';

/** Work units of a step that is not to be cut. */
export const WHOLE_STEP = 1_000_000_000;
/** Steps after which an engine that still decides is said to do so for ever. */
const MAX_STEPS = 1_000;
/** Acts of upkeep at one moment, after which they are said not to end. */
const MAX_ACTS = 10_000;
const START_MS = 1_000_000;
/** Time between two cycles. */
export const CYCLE_MS = 1_000;

/** Sees what happens. What it throws ends the play. */
export interface Watcher {
  beforeStep?(world: World): void;
  beforeDecision?(world: World, decision: Decision): void;
  afterDecision?(world: World, decision: Decision): void;
  /** The engine has nothing more to say. */
  atRest?(world: World): void;
}

/** Who decides: the engine on its view, unless a law asks somebody else. @returns whether all was looked at */
export type Decider = (world: World, budget: number) => { decisions: readonly Decision[]; complete: boolean };

export interface WorldOptions {
  readonly budget?: number;
  readonly watchers?: readonly Watcher[];
  readonly decider?: Decider;
}

const askEngine: Decider = ({ view, nowMs }, budget) => step(view, nowMs, budget);

export class World {
  readonly state = new ClusterState();
  readonly view: ClusterView;
  nowMs = START_MS;
  /** Every decision so far. */
  readonly decisions: Decision[] = [];
  readonly #history: History;
  readonly #watchers: readonly Watcher[];
  readonly #budget: number;
  readonly #decider: Decider;
  readonly #upkeep: Upkeep;
  #guard: InvariantGuard;
  readonly #liveness = new Map<NodeId, NodeLiveness>();
  #ulids = 0;

  constructor(history: History, { budget = WHOLE_STEP, watchers = [], decider = askEngine }: WorldOptions = {}) {
    this.#history = history;
    this.#watchers = watchers;
    this.#budget = budget;
    this.#decider = decider;
    this.view = new ClusterView(history.policy);
    this.#upkeep = new Upkeep(this.state);
    const meta = { clusterId: 'simulated', lastWorkload: 0 };
    this.#apply([{ collection: 'meta', key: META_KEY, before: null, after: meta }]);
    this.#guard = new InvariantGuard(this.state);
    for (const node of history.nodes) this.#join(node);
    for (const queue of history.queues) this.run(createQueue(queue, false));
  }

  /** All of it, to its last event. */
  play(): this {
    for (const event of this.#history.events) this.happen(event);
    return this;
  }

  happen(event: Happening): void {
    switch (event.do) {
      case 'submit':
        return this.#submit(event.queue, event.work);
      case 'finish':
        return this.#withWorkload(event.which, ({ allocations }) => this.#endAll(allocations));
      case 'cancel':
        return this.#withWorkload(event.which, ({ number }) => this.run(cancel([`${number}`], '', 'user')));
      case 'requeue':
        return this.#withWorkload(event.which, ({ number }) => this.run(requeue([`${number}`], '', 'user', false)));
      case 'hold':
        return this.#withWorkload(event.which, ({ number }) => this.run(hold([`${number}`], '', 'user')));
      case 'release':
        return this.#withWorkload(event.which, ({ number }) => this.run(release([`${number}`], 'user')));
      case 'prioritize':
        return this.#withWorkload(event.which, ({ number }) =>
          this.run(prioritize([`${number}`], event.priority, 'user')),
        );
      case 'checkpoint':
        return this.#withWorkload(event.which, ({ number }) => this.#checkpoint(number));
      case 'end':
        return this.#withWorkload(event.which, ({ allocations }) => {
          const id = allocations[event.task % Math.max(1, allocations.length)];
          if (id !== undefined) this.#endOne(id, event.code);
        });
      case 'down':
        return this.#withNode(event.node, ({ id }) => this.#goDown(id));
      case 'silent':
        return this.#withNode(event.node, ({ id }) => this.#setLiveness(id, 'unknown'));
      case 'ready':
        return this.#withNode(event.node, ({ id }) => this.#setLiveness(id, 'ready'));
      case 'cordon':
      case 'uncordon':
        return this.#withNode(event.node, ({ name }) => this.run(cordonNode(name, event.do === 'cordon', '')));
      case 'gpu':
        return this.#withNode(event.node, (node) => this.#changeGpu(node, event.gpu, event.health));
      case 'maintain':
        return this.#withNode(event.node, ({ name }) =>
          this.run(
            createMaintenance({
              nodes: [name],
              startMs: this.nowMs + event.inMs,
              durationMs: event.forMs,
              everyMs: null,
              reason: '',
            }),
          ),
        );
      case 'quota': {
        const leaves = this.leaves();
        const queue = leaves[event.queue % Math.max(1, leaves.length)];
        if (queue !== undefined) this.run(updateQueue(queue.name, event.patch, false));
        return;
      }
      case 'begin':
        return this.begin();
      case 'leave':
        return this.leave(event.how, event.which);
      case 'wait':
        this.nowMs += event.ms;
        return;
      case 'decide':
        this.settle();
        return;
      case 'cycle':
        this.cycle();
    }
  }

  /** The engine until it has nothing more to say. @returns what it decided */
  settle(): readonly Decision[] {
    const made: Decision[] = [];
    this.#keepUp();
    for (let steps = 0; ; steps += 1) {
      if (steps >= MAX_STEPS) {
        throw new Error(`after ${MAX_STEPS} steps at one moment the engine still decides: ${inShort(made.slice(-6))}`);
      }
      for (const watcher of this.#watchers) watcher.beforeStep?.(this);
      const { decisions, complete } = this.#decider(this, this.#budget);
      for (const decision of decisions) this.#carryOut(decision);
      made.push(...decisions);
      this.#keepUp();
      if (complete && decisions.length === 0) break;
    }
    for (const watcher of this.#watchers) watcher.atRest?.(this);
    return made;
  }

  cycle(): readonly Decision[] {
    const made = [...this.settle()];
    this.nowMs += CYCLE_MS;
    this.leave('all', 0);
    this.begin();
    made.push(...this.settle());
    return made;
  }

  /** Carries out a command as the loop does: all of it, or nothing when it is refused. */
  run<T>(command: Command<T>): T | null {
    this.nowMs += 1;
    try {
      return this.#change((draft, context) => command.run(draft, context));
    } catch (error) {
      if (error instanceof ApiError) return null;
      throw error;
    }
  }

  /** All that was placed runs. */
  begin(): void {
    const placed = [...this.state.allocations.values()].filter(({ state }) => state === 'placed');
    for (const { id } of placed) this.#change((draft) => markStarted(draft, id, this.nowMs, this.nowMs));
  }

  /** What was told to stop is gone. */
  leave(how: 'all' | 'one' | 'exit', which: number): void {
    const leaving = [...this.state.allocations.values()].filter(
      ({ state }) => state === 'stopping' || state === 'exited',
    );
    const chosen = how === 'all' ? leaving : leaving.slice(which % Math.max(1, leaving.length)).slice(0, 1);
    for (const { id } of chosen) this.#endOne(id, null, how !== 'exit');
  }

  livenessOf(node: NodeId): NodeLiveness {
    return this.#liveness.get(node) ?? 'unknown';
  }

  leaves(): readonly Queue[] {
    const parents = new Set([...this.state.queues.values()].map(({ parent }) => parent));
    return [...this.state.queues.values()].filter(({ name }) => !parents.has(name));
  }

  unfinished(): readonly Workload[] {
    return [...this.state.workloads.values()].filter(({ state }) => !isTerminal(state));
  }

  /** The allocations of a workload's present attempt that still hold something. */
  heldBy(workload: Workload): readonly Allocation[] {
    return workload.allocations.flatMap((id) => {
      const allocation = this.state.allocation(id);
      return allocation === undefined || allocation.state === 'released' ? [] : [allocation];
    });
  }

  /** All records as changes that make them, in the order of `arrange`: what a daemon that starts reads. */
  records(arrange: (changes: RecordChange[]) => RecordChange[] = (changes) => changes): RecordChange[] {
    const changes: RecordChange[] = [];
    for (const collection of ['allocations', 'nodes', 'queues', 'workloads'] as const) {
      for (const [key, after] of this.state[collection]) {
        changes.push({ collection, key, before: null, after } as RecordChange);
      }
    }
    return arrange(changes);
  }

  /** A view made from the records alone, with no memory of what was tried. */
  freshView(arrange?: (changes: RecordChange[]) => RecordChange[]): ClusterView {
    const view = new ClusterView(this.#history.policy);
    for (const change of this.records(arrange)) view.apply(change);
    for (const [node, liveness] of this.#liveness) view.setLiveness(node, liveness);
    return view;
  }

  /** Another world that goes on from here by itself. */
  fork(options: WorldOptions): World {
    const other = new World({ ...this.#history, nodes: [], queues: [], events: [] }, options);
    const [before, after] = [other.state.meta, this.state.meta];
    other.#apply([{ collection: 'meta', key: META_KEY, before, after }, ...this.records()]);
    other.#guard = new InvariantGuard(other.state);
    for (const [node, liveness] of this.#liveness) other.#setLiveness(node, liveness);
    other.nowMs = this.nowMs;
    other.#ulids = this.#ulids;
    return other;
  }

  #carryOut(decision: Decision): void {
    for (const watcher of this.#watchers) watcher.beforeDecision?.(this, decision);
    this.decisions.push(decision);
    this.#change((draft, context) => carryOut(draft, decision, context));
    for (const watcher of this.#watchers) watcher.afterDecision?.(this, decision);
  }

  #change<T>(make: (draft: Draft, context: CommandContext) => T): T {
    const draft = new Draft(this.state);
    const newUlid = (): string => `ULID${String((this.#ulids += 1)).padStart(22, '0')}`;
    const value = make(draft, { nowMs: this.nowMs, newUlid });
    const changes = accounted(this.state, draft.changes(), this.nowMs);
    this.#apply(changes);
    // That limits hold is a law of its own here.
    const violation = this.#guard.check(changes).find(({ name }) => name !== 'within_limits');
    if (violation !== undefined) throw new BrokenInvariant(violation, false);
    checkInvariants(this.state);
    return value;
  }

  #apply(changes: readonly RecordChange[]): void {
    for (const change of changes) {
      this.state.apply(change);
      this.view.apply(change);
      this.#upkeep.note(change);
    }
  }

  /** What control owes by now. */
  #keepUp(): void {
    for (let acts = 0; this.#upkeep.isDue(this.nowMs);) {
      for (const act of this.#upkeep.take(this.nowMs)) {
        this.#change((draft) => act(draft));
        acts += 1;
      }
      if (acts > MAX_ACTS) throw new Error('upkeep does not come to an end');
    }
  }

  #submit(at: number, { roles, topology, priority, preemptible, timeLimitMs, owner }: WorkPlan): void {
    const leaves = this.leaves();
    const queue = leaves[at % Math.max(1, leaves.length)];
    if (queue === undefined) return;
    const spec: WorkloadSpec = {
      name: '',
      kind: 'train',
      queue: queue.name,
      priority,
      preemptible,
      roles,
      topology,
      timeLimitMs,
      retry: NO_RETRY,
      dependencies: [],
      array: null,
      program: { type: 'command', argv: ['true'] },
      environment: [],
      workingDirectory: '',
      graceMs: 30_000,
      checkpointDirectory: '',
    };
    this.run(submit({ requestKey: null, digest: '', owner, specs: [spec], validateOnly: false }));
  }

  #withWorkload(which: number, act: (workload: Workload) => void): void {
    const unfinished = this.unfinished();
    const workload = unfinished[which % Math.max(1, unfinished.length)];
    if (workload !== undefined) act(workload);
  }

  #withNode(which: number, act: (node: ClusterNode) => void): void {
    const nodes = [...this.state.nodes.values()];
    const node = nodes[which % Math.max(1, nodes.length)];
    if (node !== undefined) act(node);
  }

  #join(plan: NodePlan): void {
    const id = plan.name as NodeId;
    this.#change((draft) => registerNode(draft, reportOf(plan), this.nowMs));
    this.#setLiveness(id, 'ready');
  }

  #setLiveness(node: NodeId, liveness: NodeLiveness): void {
    this.#liveness.set(node, liveness);
    this.view.setLiveness(node, liveness);
  }

  /** Silent for so long that its tasks have ended themselves. */
  #goDown(node: NodeId): void {
    this.#setLiveness(node, 'down');
    const held = this.state.heldOn(node).map(({ id }) => id);
    this.run(fenceNode(node, held));
  }

  #changeGpu(node: ClusterNode, at: number, health: ClusterNode['gpus'][number]['health']): void {
    const chosen = node.gpus[at % Math.max(1, node.gpus.length)];
    if (chosen === undefined) return;
    const { gpus, cpuCount, memoryMib, driverVersion, cudaVersion, gpuProblem } = node;
    const found = gpus.map((gpu) => (gpu === chosen ? { ...gpu, health } : gpu));
    this.run(updateInventory(node.id, { gpus: found, cpuCount, memoryMib, driverVersion, cudaVersion, gpuProblem }));
  }

  #checkpoint(number: WorkloadNumber): void {
    const workload = this.state.workload(number);
    const [first] = workload === undefined ? [] : this.heldBy(workload);
    if (workload === undefined || first?.state !== 'running') return;
    const checkpoint = { step: (workload.checkpoint?.step ?? 0) + 1, timeMs: this.nowMs, path: '/c' };
    const { id, node, startedMs } = first;
    this.run(takeObservation(node, this.#observed(node, id, { state: 'running', startedMs, checkpoint })));
  }

  #endAll(ids: readonly AllocationId[]): void {
    for (const id of ids) this.#endOne(id, 0);
  }

  /** A task is over: by itself with a code, or without a trace; what was told to stop, because of that. */
  #endOne(id: AllocationId, code: number | null, released = true): void {
    const allocation = this.state.allocation(id);
    if (allocation === undefined || allocation.state === 'released') return;
    const { stop, node, startedMs } = allocation;
    if (stop === null && code === null) {
      const exit: Exit = { code: null, signal: '', message: 'lost: its machine went down' };
      const seen = { state: released ? 'released' : 'exited', startedMs, endedMs: this.nowMs, exit } as const;
      this.run(takeObservation(node, this.#observed(node, id, seen)));
      return;
    }
    this.#change((draft) => {
      const known = draft.allocation(id);
      if (known.state === 'placed' && stop === null) markStarted(draft, id, this.nowMs, this.nowMs);
      const exit: Exit =
        stop === null ? { code, signal: '', message: '' } : { code: null, signal: 'SIGTERM', message: '' };
      if (!hasEnded(known)) markEnded(draft, id, { exit, endedMs: this.nowMs, ofItsOwn: stop === null }, this.nowMs);
      if (released) markReleased(draft, id, 'clean', this.nowMs);
    });
  }

  /** What the agent of a node reports: one allocation as given, the others as they are known. */
  #observed(
    node: NodeId,
    id: AllocationId,
    changed: Partial<Parameters<typeof takeObservation>[1][number]>,
  ): Parameters<typeof takeObservation>[1] {
    return this.state.heldOn(node).flatMap((one) => {
      if (one.id !== id) {
        // Of what has not begun an agent says nothing.
        return one.startedMs === null && !hasEnded(one) ? [] : [{ ...observedAs(one) }];
      }
      return [{ ...observedAs(one), ...changed }];
    });
  }
}

function observedAs({ id, state, startedMs, endedMs, exit, stop }: Allocation) {
  const seen = state === 'placed' ? 'starting' : state;
  return {
    id,
    state: seen,
    startedMs,
    endedMs,
    exit,
    checkpoint: null,
    endpoints: [],
    neverStarted: false,
    stopSignalled: stop !== null,
    dirtyGpus: [],
  } as const;
}

function reportOf({ name, pool, labels, gpus, cpuCount, memoryMib, driverVersion }: NodePlan): NodeReport {
  return {
    id: name as NodeId,
    name,
    pool,
    labels,
    bootId: 'boot-1',
    agentVersion: 'simulated',
    inventory: {
      gpus: gpus.map(({ model, memoryMib: gpuMib, health, nvlinkGroup, mig }, at) => ({
        uuid: `GPU-${name}-${at}`,
        model,
        memoryMib: gpuMib,
        simulated: true,
        health,
        healthMessage: '',
        pciBusId: '',
        nvlinkGroup,
        mig:
          mig === null
            ? null
            : mig.map((profile, instance) => ({
                uuid: `MIG-${name}-${at}-${instance}`,
                profile,
                memoryMib: Math.round((gpuMib * migParts(profile)) / 8_000),
              })),
      })),
      cpuCount,
      memoryMib,
      driverVersion,
      cudaVersion: '',
      gpuProblem: '',
    },
  };
}

/** The name that a queue of a plan has in the records. */
export function queueName(name: string): QueueName {
  return name as QueueName;
}

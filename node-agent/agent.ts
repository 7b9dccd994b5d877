// One node's agent: carries inputs from the scheduler, the tasks and the clock to the session, and what the session
// decides back to them. The only state of its own is what is under way.
import type { Clock, Timer } from '../common/clock.js';
import type { AllocationId } from '../common/ids.js';
import type { Logger } from '../common/log.js';
import { PACKAGE_VERSION } from '../common/package-root.js';
import { fromDuration, fromTimestamp, toDuration, toTimestamp } from '../common/units.js';
import type { HealthEvent } from '../proto/gen/sluice/v1/HealthEvent.js';
import type { NodeInventory } from '../proto/gen/sluice/v1/NodeInventory.js';
import type { ObservedAllocation } from '../proto/gen/sluice/v1/ObservedAllocation.js';
import type { UseOfTask } from '../proto/gen/sluice/v1/UseOfTask.js';
import type { AgentHello } from '../proto/gen/sluice/v1/AgentHello.js';
import type { ConnectResponse__Output } from '../proto/gen/sluice/v1/ConnectResponse.js';
import type { Welcome__Output } from '../proto/gen/sluice/v1/Welcome.js';
import type { LogRead__Output } from '../proto/gen/sluice/v1/LogRead.js';
import type { AgentHost, Connection, Runtime } from './agent-host.js';
import { type AgentRecord, newAgentRecord } from './agent-journal.js';
import type { AgentHealth } from './health/agent-health.js';
import type { DiscoveredGpu, GpuProvider, Inventory, Telemetry } from './gpu/provider.js';
import type { AgentView } from './metrics/agent-metrics.js';
import { GpuReadings } from './metrics/gpu-readings.js';
import { NOTHING_USED, TaskUses } from './metrics/task-use.js';
import {
  inventoryMessage,
  logDataMessage,
  type Machine,
  observedMessage,
  parseDesired,
  telemetryMessage,
  useMessage,
} from './messages.js';
import type { EndRecord } from './runtime/allocation-folder.js';
import type { Recovered } from './runtime/runtime.js';
import { skewsBetween } from '../common/skew.js';
import type { TaskSpans } from './tracing/task-spans.js';
import { type Grant, isLive } from './session/allocation.js';
import { doubtedInventory } from './session/doubts.js';
import type { MigLayout } from './session/slots.js';
import {
  heldGpus,
  journalOf,
  nextTickMs,
  type Restored,
  restoreSession,
  type SessionInput,
  type SessionOutput,
  type SessionState,
  step,
  type TaskEnd,
} from './session/session.js';

/** How often telemetry is sent, in ms. */
export const TELEMETRY_MS = 10_000;
/** How often it is told, and kept here, what tasks used, in ms. */
export const USES_MS = 60_000;
/** How often the inventory is looked at, and sent when it changed, in ms. */
export const INVENTORY_MS = 60_000;
/** How often folders of long ended allocations are removed, in ms. */
const SWEEP_MS = 3_600_000;
/** After so many forgotten allocations they are removed without waiting for that. */
const FORGOTTEN_PER_SWEEP = 200;
/**
 * A report lists all allocations, and leads to a commit and to orders that list them again: between two of them passes so long for each
 * that it lists, in ms …
 */
const REPORT_PAUSE_EACH_MS = 0.4;
/** … and at most this. */
const LONGEST_REPORT_PAUSE_MS = 25;
/** A report of no more than so many costs too little to wait for. */
const SHORT_REPORT = 16;
/** The longest sleep between two looks at the clock, in ms: timers stand still while the machine is suspended, leases do not. */
const LONGEST_SLEEP_MS = 1_000;
/** What a stopped task may take beyond its grace when the agent stops all of them, in ms. */
const STOP_MARGIN_MS = 10_000;
/** The longest grace of a task when the agent stops all of them, in ms. */
const STOP_ALL_GRACE_MS = 10_000;

/** What must be read no more after a reset: heat and corrected errors are remembered for a while. */
const RESET_ENDS: ReadonlySet<string> = new Set([
  'recovery_action',
  'row_remap_pending',
  'row_remap_failure',
  'page_retirement_pending',
]);

export interface AgentOptions {
  readonly name: string;
  readonly pool: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where tasks on other nodes reach this one; absent = the scheduler finds out. */
  readonly advertiseAddress?: string;
  readonly machine: Machine;
}

export interface AgentDependencies {
  readonly clock: Clock;
  readonly log: Logger;
  readonly host: AgentHost;
  /** Makes the source of GPUs once the node's id is known. */
  readonly gpus: (nodeId: string) => GpuProvider;
  /** Absent = nobody watches, and there are no hooks. */
  readonly health?: AgentHealth;
  /** Absent = nothing is traced. */
  readonly spans?: Pick<TaskSpans, 'follow'>;
}

/** A running agent. */
export class Agent {
  readonly #options: AgentOptions;
  readonly #deps: AgentDependencies;
  readonly #log: Logger;
  readonly #record: AgentRecord;
  readonly #host: AgentHost;
  readonly #gpus: GpuProvider;
  readonly #connection: Connection;
  readonly #runtime: Runtime;
  readonly #unlock: () => void;
  readonly #readings = new GpuReadings();
  readonly #uses = new TaskUses();
  readonly #inputs: SessionInput[] = [];
  readonly #timers = new Map<string, Timer>();
  #state: SessionState;
  #inventory: Inventory;
  #durable: Promise<void> = Promise.resolve();
  /** Log reads under way, by the scheduler's number for each. */
  readonly #logReads = new Map<number, AbortController>();
  #stepping = false;
  /** The last look at the clock, in ms since boot: each costs 30 µs. */
  #sleepSinceMs = 0;
  #observedDue = false;
  /** How far the scheduler's time of day was ahead of ours when it welcomed us, in ms. */
  #serverAheadMs = 0;
  /** The inventory changed and no hello has told of it. */
  #inventoryDue = false;
  #observedScheduled = false;
  /** No report before this, by the monotonic clock. */
  #nextReportMs = -Infinity;
  #congested = false;
  /** When what tasks used was last told, in ms since boot; null = not in this session. */
  #usesToldMs: number | null = null;
  #usesKeptMs = 0;
  #forgotten = 0;
  #ended = false;

  /**
   * Starts an agent: takes its state folder, adopts the tasks that are there, then connects.
   * @throws Error in words when the folder is in use, damaged, or not to be written
   */
  static async start(options: AgentOptions, deps: AgentDependencies): Promise<Agent> {
    const { host } = deps;
    const release = host.takeState();
    try {
      const last = host.journal.read();
      const record = last ?? newAgentRecord(host.newId(), host.bootId);
      const rebooted = record.bootId !== host.bootId;
      const known = record.allocations.filter(({ refusal }) => refusal === null).map(({ grant }) => grant.id);
      // The runtime's news go to the agent, which needs the runtime to be made.
      const holder: { agent: Agent | null } = { agent: null };
      const tell = (input: SessionInput) => holder.agent?.take(input);
      // What broke under a task is told before its end, which is then no fault of its program.
      const afterHealth = (act: () => void) => (deps.health === undefined ? act() : deps.health.afterEvents(act));
      const { runtime, recovered } = await host.openRuntime(
        {
          rebooted,
          gpuMemoryMib: (uuid) => holder.agent?.gpuMemoryMib(uuid) ?? null,
          gpuDevice: (uuid) => holder.agent?.gpuDevice(uuid) ?? null,
          clusterId: () => holder.agent?.clusterId ?? '',
        },
        known,
        {
          ready: (id) => tell({ type: 'ready', id: id as AllocationId }),
          started: (id, startedMs) => tell({ type: 'started', id: id as AllocationId, startedMs }),
          ended: (id, end) => afterHealth(() => tell({ type: 'ended', id: id as AllocationId, end: taskEnd(end) })),
          checkpoint: (id, checkpoint) => tell({ type: 'checkpoint', id: id as AllocationId, checkpoint }),
          endpoints: (id, endpoints) => tell({ type: 'endpoints', id: id as AllocationId, endpoints }),
        },
      );
      const state = restoreSession(record, restored(recovered), host.readLease() ?? 0, host.bootMs());
      const gpus = deps.gpus(record.nodeId);
      gpus.setBusy(heldGpus(state));
      const inventory = await gpus.inventory();
      const agent = new Agent(options, deps, record, gpus, runtime, state, inventory, release);
      holder.agent = agent;
      // A journal may have lost what it said last, even that there was an agent of this boot, and a supervisor may have had what it
      // never said: what the last agent left on a GPU that nobody holds now, only the GPU can tell.
      await agent.#begin(recovered, last !== null);
      return agent;
    } catch (error) {
      release();
      throw error;
    }
  }

  private constructor(
    options: AgentOptions,
    deps: AgentDependencies,
    record: AgentRecord,
    gpus: GpuProvider,
    runtime: Runtime,
    state: SessionState,
    inventory: Inventory,
    unlock: () => void,
  ) {
    this.#options = options;
    this.#deps = deps;
    this.#log = deps.log;
    this.#record = record;
    this.#host = deps.host;
    this.#gpus = gpus;
    this.#runtime = runtime;
    this.#state = state;
    this.#inventory = inventory;
    this.#unlock = unlock;
    this.#connection = deps.host.connect({
      opened: () => this.take({ type: 'connected' }),
      received: (message) => this.#receive(message),
      closed: () => this.#disconnected(),
      drained: () => this.#drained(),
    });
  }

  /** The id this node keeps for ever. */
  get nodeId(): string {
    return this.#record.nodeId;
  }

  /** The cluster whose orders it obeys; empty = it never obeyed any. */
  get clusterId(): string {
    return this.#state.journal.clusterId;
  }

  /** What it knows now, for whoever measures. */
  view(): AgentView {
    const nowMs = this.#host.bootMs();
    return {
      node: this.#options.name,
      isConnected: this.#state.connection === 'up',
      gpuSource: this.#gpus.kind,
      inventory: this.#toldInventory(),
      tasks: [...this.#state.allocations.values()]
        .filter(({ phase }) => phase !== 'released')
        .map(({ grant: { workload, task, gpus }, phase }) => ({ workload, task, phase, gpus })),
      reading: (uuid) => this.#readings.read(uuid, nowMs),
    };
  }

  /** The memory of a GPU or a MIG instance of the inventory; null = it has none such. */
  gpuMemoryMib(uuid: string): number | null {
    const { gpus } = this.#inventory;
    const slots = [...gpus, ...gpus.flatMap(({ mig }) => mig ?? [])];
    return slots.find((slot) => slot.uuid === uuid)?.memoryMib ?? null;
  }

  /** Where a GPU of the inventory is; null = it has none such. */
  gpuDevice(uuid: string): Pick<DiscoveredGpu, 'minor' | 'pciBusId' | 'mig'> | null {
    return this.#inventory.gpus.find((gpu) => gpu.uuid === uuid) ?? null;
  }

  async #begin(recovered: ReadonlyMap<string, Recovered>, mayBeDirty: boolean): Promise<void> {
    // From now on this boot's processes are the ones that count.
    await this.#save();
    this.#log.info(
      {
        node: this.#options.name,
        id: this.nodeId,
        gpus: this.#inventory.gpus.length,
        gpuSource: this.#gpus.kind,
        adopted: [...recovered.values()].filter((one) => one.state === 'running').length,
      },
      'agent started',
    );
    if (this.#inventory.problem !== '') this.#log.warn({ problem: this.#inventory.problem }, 'GPUs cannot be read');
    for (const { grant } of this.#state.allocations.values()) {
      const use = this.#runtime.keptUse(grant.id);
      if (use !== null) this.#uses.restore(grant.id, use);
    }
    this.#deps.spans?.follow(this.#state.allocations, this.#deps.clock.wallMs());
    this.#runtime.begin();
    this.take({ type: 'inventory', layout: migLayout(this.#inventory) });
    if (mayBeDirty) this.take({ type: 'doubted', gpus: this.#inventory.gpus.map(({ uuid }) => uuid) });
    await this.#deps.health?.begin(this.#inventory, {
      send: (events) => this.#sendHealth(events),
      lookAtGpus: () => void this.#lookAtInventory().catch((error: unknown) => this.#failed('inventory', error)),
      problemChanged: () => {
        this.#inventoryDue = true;
        this.#sendInventory();
      },
    });
    this.#connection.start();
    this.#every('telemetry', TELEMETRY_MS, () => this.#sendTelemetry());
    this.#every('inventory', INVENTORY_MS, () => this.#lookAtInventory());
    this.#every('sweep', SWEEP_MS, () => this.#sweep());
    await this.#sweep();
  }

  /** Leaves: tasks go on under their supervisor, and the next agent of this state folder adopts them. */
  async stop(): Promise<void> {
    this.#ended = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#cancelLogReads();
    this.#sendObserved();
    this.#host.execs?.close();
    await this.#connection.end();
    await this.#host.journal.close();
    await this.#runtime.close();
    await this.#deps.health?.close();
    await this.#gpus.close();
    this.#unlock();
  }

  /** Stops every task of this node and waits until none is left, or the time for it is over. */
  async stopTasks(): Promise<void> {
    this.take({ type: 'leaving' });
    const live = [...this.#state.allocations.values()].filter(isLive);
    for (const { grant } of live) {
      // Nobody gave the work up: it is requeued, and a program that goes by the reason has to save.
      this.#runtime.stop(grant.id, 'MAINTENANCE', Math.min(grant.graceMs, STOP_ALL_GRACE_MS));
    }
    const endMs = this.#deps.clock.monotonicMs() + STOP_ALL_GRACE_MS + STOP_MARGIN_MS;
    while (this.#runtime.live.length > 0 && this.#deps.clock.monotonicMs() < endMs) {
      await new Promise<void>((resolve) => this.#deps.clock.after(20, resolve));
    }
    await this.#runtime.dismissSupervisor();
  }

  /** Takes one input, and whatever follows from what the session decides about it. */
  take(input: SessionInput): void {
    this.#inputs.push(input);
    if (this.#stepping || this.#ended) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        const nowMs = this.#host.bootMs();
        const { state, outputs } = step(this.#state, next, nowMs);
        const isNew = this.#state.allocations !== state.allocations;
        this.#state = state;
        if (isNew) this.#deps.spans?.follow(state.allocations, this.#deps.clock.wallMs());
        this.#sleepSinceMs = nowMs;
        this.#gpus.setBusy(heldGpus(state));
        for (const output of outputs) this.#carryOut(output);
      }
    } finally {
      this.#stepping = false;
    }
    this.#sleep();
  }

  #carryOut(output: SessionOutput): void {
    switch (output.type) {
      case 'persist':
        this.#durable = this.#save();
        return;
      case 'send hello':
        this.#connection.send({ hello: this.#hello() });
        return;
      case 'send heartbeat':
        this.#connection.send({
          heartbeat: { sequence: output.sequence, time: toTimestamp(this.#deps.clock.wallMs()) },
        });
        return;
      case 'send observed':
        this.#observedDue = true;
        this.#scheduleObserved();
        return;
      case 'write lease':
        this.#writeLease(output.deadlineMs);
        return;
      case 'start':
        this.#log.info({ allocation: output.allocation.id, workload: output.allocation.workload }, 'starting a task');
        this.#runtime.start(output.allocation, this.#beforeStart(output.allocation));
        return;
      case 'go':
        this.#log.info({ allocation: output.allocation.id, workload: output.allocation.workload }, 'its gang is ready');
        this.#runtime.go(output.allocation);
        return;
      case 'stop':
        this.#runtime.stop(output.id, output.reason, output.graceMs);
        return;
      case 'kill':
        void this.#runtime.kill(output.id).catch((error: unknown) => this.#failed('kill', error));
        return;
      case 'deadline':
        this.#runtime.timeLeft(output.id, output.deadlineMs - this.#deps.clock.wallMs() - this.#serverAheadMs);
        return;
      case 'check clean':
        void this.#checkClean(output).catch((error: unknown) => this.#failed('check clean', error));
        return;
      case 'look':
        void this.#lookAtDoubt(output).catch((error: unknown) => this.#failed('look', error));
        return;
      case 'reset':
        void this.#reset(output.gpus).catch((error: unknown) => this.#failed('reset', error));
        return;
      case 'send inventory':
        this.#inventoryDue = true;
        this.#sendInventory();
        return;
      case 'forget':
        this.#uses.forget(output.id);
        this.#deps.health?.forget(output.id);
        this.#forgotten += 1;
        if (this.#forgotten % FORGOTTEN_PER_SWEEP === 0) void this.#sweep();
        return;
      case 'close connection':
        this.#log.warn({ why: output.why }, 'leaving this scheduler');
        this.#connection.reset();
        return;
      case 'note':
        this.#log.info({ allocation: output.id ?? undefined }, output.message);
        return;
    }
  }

  // --- the scheduler ---

  #warnOfSkew({ serverVersion, serverTime }: Welcome__Output): void {
    const theirs = { version: serverVersion, wallMs: fromTimestamp(serverTime) };
    const ours = { version: PACKAGE_VERSION, wallMs: this.#deps.clock.wallMs() };
    this.#serverAheadMs = (theirs.wallMs ?? ours.wallMs) - ours.wallMs;
    for (const warning of skewsBetween(ours, theirs)) this.#log.warn(warning);
  }

  #receive(message: ConnectResponse__Output): void {
    const { welcome, desired, heartbeatReply, logRead } = message;
    if (welcome) {
      this.#connection.proven();
      this.#log.info({ cluster: welcome.clusterId, epoch: welcome.epoch }, 'connected to the scheduler');
      this.#warnOfSkew(welcome);
      this.take({
        type: 'welcomed',
        clusterId: welcome.clusterId,
        lineage: welcome.lineage,
        epoch: welcome.epoch,
        leaderId: welcome.leaderId,
        heartbeatMs: fromDuration(welcome.heartbeatInterval) ?? 0,
        leaseMs: fromDuration(welcome.lease) ?? 0,
      });
      this.#sendInventory();
      this.#sendHealth(this.#deps.health?.eventsSinceHello() ?? []);
    } else if (message.healthAck) {
      this.#deps.health?.acknowledged(message.healthAck.through);
    } else if (heartbeatReply) {
      this.take({ type: 'heartbeat answered', sequence: heartbeatReply.sequence, revision: heartbeatReply.revision });
    } else if (desired) {
      try {
        const allocations = desired.allocations.map(parseDesired);
        const { epoch, leaderId, revision, resets } = desired;
        const spared = desired.spared as AllocationId[];
        this.take({ type: 'desired', epoch, leaderId, revision, allocations, spared, resets });
      } catch (error) {
        // Half of a set is no set: what it does not list would be stopped.
        this.#log.error({ err: error }, 'orders that make no sense are refused');
        this.#connection.reset();
      }
    } else if (logRead) {
      void this.#answerLogRead(logRead);
    } else if (message.logCancel) {
      this.#logReads.get(message.logCancel.id)?.abort();
    } else if (message.execOpen) {
      this.#host.execs?.open(message.execOpen);
    } else if (message.terminalNotice) {
      this.#host.execs?.notice(message.terminalNotice.allocation, message.terminalNotice.text);
    } else if (message.originRequest) {
      for (const allocation of message.originRequest.allocations) {
        this.#connection.send({ origin: { allocation, origin: this.#runtime.origin(allocation) } });
      }
    }
  }

  #disconnected(): void {
    this.#usesToldMs = null;
    this.#cancelLogReads();
    this.#congested = false;
    this.take({ type: 'disconnected' });
  }

  #drained(): void {
    this.#congested = false;
    this.#scheduleObserved();
  }

  #hello(): AgentHello {
    const { clusterId, lineage, maxEpoch, leaderId, collidedEpoch, ...rest } = this.#state.journal;
    this.#inventoryDue = false;
    return {
      nodeId: this.nodeId,
      name: this.#options.name,
      pool: this.#options.pool,
      labels: { ...this.#options.labels },
      bootId: this.#host.bootId,
      agentVersion: PACKAGE_VERSION,
      inventory: this.#inventoryMessage(),
      allocations: this.#observed(),
      clusterId,
      lineage,
      maxEpoch,
      maxRevision: this.#state.heardRevision,
      leaderId,
      collidedEpoch,
      pastLineages: [...rest.pastLineages],
      generations: { ...rest.generations },
      openedMs: Math.floor(this.#host.bootMs()),
      healthEvents: [...(this.#deps.health?.eventsForHello() ?? [])],
      advertiseAddress: this.#options.advertiseAddress ?? '',
      ownAddress: this.#host.ownAddress(),
    };
  }

  #inventoryMessage(): NodeInventory {
    return inventoryMessage(this.#toldInventory(), this.#options.machine, this.#deps.health?.problem ?? '');
  }

  #toldInventory(): Inventory {
    return doubtedInventory(this.#inventory, this.#state.doubts);
  }

  #sendHealth(events: readonly HealthEvent[]): void {
    if (events.length > 0 && this.#state.connection === 'up')
      this.#connection.send({ health: { events: [...events] } });
  }

  /** Resolves when a task may start. */
  #beforeStart(task: Grant): Promise<void> {
    return this.#deps.health?.beforeStart(task, this.#durable) ?? this.#durable;
  }

  /**
   * What changed within one turn of the event loop goes out in one message, and where much changes, what changed in a pause; on a full line, the
   * latest when there is room.
   */
  #scheduleObserved(): void {
    if (this.#observedScheduled) return;
    this.#observedScheduled = true;
    const send = (): void => {
      this.#observedScheduled = false;
      this.#sendObserved();
    };
    const leftMs = this.#nextReportMs - this.#deps.clock.monotonicMs();
    if (leftMs <= 0) this.#host.defer(send);
    else this.#timers.set('report', this.#deps.clock.after(leftMs, send));
  }

  #sendObserved(): void {
    if (!this.#observedDue || this.#congested || this.#state.connection !== 'up') return;
    this.#observedDue = false;
    const allocations = this.#observed();
    const isShort = allocations.length <= SHORT_REPORT;
    const pauseMs = isShort ? 0 : Math.min(LONGEST_REPORT_PAUSE_MS, allocations.length * REPORT_PAUSE_EACH_MS);
    this.#nextReportMs = this.#deps.clock.monotonicMs() + pauseMs;
    this.#congested = !this.#connection.send({ observed: { allocations } });
  }

  #observed(): ObservedAllocation[] {
    return [...this.#state.allocations.values()].map((one) => observedMessage(one, this.#uses.of(one.grant.id)));
  }

  async #sendTelemetry(): Promise<void> {
    const telemetry = await this.#gpus.telemetry();
    const nowMs = this.#host.bootMs();
    this.#readings.note(telemetry, nowMs);
    const running = this.#lookAtTasks(telemetry, nowMs);
    const tasks = this.#host.execs?.use(this.#runtime.live) ?? [];
    if (this.#congested || this.#state.connection !== 'up') return;
    const uses = this.#usesToTell(running, nowMs);
    if (telemetry.length + tasks.length + uses.length === 0) return;
    this.#connection.send({
      telemetry: {
        gpus: telemetryMessage(telemetry, this.#deps.clock.wallMs()),
        tasks: tasks.map(({ id, idleMs }) => ({ allocation: id, idle: toDuration(idleMs) })),
        uses: [...uses],
      },
    });
  }

  /** Adds a look at what each task uses. @returns those that run */
  #lookAtTasks(telemetry: readonly Telemetry[], nowMs: number): readonly AllocationId[] {
    const byUuid = new Map(telemetry.map((one) => [one.uuid, one]));
    const running = [...this.#state.allocations.values()].filter(({ phase }) => phase === 'running');
    for (const { grant } of running) {
      this.#uses.look(grant.id, grant.gpus, byUuid, this.#runtime.measure(grant.id), nowMs);
    }
    const ids = running.map(({ grant }) => grant.id);
    if (nowMs - this.#usesKeptMs >= USES_MS) {
      this.#usesKeptMs = nowMs;
      try {
        for (const id of ids) this.#runtime.keepUse(id, this.#uses.of(id) ?? NOTHING_USED);
      } catch (error) {
        // The next agent then begins anew with what it lacks, as it does after a boot.
        this.#failed('keeping what tasks used', error);
      }
    }
    return ids;
  }

  #usesToTell(running: readonly AllocationId[], nowMs: number): readonly UseOfTask[] {
    if (this.#usesToldMs !== null && nowMs - this.#usesToldMs < USES_MS) return [];
    this.#usesToldMs = nowMs;
    return running.map((id) => ({ allocation: id, use: useMessage(this.#uses.of(id) ?? NOTHING_USED) }));
  }

  /** What changed since the hello, also while the answer to that was on its way. */
  #sendInventory(): void {
    if (!this.#inventoryDue || this.#state.connection !== 'up') return;
    this.#inventoryDue = false;
    this.#connection.send({ inventory: { inventory: this.#inventoryMessage() } });
  }

  async #lookAtInventory(): Promise<void> {
    let inventory = await this.#gpus.inventory();
    // What runs on a lost GPU is stopped, so one look is not enough to believe it.
    if (this.#losesHeld(inventory)) inventory = await this.#gpus.inventory();
    // How a reset went is told first: what it was for can be read no more after it.
    if (this.#state.resets.running === null) this.#takeInventory(inventory);
  }

  #takeInventory(inventory: Inventory): void {
    this.#deps.health?.noteInventory(inventory);
    if (JSON.stringify(inventory) === JSON.stringify(this.#inventory)) return;
    this.#log.info({ gpus: inventory.gpus.length, problem: inventory.problem }, 'the inventory of GPUs changed');
    this.#inventory = inventory;
    this.take({ type: 'inventory', layout: migLayout(inventory) });
    this.#inventoryDue = true;
    this.#sendInventory();
  }

  #losesHeld({ gpus }: Inventory): boolean {
    const held = heldGpus(this.#state);
    return gpus.some(({ uuid, health }) => health === 'lost' && held.has(uuid));
  }

  async #answerLogRead(message: LogRead__Output): Promise<void> {
    const { id, allocation, offset, maxBytes, wait, since, times, stderr } = message;
    const reading = new AbortController();
    this.#logReads.set(id, reading);
    try {
      const sinceMs = fromTimestamp(since);
      const request = { offset, maxBytes, wait, times, stderr, ...(sinceMs === null ? {} : { sinceMs }) };
      const piece = await this.#runtime.readLog(allocation, request, reading.signal);
      if (!reading.signal.aborted) this.#connection.send({ logData: logDataMessage(id, piece) });
    } catch (error) {
      if (!reading.signal.aborted) this.#connection.send({ logData: { id, error: (error as Error).message } });
    } finally {
      // After a new connection the same number may stand for another read.
      if (this.#logReads.get(id) === reading) this.#logReads.delete(id);
    }
  }

  #cancelLogReads(): void {
    for (const reading of this.#logReads.values()) reading.abort();
    this.#logReads.clear();
  }

  // --- this machine ---

  #save(): Promise<void> {
    const { journal, bootId } = this.#host;
    return journal.save({ nodeId: this.nodeId, bootId, ...journalOf(this.#state) });
  }

  #writeLease(deadlineMs: number): void {
    try {
      this.#host.writeLease(deadlineMs);
    } catch (error) {
      this.#log.error(
        { err: error },
        'the lease cannot be written: the supervisor will end tasks when the last one is over',
      );
    }
  }

  async #checkClean({ id, gpus, baselineOf }: Extract<SessionOutput, { readonly type: 'check clean' }>): Promise<void> {
    const left = await this.#runtime.leftovers(id);
    if (left.length > 0) {
      this.take({ type: 'cleaned', id, clean: false, dirtyGpus: gpus });
      return;
    }
    const task = this.#state.allocations.get(id);
    if (task !== undefined) await this.#deps.health?.beforeRelease(task.grant);
    const answer = baselineOf.length === 0 ? { state: 'clean' as const } : await this.#gpus.checkClean(baselineOf);
    if (answer.state !== 'clean') this.#log.info({ allocation: id, why: answer.message }, 'GPUs are not clean yet');
    const dirtyGpus = answer.state === 'dirty' ? answer.gpus : answer.state === 'unknown' ? baselineOf : [];
    this.take({ type: 'cleaned', id, clean: answer.state === 'clean', dirtyGpus });
  }

  async #lookAtDoubt({ gpu, askedMs }: Extract<SessionOutput, { readonly type: 'look' }>): Promise<void> {
    const known = this.#inventory.gpus.find(({ uuid }) => uuid === gpu);
    // Its driver would be asked in vain, which can take long, and again every few seconds.
    const isLost = known === undefined || known.health === 'lost';
    const answer = isLost
      ? { state: 'unknown' as const, message: known?.healthMessage ?? 'it is gone' }
      : await this.#gpus.checkClean([gpu]);
    this.take({ type: 'looked', gpu, askedMs, answer });
  }

  /** Resets GPUs that nothing holds, and tells whether they are clean after it. */
  async #reset(gpus: readonly string[]): Promise<void> {
    try {
      const answer = await this.#gpus.reset(gpus);
      const inventory = await this.#gpus.inventory();
      const why = answer.state === 'failed' ? answer.message : await this.#whyNotClean(gpus, inventory);
      // The next agent is asked for it anew.
      if (this.#ended) return;
      if (why === null) this.#log.info({ gpus }, 'GPUs were reset and are clean');
      else this.#log.warn({ gpus, why }, 'a reset of GPUs was of no use');
      await this.#deps.health?.noteReset(gpus, why);
      this.#takeInventory(inventory);
    } finally {
      this.take({ type: 'reset over' });
    }
  }

  /** @returns in words, what a reset left */
  async #whyNotClean(uuids: readonly string[], { gpus }: Inventory): Promise<string | null> {
    for (const uuid of uuids) {
      const gpu = gpus.find((one) => one.uuid === uuid);
      if (gpu === undefined || gpu.health !== 'healthy') return `after it: ${gpu?.healthMessage ?? `${uuid} is gone`}`;
      const symptom = gpu.symptoms?.find(({ kind }) => RESET_ENDS.has(kind));
      if (symptom !== undefined) return `after it the driver still tells of it: ${symptom.detail}`;
    }
    const clean = await this.#gpus.checkClean(uuids);
    if (clean.state !== 'clean') return `after it: ${clean.message}`;
    const problem = (await this.#deps.health?.checkNow()) ?? '';
    return problem === '' ? null : `after it ${problem}`;
  }

  async #sweep(): Promise<void> {
    try {
      await this.#runtime.sweep(new Set(this.#state.allocations.keys()));
    } catch (error) {
      this.#failed('sweep', error);
    }
  }

  #sleep(): void {
    this.#timers.get('tick')?.cancel();
    const dueMs = nextTickMs(this.#state);
    if (dueMs === null) return;
    const delayMs = Math.min(Math.max(0, dueMs - this.#sleepSinceMs), LONGEST_SLEEP_MS);
    const wake = () => {
      this.#sleepSinceMs = this.#host.bootMs();
      if (this.#sleepSinceMs >= dueMs) this.take({ type: 'tick' });
      else this.#sleep();
    };
    this.#timers.set('tick', this.#deps.clock.after(delayMs, wake));
  }

  #every(name: string, periodMs: number, action: () => Promise<void>): void {
    const again = () => this.#timers.set(name, this.#deps.clock.after(periodMs, run));
    const run = () => {
      void action()
        .catch((error: unknown) => this.#failed(name, error))
        .finally(() => {
          if (!this.#ended) again();
        });
    };
    again();
  }

  #failed(what: string, error: unknown): void {
    this.#log.error({ err: error }, `${what} failed`);
  }
}

function migLayout({ gpus }: Inventory): MigLayout {
  return new Map(gpus.map(({ uuid, mig }) => [uuid, mig?.map((one) => one.uuid) ?? null]));
}

function taskEnd(end: EndRecord): TaskEnd {
  const { neverStarted, code, signal, message, startedMs, endedMs, stopSignalled } = end;
  return { neverStarted, code, signal, message, startedMs, endedMs, stopSignalled };
}

function restored(recovered: ReadonlyMap<string, Recovered>): Map<AllocationId, Restored> {
  return new Map(
    [...recovered].map(([id, one]) => [
      id as AllocationId,
      one.state === 'ended' ? { ...one, end: taskEnd(one.end) } : one,
    ]),
  );
}

// The cluster that the examples of the documentation run on: the real command line talks to the real scheduler over gRPC.
// Only the disk, the time of day and the node agents are ours: tasks start at once, stop and end when the page says so.
import { createLogger } from '../../common/log.js';
import type { NodeId } from '../../common/ids.js';
import { runCli } from '../../cli/program.js';
import * as grpc from '@grpc/grpc-js';
import { parseScenario, parseShortScenario, type Scenario } from '../../node-agent/gpu/scenario.js';
import { Handlers } from '../../scheduler/api/handlers.js';
import { createApiServer, type ApiServer } from '../../scheduler/api/server.js';
import type { Command } from '../../scheduler/control/command.js';
import { registerNode } from '../../scheduler/control/commands/nodes.js';
import { ControlLoop } from '../../scheduler/control/loop.js';
import { recover } from '../../scheduler/control/recovery.js';
import { WatchHub } from '../../scheduler/control/watch-hub.js';
import { DEFAULT_POLICY, type EnginePolicy } from '../../scheduler/engine/policy.js';
import { ClusterView } from '../../scheduler/engine/view.js';
import { Fleet, type NodeSoftState } from '../../scheduler/fleet/fleet.js';
import type { ClusterState } from '../../scheduler/model/cluster-state.js';
import type { Draft } from '../../scheduler/model/draft.js';
import { hasEnded, markEnded, markReleased, markStarted, noteCheckpoint } from '../../scheduler/model/lifecycle.js';
import { NO_PRICES } from '../../scheduler/model/prices.js';
import type { Allocation } from '../../scheduler/model/records.js';
import { ManualClock } from '../gpu/manual-clock.js';
import { MemoryStore } from '../control/memory-store.js';

/** The morning on which every example begins. */
const BEGIN_MS = Date.UTC(2026, 11, 1, 9);
const HOUR_MS = 3_600_000;
const log = createLogger({ level: 'silent', name: 'docs' });

/** A node as a page describes it: `4xh100`, or in full. */
export type NodeSketch =
  | string
  | {
      /** The short form, or what a scenario file has. */
      readonly gpus?: unknown;
      readonly nvlink?: unknown;
      readonly cpus?: number;
      readonly memory?: string;
      readonly driver?: string;
      readonly pool?: string;
      readonly labels?: Readonly<Record<string, string>>;
    };

interface Parts {
  readonly loop: ControlLoop;
  readonly state: ClusterState;
  readonly api: ApiServer;
  readonly address: string;
}

/** There are no agents, so nobody would be heard. */
class HeardFleet extends Fleet {
  override softState(node: NodeId): NodeSoftState {
    return { ...super.softState(node), liveness: 'ready' };
  }
}

export class ExampleCluster {
  readonly clock = new ManualClock();
  readonly #parts: Parts;
  readonly #fatal: unknown[];
  readonly #sketches = new Map<string, Exclude<NodeSketch, string>>();

  private constructor(clock: ManualClock, parts: Parts, fatal: unknown[]) {
    this.clock = clock;
    this.#parts = parts;
    this.#fatal = fatal;
  }

  /** A scheduler that serves, with these nodes. Close it. */
  static async start(
    nodes: Readonly<Record<string, NodeSketch>>,
    policy: Partial<EnginePolicy> = {},
  ): Promise<ExampleCluster> {
    const clock = new ManualClock();
    clock.jump(BEGIN_MS);
    const store = new MemoryStore();
    const view = new ClusterView({ ...DEFAULT_POLICY, ...policy });
    const { state, position } = await recover(store, view, () => 'cluster', clock.wallMs());
    const fatal: unknown[] = [];
    let ulids = 0;
    const loop = new ControlLoop({
      store,
      state,
      view,
      clock,
      newUlid: () => `01KBCQ8Z5M${String((ulids += 1)).padStart(16, '0')}`,
      position,
      defer: setImmediate,
      onFatal: (error) => fatal.push(error),
    });
    const hub = new WatchHub(position.revision);
    loop.onCommitted((committed) => hub.publish(committed));
    const fleet = new HeardFleet({ heartbeatMs: 5_000, leaseMs: 20_000 }, { loop, clock, log }, []);
    const authenticator = { authenticate: (metadata: grpc.Metadata) => principalOf(metadata) };
    const handlers = new Handlers({ authenticator, clock, log, observe: () => undefined });
    const room = () =>
      ({ state: 'ample', freeBytes: 2 ** 40, lowBelowBytes: 2 ** 30, criticalBelowBytes: 2 ** 28 }) as const;
    const takeSnapshot = (): never => {
      throw new Error('an example has no disk');
    };
    const rest = {
      maxGraceMs: HOUR_MS,
      maxRequests: 1_000,
      prices: NO_PRICES,
      budgetUses: () => new Map(),
      room,
      takeSnapshot,
      onSnapshot: () => undefined,
      stepDown: () => undefined,
      company: { address: 'scheduler:7443', isShared: false, standbys: () => [] },
      metricsUrl: () => '',
    };
    const api = createApiServer(handlers, { loop, hub, fleet, clock, log, ...rest });
    const port = await new Promise<number>((resolve, reject) => {
      const credentials = grpc.ServerCredentials.createInsecure();
      api.server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
    });
    const cluster = new ExampleCluster(clock, { loop, state, api, address: `127.0.0.1:${port}` }, fatal);
    for (const [name, sketch] of Object.entries(nodes)) await cluster.#join(name, sketch);
    return cluster;
  }

  async close(): Promise<void> {
    await this.#parts.loop.stop();
    this.#parts.api.server.forceShutdown();
  }

  /** Runs a command line as a user types it and returns all it prints. What it places starts at once. */
  async run(words: readonly string[], user: string, files: ReadonlyMap<string, string>): Promise<string> {
    let printed = '';
    const stream = {
      isTTY: false,
      write: (chunk: unknown) => {
        printed += typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString('utf8');
        return true;
      },
    };
    const folder = process.cwd();
    await runCli(
      words.map((word) => files.get(word) ?? word),
      {
        stdin: (async function* () {
          yield* [];
          await Promise.resolve();
        })(),
        stdout: stream,
        stderr: stream,
        env: { SLUICE_CONFIG: '/nonexistent/config.yaml', SLUICE_SERVER: this.#parts.address, SLUICE_TOKEN: user },
        clock: this.clock,
        homeDirectory: folder,
        onInterrupt: () => () => undefined,
      },
    );
    await this.#startPlaced();
    if (this.#fatal.length > 0) throw this.#fatal[0];
    return printed;
  }

  /**
   * What happens by itself: `10m` passes, `all stop` (what was told to), `3 ends`, `3 fails 75`, `3 saves` a checkpoint,
   * `n1 is lost`, `n1 has 4xa100` from now on.
   */
  async let(happening: string): Promise<void> {
    const [subject = '', verb = '', code = ''] = happening.split(' ');
    switch (verb) {
      case '':
        await this.clock.advance(spanMs(subject));
        break;
      case 'stop':
        await this.#change((draft, nowMs) => this.#end(draft, nowMs, isStopping, null));
        break;
      case 'ends':
      case 'fails':
        await this.#change((draft, nowMs) => this.#end(draft, nowMs, isOf(Number(subject)), Number(code || 0)));
        break;
      case 'saves':
        await this.#change((draft, nowMs) => {
          const number = draft.workload(Number(subject) as never).number;
          noteCheckpoint(draft, number, { step: 1, timeMs: nowMs, path: '/ckpt/1' }, nowMs);
        });
        break;
      case 'is':
        this.#parts.loop.setLiveness({ node: subject as NodeId, liveness: 'down' });
        break;
      case 'has':
        await this.#join(subject, { ...this.#sketches.get(subject), gpus: code });
        break;
      default:
        throw new Error(`nobody knows what it means that ${happening}`);
    }
    await this.#startPlaced();
  }

  /**
   * Draws who holds what: nodes with a cell a GPU (`a>b` = a leaves for b, `a+b` = they share it, `(a)` = promised to a),
   * beside them queues with a bar.
   */
  draw(what: string): string {
    const { state } = this.#parts;
    const nodes = [...state.nodes.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const rows = nodes.map((node) => ({ name: node.name, cells: this.#cellsOf(node.id) }));
    const width = Math.max(1, ...rows.flatMap(({ cells }) => cells.map((cell) => cell.length)));
    const left = rows.map(
      ({ name, cells }) =>
        [
          name,
          cells
            .map((cell) => cell.padEnd(width))
            .join(' ')
            .trimEnd(),
        ] as const,
    );
    const right = what.includes('queues') ? this.#queueRows() : [];
    const lines = Array.from({ length: Math.max(left.length, right.length) }, (_, at) => [
      ...(left[at] ?? ['', '']),
      ...(right[at] ?? ['', '', '']),
    ]);
    return inColumns(lines);
  }

  #cellsOf(id: NodeId): string[] {
    const { state } = this.#parts;
    const claims = [...state.workloads.values()].flatMap(({ number, claim }) =>
      (claim?.placements ?? []).filter(({ node }) => node === id).map((placement) => ({ number, ...placement })),
    );
    const cell = (index: number, instance: string): string => {
      const holders = state
        .heldOn(id)
        .filter(({ gpus }) => gpus.some((gpu) => gpu.index === index && gpu.instance === instance))
        .sort((a, b) => a.workload - b.workload || a.task - b.task);
      const promised = claims.filter(
        ({ gpus, instances }) => gpus.includes(index) && (instance === '' || instances.includes(instance)),
      );
      const to = promised.map(({ number }) => this.#nameOf(number)).join('+');
      const by = holders.map((one) => this.#nameOf(one.workload)).join('+');
      if (by === '') return to === '' ? '.' : `(${to})`;
      return to === '' ? by : `${by}>${to}`;
    };
    const gpus = state.node(id)?.gpus ?? [];
    if (gpus.length === 0) {
      const names = state.heldOn(id).map(({ workload }) => this.#nameOf(workload));
      return [names.length === 0 ? 'no GPUs' : `no GPUs: ${names.join(' ')}`];
    }
    return gpus.flatMap(({ index, mig }) =>
      mig === null ? [cell(index, '')] : mig.map(({ profile, uuid }) => `${profile}:${cell(index, uuid)}`),
    );
  }

  #nameOf(number: number): string {
    return this.#parts.state.workload(number as never)?.spec.name ?? `${number}`;
  }

  #queueRows(): (readonly [string, string, string])[] {
    const { state } = this.#parts;
    const total = [...state.nodes.values()].reduce((sum, { gpus }) => sum + gpus.length, 0);
    return [...state.queues.values()].map((queue) => {
      const held = [...state.allocations.values()]
        .filter((one) => one.state !== 'released' && this.#isIn(one, queue.name))
        .reduce((sum, { gpus }) => sum + gpus.reduce((all, { parts }) => all + parts / 7_000, 0), 0);
      const most = Math.min(total, queue.limitGpus ?? total);
      const bar = Array.from({ length: Math.max(most, held) }, (_, at) =>
        at < held ? (at < queue.guaranteeGpus ? '#' : '+') : at < queue.guaranteeGpus ? '-' : '.',
      );
      const borrowed = Math.max(0, held - queue.guaranteeGpus);
      const words = `holds ${held}, guaranteed ${queue.guaranteeGpus}${borrowed > 0 ? `, borrows ${borrowed}` : ''}`;
      return [queue.parent === null ? queue.name : `  ${queue.name}`, `[${bar.join('')}]`, words] as const;
    });
  }

  #isIn({ workload }: Allocation, ancestor: string): boolean {
    const { state } = this.#parts;
    for (let name: string | null = state.workload(workload)?.spec.queue ?? null; name !== null;) {
      if (name === ancestor) return true;
      name = state.queue(name as never)?.parent ?? null;
    }
    return false;
  }

  async #join(name: string, sketch: NodeSketch): Promise<void> {
    const id = name as NodeId;
    const whole = typeof sketch === 'string' ? { gpus: sketch } : sketch;
    this.#sketches.set(name, whole);
    const { pool = 'default', labels = {}, driver = '550.54.15' } = whole;
    const { gpus, cpuCount, memoryMib } = scenarioOf(whole);
    const inventory = {
      gpus: gpus.map((gpu, index) => ({
        uuid: `GPU-${name}-${index}`,
        model: gpu.model,
        memoryMib: gpu.memoryMib,
        simulated: true,
        health: 'healthy' as const,
        healthMessage: '',
        pciBusId: '',
        nvlinkGroup: gpu.nvlinkGroup,
        mig: gpu.mig?.map((instance, at) => ({ ...instance, uuid: `MIG-${name}-${index}-${at}` })) ?? null,
      })),
      cpuCount: cpuCount ?? 64,
      memoryMib: memoryMib ?? 512 * 1_024,
      driverVersion: driver,
      cudaVersion: '12.4',
      gpuProblem: '',
    };
    const report = { id, name, pool, labels, bootId: 'boot', agentVersion: 'docs', inventory };
    await this.#change((draft, nowMs) => void registerNode(draft, report, nowMs));
    this.#parts.loop.setLiveness({ node: id, liveness: 'ready' });
  }

  /** Agents answer at once: tasks that were placed run. */
  async #startPlaced(): Promise<void> {
    const { state } = this.#parts;
    for (;;) {
      const placed = [...state.allocations.values()].filter((allocation) => allocation.state === 'placed');
      await this.#change((draft, nowMs) => {
        for (const { id } of placed) if (draft.allocation(id).state === 'placed') markStarted(draft, id, nowMs, nowMs);
      });
      if (placed.length === 0) return;
    }
  }

  #end(draft: Draft, nowMs: number, which: (allocation: Allocation) => boolean, code: number | null): void {
    const exit = code === null ? { code: null, signal: 'SIGTERM', message: '' } : { code, signal: '', message: '' };
    for (const { id } of [...this.#parts.state.allocations.values()].filter(which)) {
      if (!hasEnded(draft.allocation(id))) {
        markEnded(draft, id, { exit, endedMs: nowMs, ofItsOwn: code !== null }, nowMs);
      }
      markReleased(draft, id, 'clean', nowMs);
    }
  }

  #change(change: (draft: Draft, nowMs: number) => void): Promise<void> {
    const command: Command<void> = {
      name: 'example',
      whenSpace: 'critical',
      run: (draft, { nowMs }) => change(draft, nowMs),
    };
    return this.#parts.loop.execute(command);
  }
}

function inColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, at) => cell.padEnd(widths[at] ?? 0))
          .join('   ')
          .trimEnd()}\n`,
    )
    .join('');
}

function principalOf(metadata: grpc.Metadata) {
  const [authorization = ''] = metadata.get('authorization');
  const name = String(authorization).replace(/^Bearer /i, '') || 'ada';
  return { kind: 'user' as const, name, role: 'admin' as const, node: null };
}

function isStopping({ state }: Allocation): boolean {
  return state === 'stopping';
}

function isOf(number: number): (allocation: Allocation) => boolean {
  return ({ workload, state }) => workload === number && state !== 'released';
}

function spanMs(text: string): number {
  const [, count = '', unit = ''] = /^(\d+)(s|m|h)$/.exec(text) ?? [];
  const unitMs = { s: 1_000, m: 60_000, h: HOUR_MS }[unit];
  if (unitMs === undefined) throw new Error(`${text} is no span of time`);
  return Number(count) * unitMs;
}

function scenarioOf({ gpus, nvlink, cpus, memory }: Exclude<NodeSketch, string>): Scenario {
  const short = typeof gpus === 'string' ? parseShortScenario(gpus) : null;
  // A scenario has a GPU at least; a node of the examples need not.
  const text = JSON.stringify({
    gpus: short === null && gpus !== undefined ? gpus : [{ model: 'h100' }],
    nvlink,
    cpus,
    memory,
  });
  const read = parseScenario(text, 'page');
  return { ...read, gpus: gpus === undefined ? [] : (short ?? read).gpus };
}

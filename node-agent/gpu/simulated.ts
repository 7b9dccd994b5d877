// GPUs with no hardware behind them, for demonstrations, tests and nodes of a simulated cluster. What they report is a
// function of scenario, node id, time and which are busy: the same again in every run under the same clock.
import { createHash } from 'node:crypto';
import type { Clock } from '../../common/clock.js';
import { explainTimeout } from './smi-failure.js';
import type { Cleanliness, DiscoveredGpu, GpuProvider, Inventory, ResetAnswer, Telemetry } from './provider.js';
import type { Range, Scenario, ScenarioEvent, ScenarioGpu } from './scenario.js';

export interface SimulatedOptions {
  readonly scenario: Scenario;
  /** UUIDs follow from it, so they stay the same over restarts of the agent. */
  readonly nodeId: string;
  /** How long an answer is waited for while the scenario lets the driver hang. Default 10,000. */
  readonly limitMs?: number;
}

const DEFAULT_LIMIT_MS = 10_000;
/** Telemetry moves from one random value to the next in this time. */
const STEP_MS = 5_000;
/** What an idle GPU holds, and what a `dirty` one has left on it. */
const IDLE_MIB = 4;
const DIRTY_MIB = 2_048;
/** The share of the memory that a busy GPU holds. */
const BUSY_MEMORY_RATIO: Range = { from: 0.55, to: 0.85 };
const IDLE_CELSIUS = 31;
const FULL_CELSIUS = 72;

interface SimulatedGpu extends Omit<ScenarioGpu, 'mig'> {
  readonly mig: DiscoveredGpu['mig'];
  readonly uuid: string;
  readonly index: number;
}

/** The UUID of a simulated GPU. */
export function simulatedUuid(nodeId: string, index: number): string {
  return `GPU-${hashedUuid(`sluice simulated GPU\n${nodeId}\n${index}`)}`;
}

/** The UUID of a MIG instance of a simulated GPU. */
export function simulatedMigUuid(nodeId: string, index: number, device: number): string {
  return `MIG-${hashedUuid(`sluice simulated MIG instance\n${nodeId}\n${index}\n${device}`)}`;
}

/** From a hash, in the form of a version 8 UUID (RFC 9562: made by the application). */
function hashedUuid(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  const groups = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return groups.join('-');
}

/** GPUs of a scenario. Its times count from the making of the provider. */
export class SimulatedProvider implements GpuProvider {
  readonly kind = 'simulated';
  readonly #scenario: Scenario;
  readonly #clock: Clock;
  readonly #limitMs: number;
  readonly #startMs: number;
  readonly #gpus: readonly SimulatedGpu[];
  #busy: ReadonlySet<string> = new Set();
  /** Ends the waits of a hanging driver. */
  readonly #waits = new Set<() => void>();

  constructor({ scenario, nodeId, limitMs }: SimulatedOptions, { clock }: { readonly clock: Clock }) {
    this.#scenario = scenario;
    this.#clock = clock;
    this.#limitMs = limitMs ?? DEFAULT_LIMIT_MS;
    this.#startMs = clock.monotonicMs();
    this.#gpus = scenario.gpus.map((gpu, index) => ({
      ...gpu,
      index,
      uuid: simulatedUuid(nodeId, index),
      mig: gpu.mig?.map((one, device) => ({ uuid: simulatedMigUuid(nodeId, index, device), ...one })) ?? null,
    }));
  }

  async inventory(): Promise<Inventory> {
    const answers = await this.#driverAnswers();
    const gpus = this.#gpus.map((gpu): DiscoveredGpu => ({
      uuid: gpu.uuid,
      index: gpu.index,
      model: gpu.model,
      memoryMib: gpu.memoryMib,
      simulated: true,
      nvlinkGroup: gpu.nvlinkGroup,
      mig: gpu.mig,
      pciBusId: `00000000:${(0x10 + gpu.index).toString(16).toUpperCase()}:00.0`,
      minor: null,
      ...(answers
        ? this.#healthOf(gpu)
        : { health: 'quarantined', healthMessage: `It cannot be read. ${this.#hung()}` }),
    }));
    return { gpus, driverVersion: 'SIMULATED', cudaVersion: 'SIMULATED', problem: answers ? '' : this.#hung() };
  }

  async telemetry(): Promise<readonly Telemetry[]> {
    if (!(await this.#driverAnswers())) return [];
    return this.#gpus.map((gpu) => this.#telemetryOf(gpu));
  }

  async checkClean(uuids: readonly string[]): Promise<Cleanliness> {
    if (!(await this.#driverAnswers())) return { state: 'unknown', message: this.#hung() };
    const gpus = uuids.map((uuid) => this.#gpus.find((gpu) => gpu.uuid === uuid));
    const dirty = gpus.filter((gpu) => gpu !== undefined).filter((gpu) => this.#has('dirty', gpu));
    if (dirty.length > 0) {
      const message = dirty.map(({ index }) => `GPU ${index}: ${DIRTY_MIB} MiB in use without a process`).join('; ');
      return { state: 'dirty', gpus: dirty.map(({ uuid }) => uuid), message: `${message} (simulated)` };
    }
    const silent = uuids.filter((_, position) => {
      const gpu = gpus[position];
      return gpu === undefined || this.#has('lost', gpu);
    });
    if (silent.length === 0) return { state: 'clean' };
    return { state: 'unknown', message: `no memory use is known of ${silent.join(', ')} (simulated)` };
  }

  reset(): Promise<ResetAnswer> {
    return Promise.resolve({ state: 'failed', message: 'GPUs that are not there cannot be reset' });
  }

  setBusy(uuids: ReadonlySet<string>): void {
    this.#busy = new Set(uuids);
  }

  close(): Promise<void> {
    for (const end of this.#waits) end();
    return Promise.resolve();
  }

  #healthOf(gpu: SimulatedGpu): Pick<DiscoveredGpu, 'health' | 'healthMessage'> {
    if (this.#has('lost', gpu))
      return { health: 'lost', healthMessage: 'The driver answers: GPU is lost (simulated).' };
    if (!this.#busy.has(gpu.uuid) && this.#has('dirty', gpu)) {
      const healthMessage = `In use by something, which is not Sluice's: ${DIRTY_MIB} MiB used (simulated).`;
      return { health: 'quarantined', healthMessage };
    }
    return { health: 'healthy', healthMessage: '' };
  }

  #telemetryOf(gpu: SimulatedGpu): Telemetry {
    if (this.#has('lost', gpu)) {
      const nothing = { utilizationRatio: null, memoryUsedMib: null, temperatureCelsius: null, powerWatts: null };
      return { uuid: gpu.uuid, ...nothing };
    }
    const busy = this.#busy.has(gpu.uuid);
    const load = this.#wander(
      gpu,
      'utilization',
      busy ? this.#scenario.busyUtilizationRatio : this.#scenario.idleUtilizationRatio,
    );
    const held = busy ? gpu.memoryMib * this.#wander(gpu, 'memory', BUSY_MEMORY_RATIO) : IDLE_MIB;
    const left = this.#has('dirty', gpu) ? DIRTY_MIB : 0;
    return {
      uuid: gpu.uuid,
      utilizationRatio: Math.round(load * 100) / 100,
      memoryUsedMib: Math.min(gpu.memoryMib, Math.round(held + left)),
      temperatureCelsius: Math.round(IDLE_CELSIUS + load * (FULL_CELSIUS - IDLE_CELSIUS)),
      powerWatts: Math.round((gpu.idleWatts + load * (gpu.fullWatts - gpu.idleWatts)) * 100) / 100,
    };
  }

  /** A value that wanders within a range, from one random point to the next. */
  #wander(gpu: SimulatedGpu, what: string, range: Range): number {
    const position = this.#elapsedMs() / STEP_MS;
    const step = Math.floor(position);
    const point = (index: number) => unitRandom(`${this.#scenario.seed}\n${gpu.uuid}\n${what}\n${index}`);
    const between = point(step) + (point(step + 1) - point(step)) * (position - step);
    return range.from + between * (range.to - range.from);
  }

  #has(kind: 'lost' | 'dirty', gpu: SimulatedGpu): boolean {
    return this.#scenario.events.some((event) => event.kind === kind && event.gpu === gpu.index && this.#isNow(event));
  }

  #isNow(event: ScenarioEvent): boolean {
    const sinceMs = this.#elapsedMs() - event.atMs;
    return sinceMs >= 0 && (event.forMs === null || sinceMs < event.forMs);
  }

  #elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#startMs;
  }

  /** @returns false when the driver hangs for longer than anybody waits for it */
  async #driverAnswers(): Promise<boolean> {
    const deadlineMs = this.#elapsedMs() + this.#limitMs;
    for (;;) {
      const hang = this.#scenario.events.find((event) => event.kind === 'hang' && this.#isNow(event));
      if (hang === undefined) return true;
      const leftMs = deadlineMs - this.#elapsedMs();
      if (leftMs <= 0) return false;
      const ended = await this.#wait(Math.min(leftMs, hang.atMs + (hang.forMs ?? 0) - this.#elapsedMs()));
      if (ended === 'closed') return false;
    }
  }

  #wait(delayMs: number): Promise<'over' | 'closed'> {
    return new Promise((resolve) => {
      const end = (how: 'over' | 'closed') => {
        timer.cancel();
        this.#waits.delete(close);
        resolve(how);
      };
      const close = () => end('closed');
      const timer = this.#clock.after(delayMs, () => end('over'));
      this.#waits.add(close);
    });
  }

  #hung(): string {
    return `${explainTimeout(this.#limitMs)} (simulated)`;
  }
}

/** A number from 0 to below 1 that follows from a text. */
function unitRandom(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0) / 2 ** 32;
}

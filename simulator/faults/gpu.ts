// The GPUs of one simulated machine, and what a driver tells of them: who uses them, memory that comes back late, GPUs that fall off
// the bus, and a driver that does not answer.
import type {
  Cleanliness,
  DiscoveredGpu,
  GpuProvider,
  Inventory,
  ResetAnswer,
  Telemetry,
} from '../../node-agent/gpu/provider.js';
import type { Random } from '../random.js';
import type { SimProcess } from './machine.js';
import type { SimTask } from './task.js';

/** How long the memory of a sound GPU takes to come back after its last process, in ms. */
export const USUAL_LAG_MS = 400;
/** How long a question to a driver that hangs takes, in ms. */
const ANSWER_LIMIT_MS = 10_000;

/** One GPU of a machine. */
export class SimGpu {
  readonly uuid: string;
  readonly index: number;
  readonly users = new Set<SimTask>();
  /** Its memory is not free before, whoever used it: true time. */
  dirtyUntilMs = 0;
  isLost = false;
  /** How long its memory takes to come back if that is more than usual, in ms. */
  lagMs = 0;

  constructor(uuid: string, index: number) {
    this.uuid = uuid;
    this.index = index;
  }

  /** Whether somebody's process or memory is on it. */
  isDirty(nowMs: number): boolean {
    return nowMs < this.dirtyUntilMs || [...this.users].some((task) => task.isAlive);
  }
}

/** The driver of a machine, as all its agents see it. */
export class SimDriver {
  readonly gpus: readonly SimGpu[];
  hangs = false;

  constructor(gpus: readonly SimGpu[]) {
    this.gpus = gpus;
  }
}

/** The GPUs as one agent asks for them. */
export class SimGpuProvider implements GpuProvider {
  readonly kind = 'simulated';
  readonly #driver: SimDriver;
  readonly #process: SimProcess;
  readonly #random: Random;

  constructor(driver: SimDriver, process: SimProcess, random: Random) {
    this.#driver = driver;
    this.#process = process;
    this.#random = random;
  }

  async inventory(): Promise<Inventory> {
    const answered = await this.#ask(20);
    return {
      gpus: this.#driver.gpus.map((gpu) => discovered(gpu, answered)),
      driverVersion: '1',
      cudaVersion: '1',
      problem: answered ? '' : 'nvidia-smi did not answer',
    };
  }

  telemetry(): Promise<readonly Telemetry[]> {
    return Promise.resolve([]);
  }

  async checkClean(uuids: readonly string[]): Promise<Cleanliness> {
    if (!(await this.#ask(80))) return { state: 'unknown', message: 'nvidia-smi did not answer' };
    const { nowMs } = this.#process.machine.timeline;
    const dirty = this.#driver.gpus.filter((gpu) => uuids.includes(gpu.uuid) && gpu.isDirty(nowMs));
    if (dirty.length === 0) return { state: 'clean' };
    return { state: 'dirty', gpus: dirty.map(({ uuid }) => uuid), message: 'memory is in use' };
  }

  reset(): Promise<ResetAnswer> {
    return Promise.resolve({ state: 'failed', message: 'GPUs that are not there cannot be reset' });
  }

  setBusy(): void {
    // Nobody else uses simulated GPUs.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** @returns whether the driver answered */
  async #ask(usualMs: number): Promise<boolean> {
    if (!this.#driver.hangs) await this.#process.delay(this.#random.between(1, usualMs), 'driver answers');
    if (!this.#driver.hangs) return true;
    await this.#process.delay(ANSWER_LIMIT_MS, 'driver hangs');
    return false;
  }
}

function discovered({ uuid, index, isLost }: SimGpu, answered: boolean): DiscoveredGpu {
  const health = isLost ? 'lost' : answered ? 'healthy' : 'quarantined';
  return {
    uuid,
    index,
    model: 'NVIDIA H100 80GB HBM3',
    memoryMib: 81_559,
    simulated: true,
    pciBusId: '',
    minor: null,
    health,
    healthMessage: health === 'lost' ? 'GPU is lost' : health === 'quarantined' ? 'it could not be read' : '',
    nvlinkGroup: null,
    mig: null,
  };
}

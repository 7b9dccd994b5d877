// The figures of GPUs from NVIDIA's management library, through a child that is kept: a question costs it a millisecond, where
// a run of nvidia-smi costs a tenth of a second of a core. One that does not answer in time is killed, and nvidia-smi is asked
// for a while instead.
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Clock } from '../../common/clock.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { NvmlAnswer } from './nvml-reader.js';
import type { Telemetry } from './provider.js';
import { isGpuUuid } from './smi-report.js';

const READER = path.join(PACKAGE_ROOT, 'dist/node-agent/gpu/nvml-reader.js');
/** How long nobody tries again after the library was missing or did not answer. */
export const NVML_REST_MS = 600_000;

/** How long the end of the child is waited for, in ms. */
const LET_GO_LIMIT_MS = 1_000;

export interface NvmlOptions {
  /** As the loader finds it. */
  readonly library: string;
  readonly limitMs: number;
  readonly environment: NodeJS.ProcessEnv;
}

/** One library of one machine. */
export class Nvml {
  readonly #options: NvmlOptions;
  readonly #clock: Clock;
  #child: ChildProcess | null = null;
  #waiting: ((answer: NvmlAnswer | null) => void) | null = null;
  #restUntilMs = 0;
  #isClosed = false;
  /** Why it does not answer; empty = it does, or was not asked. */
  trouble = '';

  constructor(options: NvmlOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** Figures of all GPUs that can be opened; null = ask nvidia-smi. One question at a time. */
  async read(): Promise<readonly Telemetry[] | null> {
    if (this.#isClosed || this.#waiting !== null || this.#clock.monotonicMs() < this.#restUntilMs) return null;
    const answer = await this.#ask();
    if (answer?.state === 'read') {
      this.trouble = '';
      return answer.gpus.filter(({ uuid }) => isGpuUuid(uuid));
    }
    this.trouble =
      answer === null ? `it did not answer within ${this.#options.limitMs / 1_000} s, or ended` : answer.why;
    this.#restUntilMs = this.#clock.monotonicMs() + NVML_REST_MS;
    this.#end();
    return null;
  }

  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  /** Lets go of the GPUs, which the library keeps open: the next question opens them again. Resolves once that is so. */
  async letGo(): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => void child.once('close', () => resolve()));
    this.#end();
    // One that is stuck in the driver does not go; the reset then says who holds the GPU.
    const limit = new Promise<void>((resolve) => void this.#clock.after(LET_GO_LIMIT_MS, resolve));
    await Promise.race([gone, limit]);
  }

  #ask(): Promise<NvmlAnswer | null> {
    return new Promise((resolve) => {
      const limit = this.#clock.after(this.#options.limitMs, () => this.#waiting?.(null));
      this.#waiting = (answer) => {
        limit.cancel();
        this.#waiting = null;
        resolve(answer);
      };
      this.#child ??= this.#start();
      this.#child.stdin?.write('\n');
    });
  }

  #start(): ChildProcess {
    const { library, environment } = this.#options;
    const child = spawn(process.execPath, [READER, library], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: environment,
      detached: true,
    });
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => this.#waiting?.(parse(line)));
    }
    // One that ended has said why, or nothing.
    child.stdin?.on('error', () => undefined);
    const gone = (): void => {
      if (this.#child !== child) return;
      this.#child = null;
      this.#waiting?.(null);
    };
    child.on('error', gone);
    child.on('close', gone);
    return child;
  }

  /** It may be stuck in the driver: nobody waits for its end. */
  #end(): void {
    const child = this.#child;
    this.#child = null;
    this.#waiting?.(null);
    child?.stdin?.end();
    child?.kill('SIGKILL');
    child?.unref();
  }
}

function parse(line: string): NvmlAnswer | null {
  try {
    return JSON.parse(line) as NvmlAnswer;
  } catch {
    // Something else was printed into it: no answer.
    return null;
  }
}

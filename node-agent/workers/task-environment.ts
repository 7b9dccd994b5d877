// What the node agent tells a program through its environment, and how a program answers: stop request, report file.
// Everything is optional, since the programs also run by hand. The built-in programs have no private line to the agent:
// a user's own program can do all of this.
import { appendFile, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { BadInput, isMissing } from './bad-input.js';

/** The GPUs this process may use, as far as its environment says. */
export type GpuGrant =
  | { readonly kind: 'none'; readonly why: string }
  | { readonly kind: 'real'; readonly why: string; readonly count: number };

/** What a user wants computed on: a GPU where one was granted, never a GPU, or nothing but a GPU. */
export type DeviceWish = 'auto' | 'cpu' | 'gpu';

/** The environment of one task, parsed. */
export interface TaskEnvironment {
  /** Where checkpoints go. */
  readonly checkpointDir: string | undefined;
  /** The complete checkpoint folder to resume from. */
  readonly resumeFrom: string | undefined;
  /** Appears before SIGTERM and says why. */
  readonly stopFile: string | undefined;
  /** JSON lines for the agent. */
  readonly reportFile: string | undefined;
  /** Number of tasks of the workload. */
  readonly tasks: number;
  readonly gpus: GpuGrant;
}

/** A file that exists on Linux where a driver for NVIDIA GPUs is loaded. */
const DRIVER_FILE = '/proc/driver/nvidia/version';

/** Reads the environment. @throws BadInput for a value that cannot be one of the agent's. */
export function readTaskEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  driverLoaded: () => boolean = () => existsSync(DRIVER_FILE),
): TaskEnvironment {
  const path = (name: string): string | undefined => env[name] || undefined;
  return {
    checkpointDir: path('SLUICE_CHECKPOINT_DIR'),
    resumeFrom: path('SLUICE_RESUME_FROM'),
    stopFile: path('SLUICE_STOP_FILE'),
    reportFile: path('SLUICE_REPORT_FILE'),
    tasks: readCount('SLUICE_TASKS', env['SLUICE_TASKS']),
    gpus: readGrant(env, driverLoaded),
  };
}

function readCount(name: string, text: string | undefined): number {
  if (text === undefined || text === '') return 1;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new BadInput(`${name}=${text}: expected a whole number of at least 1`);
  return Number(text);
}

function readGrant(env: Readonly<Record<string, string | undefined>>, driverLoaded: () => boolean): GpuGrant {
  const visible = env['CUDA_VISIBLE_DEVICES'];
  if (env['SLUICE_SIMULATED_GPUS'] === '1') return { kind: 'none', why: 'the granted GPUs are simulated' };
  if (visible === undefined) {
    // By hand: without the variable every GPU of the machine is visible, if there is one.
    return driverLoaded()
      ? { kind: 'real', why: 'CUDA_VISIBLE_DEVICES is not set and a GPU driver is loaded', count: 1 }
      : { kind: 'none', why: 'this machine has no GPU driver' };
  }
  const devices = visible.split(',').filter((device) => device.trim() !== '');
  if (devices.length === 0) return { kind: 'none', why: 'no GPU was granted' };
  return { kind: 'real', why: `CUDA_VISIBLE_DEVICES=${visible}`, count: devices.length };
}

/** A request to stop: which signal came, if one came yet. */
export interface StopListener {
  /** Aborts when the request comes. */
  readonly signal: AbortSignal;
  /** Resolves when the request comes. */
  readonly requested: Promise<void>;
  /** SIGTERM is the agent's (or any operator's) request, SIGINT a person's Ctrl-C. */
  cause(): 'SIGTERM' | 'SIGINT' | undefined;
}

/** Exit code of a program that a person stopped with Ctrl-C: 128 + SIGINT, as shells expect. */
export const EXIT_INTERRUPTED = 130;

/** From now on SIGTERM and SIGINT become a stop request. A second Ctrl-C ends the process at once. */
export function listenForStop(): StopListener {
  const controller = new AbortController();
  let cause: 'SIGTERM' | 'SIGINT' | undefined;
  process.on('SIGTERM', () => {
    cause ??= 'SIGTERM';
    controller.abort();
  });
  process.on('SIGINT', () => {
    if (cause === 'SIGINT') process.exit(EXIT_INTERRUPTED);
    cause ??= 'SIGINT';
    controller.abort();
  });
  const { signal } = controller;
  const requested = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  return { signal, requested, cause: () => cause };
}

/** One line that says why we were asked to stop, from the signal and the agent's stop file. */
export async function describeStop(stop: StopListener, stopFile: string | undefined): Promise<string> {
  const order = stopFile === undefined ? undefined : await readStopFile(stopFile);
  return `${stop.cause() ?? 'no signal'}${order === undefined ? '' : `, ${order}`}`;
}

async function readStopFile(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { reason, deadline } = JSON.parse(text) as { reason?: unknown; deadline?: unknown };
    return `reason ${String(reason)}, deadline ${String(deadline)}`;
  } catch {
    return `and an unreadable stop file ${file}`;
  }
}

/** Where a service can be reached. */
export interface EndpointReport {
  readonly type: 'endpoint';
  readonly name: string;
  readonly url: string;
}

/** Tells the agent something, as one line of JSON in the report file. Does nothing without a report file. */
export async function appendReport(reportFile: string | undefined, report: EndpointReport): Promise<void> {
  if (reportFile === undefined) return;
  await appendFile(reportFile, `${JSON.stringify(report)}\n`);
}

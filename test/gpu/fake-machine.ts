// A machine with fake GPUs: a folder for PATH that holds an `nvidia-smi`, and the state it answers from.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { PACKAGE_ROOT } from '../../common/package-root.js';

export interface FakeGpu {
  readonly uuid: string;
  readonly bus: string;
  readonly model: string;
  readonly memoryMib: number;
  readonly usedMib: number;
  readonly utilization: number;
  readonly celsius: number;
  readonly watts: number;
  readonly processes: readonly { readonly pid: number; readonly name: string; readonly usedMib: number | null }[];
  /** The driver answers "GPU is lost" for every figure. */
  readonly lost?: boolean;
  /** Its instances; absent = not in MIG mode. */
  readonly mig?: readonly { readonly uuid: string; readonly profile: string; readonly memoryMib: number }[];
  readonly recovery?: string;
  /** Something has it open that is no compute process. */
  readonly holdsOpen?: boolean;
  /** What a reset makes of it; absent = its recovery action is none any more. */
  readonly afterReset?: Partial<FakeGpu>;
  /** It cannot be opened: how the line calls it, `GPU1:` or `GPU`; then it is not in the report. */
  readonly noHandle?: string;
  /** Its UUID is an error text. */
  readonly hidesUuid?: boolean;
  /** Odd values instead of the figures, by csv field. */
  readonly csv?: Readonly<Record<string, string>>;
}

export interface FakeState {
  readonly driver: string;
  readonly cuda: string;
  readonly gpus: readonly FakeGpu[];
  readonly hang: 'none' | 'all' | 'csv' | 'xml' | 'topo' | 'reset';
  /** Who reaches whom over NVLink, by index; null = the topology cannot be told. */
  readonly nvlink: readonly (readonly number[])[] | null;
  /** Printed instead of an answer. */
  readonly stdout: string | null;
  readonly stdoutFile: string | null;
  readonly stderr: string;
  readonly exitCode: number;
  readonly stopsAtFirstError: boolean;
}

export interface Call {
  readonly pid: number;
  readonly args: readonly string[];
}

/** A healthy, idle GPU. */
export function fakeGpu(index: number, change: Partial<FakeGpu> = {}): FakeGpu {
  const hex = index.toString(16).padStart(2, '0');
  return {
    uuid: `GPU-5a1e0000-0000-4000-8000-0000000000${hex}`,
    bus: `00000000:${(0x20 + index).toString(16).toUpperCase()}:00.0`,
    model: 'NVIDIA H100 80GB HBM3',
    memoryMib: 81_559,
    usedMib: 4,
    utilization: 0,
    celsius: 33,
    watts: 71.5,
    processes: [],
    ...change,
  };
}

export class FakeMachine {
  readonly folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-gpu-'));
  /** For `NvidiaSmiOptions.searchPath`. */
  readonly searchPath = path.join(this.folder, 'bin');
  readonly lockFolder = path.join(this.folder, 'locks');
  readonly #stateFile = path.join(this.folder, 'state.json');
  readonly #callsFile = path.join(this.folder, 'calls');
  #state: FakeState = {
    driver: '575.57.08',
    cuda: '12.9',
    gpus: [],
    hang: 'none',
    nvlink: null,
    stdout: null,
    stdoutFile: null,
    stderr: '',
    exitCode: 0,
    stopsAtFirstError: false,
  };

  constructor(...gpus: readonly FakeGpu[]) {
    mkdirSync(this.searchPath);
    const script = path.join(PACKAGE_ROOT, 'test/gpu/fake-nvidia-smi.mjs');
    this.writeProgram(`#!/bin/sh\nexec '${process.execPath}' '${script}' '${this.#stateFile}' "$@"\n`);
    writeFileSync(this.#callsFile, '');
    this.set({ gpus });
  }

  /** Puts another program in the place of nvidia-smi. */
  writeProgram(text: string): void {
    writeFileSync(path.join(this.searchPath, 'nvidia-smi'), text);
    chmodSync(path.join(this.searchPath, 'nvidia-smi'), 0o755);
  }

  removeProgram(): void {
    rmSync(path.join(this.searchPath, 'nvidia-smi'));
  }

  set(change: Partial<FakeState>): void {
    this.#state = { ...this.#state, ...change };
    writeFileSync(this.#stateFile, JSON.stringify({ ...this.#state, callsFile: this.#callsFile }));
  }

  /** Changes one GPU. */
  change(index: number, change: Partial<FakeGpu>): void {
    this.set({ gpus: this.#state.gpus.map((gpu, each) => (each === index ? { ...gpu, ...change } : gpu)) });
  }

  uuid(index: number): string {
    const gpu = this.#state.gpus[index];
    if (gpu === undefined) throw new Error(`this machine has no GPU ${index}`);
    return gpu.uuid;
  }

  /** Every run of nvidia-smi so far, and what a hanging one started. */
  calls(): readonly Call[] {
    const lines = readFileSync(this.#callsFile, 'utf8').split('\n').filter(Boolean);
    return lines.map((line) => JSON.parse(line) as Call);
  }

  /** Those of `calls` that still live; a zombie does not. */
  living(): readonly Call[] {
    return this.calls().filter(({ pid }) => processLives(pid));
  }

  remove(): void {
    for (const { pid } of this.living()) process.kill(pid, 'SIGKILL');
    rmSync(this.folder, { recursive: true });
  }
}

export function processLives(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3));
}

/** Waits for something that another process does. */
export async function eventually(what: string, holds: () => boolean, limitMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`did not happen within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

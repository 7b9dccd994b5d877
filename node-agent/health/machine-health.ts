// The health of the machine that the agent really runs on: its kernel log, its files, its hooks, from the agent's flags.
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../common/clock.js';
import type { Logger } from '../../common/log.js';
import { whyUnusable } from '../../common/why-unusable.js';
import { BOOT_ID } from '../runtime/process-identity.js';
import { AgentHealth } from './agent-health.js';
import { healthFile } from './health-file.js';
import { HealthWatch } from './health-watch.js';
import { type HookOptions, Hooks } from './hooks.js';
import { type KernelLog, openKernelLog } from './kernel-log.js';

export interface MachineHealthOptions {
  readonly node: string;
  readonly stateDir: string;
  readonly hooks: HookOptions;
  /** Whether GPUs of NVIDIA are here, of which the kernel log may tell. */
  readonly readsKernelLog: boolean;
}

/** @throws Error in words when a hook is no program that can be run */
export function machineHealth(
  { node, stateDir, hooks, readsKernelLog }: MachineHealthOptions,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): AgentHealth {
  for (const hook of [hooks.prolog, hooks.epilog, hooks.healthCheck]) if (hook !== undefined) checkRunnable(hook.file);
  const watch = new HealthWatch({
    clock,
    log,
    bootId: BOOT_ID,
    kernelMs: () => Number(process.hrtime.bigint()) / 1e6,
    file: healthFile(stateDir),
    kernelLog: readsKernelLog ? kernelLogOrNone(log) : null,
  });
  return new AgentHealth(watch, new Hooks(hooks, { node, folder: path.join(stateDir, 'hooks') }, { clock, log }), {
    clock,
    log,
  });
}

function checkRunnable(file: string): void {
  const why = whyNotRunnable(file);
  if (why !== null) throw new Error(`the hook ${file} cannot be run: ${why}`);
}

function whyNotRunnable(file: string): string | null {
  try {
    if (!statSync(file).isFile()) return 'it is no file';
    accessSync(file, constants.X_OK);
    return null;
  } catch (error) {
    const isClosed = (error as NodeJS.ErrnoException).code === 'EACCES';
    return isClosed ? `it is not executable\nMake it so: chmod +x ${file}` : whyUnusable(error);
  }
}

function kernelLogOrNone(log: Logger): KernelLog | null {
  try {
    return openKernelLog();
  } catch (error) {
    log.warn(
      { why: (error as Error).message },
      'the kernel log cannot be read, so Xids are not seen: run the agent as root or with CAP_SYSLOG',
    );
    return null;
  }
}

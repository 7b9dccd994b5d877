// What the kernel holds a task to, in a control group of version 2: CPU by weight, memory by a limit. CPU that nobody uses
// is anybody's, so the share a task asked for is kept for it only when others want it too; memory cannot be taken back
// like that. What the files mean: https://docs.kernel.org/admin-guide/cgroup-v2.html, "cpu.weight" and "memory.max".
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What a task asked for; 0 = nothing is set aside. */
export interface CpuAndMemory {
  /** Thousandths of a core. */
  readonly cpuMilli: number;
  readonly memoryMib: number;
}

/** The kernel's bounds of a weight; its default, 100, stands for one core, and for a task that asked for none. */
const MIN_WEIGHT = 1;
const MAX_WEIGHT = 10_000;
const WEIGHT_OF_CORE = 100;

/** The controllers that are needed. */
const CONTROLLERS = ['cpu', 'memory'] as const;

/**
 * Lets groups below `folder` be limited: turns the controllers on in it. Refused by the kernel while a process is in it,
 * unless it is the root of the machine, and without the right to.
 * @returns whether they are on
 */
export function enableControllers(folder: string): boolean {
  try {
    const wanted = CONTROLLERS.map((name) => `+${name}`).join(' ');
    writeFileSync(path.join(folder, 'cgroup.subtree_control'), wanted, { flag: 'r+' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return false;
  }
}

/** Whether what `applyLimits` writes is there. */
export function canLimit(group: string): boolean {
  return existsSync(path.join(group, 'cpu.weight')) && existsSync(path.join(group, 'memory.max'));
}

/** Holds a group to what its task asked for. @throws the system's error */
export function applyLimits(group: string, { cpuMilli, memoryMib }: CpuAndMemory): void {
  const set = (file: string, value: number) => writeFileSync(path.join(group, file), String(value), { flag: 'r+' });
  if (cpuMilli > 0) set('cpu.weight', cpuWeight(cpuMilli));
  if (memoryMib === 0) return;
  set('memory.max', memoryMib * 1024 * 1024);
  // One process killed out of several leaves a task that hangs; all of it ends, with a reason. Linux 4.19 and later.
  if (existsSync(path.join(group, 'memory.oom.group'))) set('memory.oom.group', 1);
}

/** The weight of so much CPU, in proportion to one core. */
export function cpuWeight(cpuMilli: number): number {
  return Math.min(MAX_WEIGHT, Math.max(MIN_WEIGHT, Math.round((cpuMilli * WEIGHT_OF_CORE) / 1_000)));
}

/** Whether the kernel killed something in a group because its memory was used up. */
export function ranOutOfMemory(group: string): boolean {
  try {
    const events = readFileSync(path.join(group, 'memory.events'), 'utf8');
    return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0) > 0;
  } catch (error) {
    // No such controller, or the group is gone: then nobody knows, and nothing is claimed.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return false;
  }
}

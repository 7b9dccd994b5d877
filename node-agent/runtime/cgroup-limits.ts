// What the kernel holds a task to, in control groups: CPU by weight, memory, processors, number of processes. CPU that
// nobody uses is anybody's, so the share a task asked for is kept for it only when others want it too; memory cannot be
// taken back like that. Each limit has the files of version 2 and of version 1.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { CapabilityGrant } from '../gpu/mig-capabilities.js';
import { type Controller, inheritCpuset } from './cgroup-controllers.js';

/** What a task is held to; 0 or absent = not. */
export interface TaskLimits {
  /** Thousandths of a core. */
  readonly cpuMilli: number;
  readonly memoryMib: number;
  /** Processes and threads at once. */
  readonly processes?: number;
  /** The processors it may run on, as the kernel writes them: `0-31,64-95`. */
  readonly cpus?: string;
  /** The device files /dev/nvidiaN of GPUs that it may open; every other one is shut. Absent = all are open. */
  readonly gpuMinors?: readonly number[];
  /** The capability devices of MIG instances; absent = there are none here, or all are open. */
  readonly capabilities?: CapabilityGrant;
}

/** One group of a task: in version 2 there is one for everything, in version 1 one a controller. */
export interface LimitGroup {
  readonly version: 1 | 2;
  readonly path: string;
}

/** The groups a task's limits are written to. */
export type LimitGroups = Readonly<Partial<Record<Controller, LimitGroup>>>;

/** The kernel's bounds of a weight; its default, 100, stands for one core, and for a task that asked for none. */
const MIN_WEIGHT = 1;
const MAX_WEIGHT = 10_000;
const WEIGHT_OF_CORE = 100;
/** The same in version 1, which has shares, with a default of 1,024 and these bounds. */
const SHARES_OF_CORE = 1_024;
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** What is charged in batches may fall short of a limit by some pages. */
const FULL = 0.95;

const BYTES_PER_MIB = 1024 * 1024;

/** Which controllers these limits need. */
export function controllersFor(limits: TaskLimits): readonly Controller[] {
  const needed: [Controller, boolean][] = [
    ['cpu', limits.cpuMilli > 0],
    ['memory', limits.memoryMib > 0],
    ['cpuset', (limits.cpus ?? '') !== ''],
    ['pids', (limits.processes ?? 0) > 0],
    ['devices', limits.gpuMinors !== undefined],
  ];
  return needed.filter(([, isNeeded]) => isNeeded).map(([controller]) => controller);
}

/** Writes what holds from a task's first instruction on: all but its memory. @throws the system's error */
export function limitBeforeStart(groups: LimitGroups, limits: TaskLimits): void {
  const { cpu, cpuset, pids } = groups;
  const { cpuMilli, cpus = '', processes = 0 } = limits;
  if (cpu !== undefined && cpuMilli > 0) {
    if (cpu.version === 2) set(cpu, 'cpu.weight', cpuWeight(cpuMilli));
    else set(cpu, 'cpu.shares', cpuShares(cpuMilli));
  }
  if (cpuset !== undefined && cpus !== '') {
    set(cpuset, 'cpuset.cpus', cpus);
    // It needs memory too before anybody may enter.
    if (cpuset.version === 1) inheritCpuset(cpuset.path);
  }
  if (pids !== undefined && processes > 0) set(pids, 'pids.max', processes);
}

/**
 * Limits the memory of a task that was just started. Not before: whoever starts it is inside its group for that moment,
 * and is far larger than a small task's limit. @throws the system's error
 */
export function limitMemory({ memory }: LimitGroups, { memoryMib }: TaskLimits): void {
  if (memory === undefined || memoryMib === 0) return;
  const bytes = memoryMib * BYTES_PER_MIB;
  if (memory.version === 1) {
    set(memory, 'memory.limit_in_bytes', bytes);
    // With swap, where the kernel counts that: memory that is swapped out is still too much of it.
    setIfThere(memory, 'memory.memsw.limit_in_bytes', bytes);
    return;
  }
  // One process killed out of several leaves a task that hangs; all of it ends, with a reason. Linux 4.19 and later.
  setIfThere(memory, 'memory.oom.group', 1);
  setIfThere(memory, 'memory.swap.max', 0);
  set(memory, 'memory.max', bytes);
}

/** The weight of so much CPU, in proportion to one core. */
export function cpuWeight(cpuMilli: number): number {
  return Math.min(MAX_WEIGHT, Math.max(MIN_WEIGHT, Math.round((cpuMilli * WEIGHT_OF_CORE) / 1_000)));
}

/** The same for version 1. */
export function cpuShares(cpuMilli: number): number {
  return Math.min(MAX_SHARES, Math.max(MIN_SHARES, Math.round((cpuMilli * SHARES_OF_CORE) / 1_000)));
}

/** Why the kernel killed processes of a group for want of memory; null = it did not, or nobody can know. */
export type OutOfMemory = 'limit' | 'node' | null;

/** Whether something in a group was killed because its own memory was used up, or that of the whole machine. */
export function outOfMemory({ version, path: group }: LimitGroup): OutOfMemory {
  if (counter(group, version === 2 ? 'memory.events' : 'memory.oom_control', 'oom_kill') === 0) return null;
  return reachedLimit({ version, path: group }) ? 'limit' : 'node';
}

/** Whether a group ever filled what it may have. */
function reachedLimit({ version, path: group }: LimitGroup): boolean {
  if (version === 2) return counter(group, 'memory.events', 'max') > 0;
  // Its counter of refusals, memory.failcnt, stays 0 in newer kernels (seen in 6.18).
  const limit = counter(group, 'memory.limit_in_bytes', '');
  return limit > 0 && counter(group, 'memory.max_usage_in_bytes', '') >= limit * FULL;
}

/** How often a group was refused another process. */
export function refusedForks({ path: group }: LimitGroup): number {
  return counter(group, 'pids.events', 'max');
}

/** A number of a control file, by the word before it; an empty word = the file is the number. 0 when it is not there. */
function counter(group: string, file: string, word: string): number {
  try {
    const text = readFileSync(path.join(group, file), 'utf8');
    const found = word === '' ? text.trim() : new RegExp(`^${word} (\\d+)$`, 'm').exec(text)?.[1];
    return Number(found ?? 0);
  } catch (error) {
    // No such controller, or the group is gone: then nobody knows, and nothing is claimed.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return 0;
  }
}

/** Without O_CREAT: a file that is not there is not made up, since it would limit nothing. */
function set(group: LimitGroup, file: string, value: number | string): void {
  writeFileSync(path.join(group.path, file), String(value), { flag: 'r+' });
}

function setIfThere(group: LimitGroup, file: string, value: number): void {
  if (existsSync(path.join(group.path, file))) set(group, file, value);
}

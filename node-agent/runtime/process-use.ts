// CPU time and memory of all processes of a task: from its control groups where they count that, else from each process.
// What the files mean: https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/ and proc(5).
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ProcessUse } from '../metrics/task-use.js';
import { pidsInCgroup } from './cgroup.js';
import type { LimitGroups } from './cgroup-limits.js';
import { readProcFile } from './process-identity.js';
import { processesOf, type TaskTree } from './process-tree.js';

/** How often processes are looked for all over the machine at most, in ms: it reads a file of each. */
const SEARCH_MS = 60_000;
/** At most one part in so many of the time goes into that search. */
const PART_OF_TIME = 20;
/** What the kernel counts the time of a process in, on every machine that it shows to programs. */
const TICKS_PER_SECOND = 100;
const MIB_BYTES = 2 ** 20;
const MIB_KB = 2 ** 10;

/** Looks at one task. */
export class ProcessMeter {
  readonly #tree: TaskTree;
  readonly #groups: LimitGroups;
  #nextSearchMs = 0;

  constructor(tree: TaskTree, groups: LimitGroups) {
    this.#tree = tree;
    this.#groups = groups;
  }

  /** Cost: some small files; without a group one search through /proc a minute. @returns null = it is not time to look again */
  look(): ProcessUse | null {
    const cpuMs = this.#groupCpuMs();
    const memoryMib = this.#groupMemoryMib();
    if (cpuMs !== null && memoryMib !== null) return { cpuMs, memoryMib };
    const each = this.#processes();
    const found = { cpuMs: cpuMs ?? each?.cpuMs ?? null, memoryMib: memoryMib ?? each?.memoryMib ?? null };
    return found.cpuMs === null && found.memoryMib === null ? null : found;
  }

  #groupCpuMs(): number | null {
    const { cgroup } = this.#tree;
    const micros = cgroup === null ? null : numberOf(path.join(cgroup, 'cpu.stat'), 'usage_usec');
    if (micros !== null) return micros / 1_000;
    const { cpu } = this.#groups;
    // Where the tree counts as well as limits, as it does on every common distribution.
    const nanos = cpu?.version === 1 ? numberOf(path.join(cpu.path, 'cpuacct.usage'), '') : null;
    return nanos === null ? null : nanos / 1e6;
  }

  /** Without files that were read and are not in use: the kernel drops those as soon as anybody needs the room. */
  #groupMemoryMib(): number | null {
    const { memory } = this.#groups;
    if (memory === undefined) return null;
    const [used, cache] = memory.version === 2 ? MEMORY_FILES.v2 : MEMORY_FILES.v1;
    const bytes = numberOf(path.join(memory.path, used), '');
    if (bytes === null) return null;
    return Math.max(0, bytes - (numberOf(path.join(memory.path, 'memory.stat'), cache) ?? 0)) / MIB_BYTES;
  }

  #processes(): ProcessUse | null {
    const startMs = performance.now();
    if (this.#tree.cgroup !== null) return sumOf(pidsInCgroup(this.#tree.cgroup));
    if (startMs < this.#nextSearchMs) return null;
    const found = sumOf(processesOf(this.#tree).map(({ pid }) => pid));
    const endMs = performance.now();
    this.#nextSearchMs = endMs + Math.max(SEARCH_MS, (endMs - startMs) * PART_OF_TIME);
    return found;
  }
}

const MEMORY_FILES = {
  v2: ['memory.current', 'inactive_file'],
  v1: ['memory.usage_in_bytes', 'total_inactive_file'],
} as const;

/** Pages that processes share count with each: rather too much than too little, since less is advised by it. */
function sumOf(pids: readonly number[]): ProcessUse | null {
  let cpuTicks = 0;
  let residentKb = 0;
  let found = false;
  for (const pid of pids) {
    const stat = readProcFile(pid, 'stat');
    if (stat === null) continue;
    found = true;
    // From the state on, which is field 3: the time of its own (14, 15) and of children that it waited for (16, 17).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    cpuTicks += fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0);
    residentKb += Number(/^VmRSS:\s+(\d+) kB$/m.exec(readProcFile(pid, 'status') ?? '')?.[1] ?? 0);
  }
  return found ? { cpuMs: (cpuTicks * 1_000) / TICKS_PER_SECOND, memoryMib: residentKb / MIB_KB } : null;
}

/** A number of a file, by the word before it; an empty word = the file is the number. Null when it is not there. */
function numberOf(file: string, word: string): number | null {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    // No such controller, or the group is gone.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return null;
  }
  const found = word === '' ? text.trim() : new RegExp(`^${word} (\\d+)$`, 'm').exec(text)?.[1];
  return found === undefined || found === '' ? null : Number(found);
}

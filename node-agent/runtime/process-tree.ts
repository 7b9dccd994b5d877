// Everything a task ever forked: found, signalled, ended. By its control group where it has one; else by process group,
// session, descent, and by the variable SLUICE_ALLOCATION_ID that every descendant inherits, so that double-forked,
// setsid and TERM-ignoring processes are found too.
import { readdirSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { killCgroup, pidsInCgroup } from './cgroup.js';
import { BOOT_ID, isLive, type ProcessIdentity, type ProcessStat, readProcFile, readStat } from './process-identity.js';

/** What is known of a task's processes. */
export interface TaskTree {
  readonly allocation: string;
  /** The main process, which leads its own session. */
  readonly root: ProcessIdentity | null;
  /** Its control group; null = it has none. */
  readonly cgroup: string | null;
}

/** Pauses between looks at what is left, in ms; the last one repeats. */
const LOOK_PAUSES_MS = [1, 2, 5, 10, 20, 50, 100];

/** All live processes of a task. Cost: one file with a control group, else one or two files a process of our user. */
export function processesOf(tree: TaskTree): readonly ProcessIdentity[] {
  const members = tree.cgroup === null ? searchProc(tree) : pidsInCgroup(tree.cgroup).map(readStat);
  return members
    .filter((stat) => stat !== null && isLive(stat))
    .map((stat) => ({ pid: (stat as ProcessStat).pid, startTime: (stat as ProcessStat).startTime, bootId: BOOT_ID }));
}

/** Sends a signal once to every process of a task. */
export function signalTree(tree: TaskTree, signal: NodeJS.Signals): void {
  for (const { pid } of processesOf(tree)) signalProcess(pid, signal);
}

/**
 * Kills until nothing is left or `limitMs` is over.
 * @returns what is left: processes that the kernel cannot end now (uninterruptible sleep). Empty = all gone.
 */
export async function endTree(tree: TaskTree, limitMs: number): Promise<readonly ProcessIdentity[]> {
  const endMs = performance.now() + limitMs;
  // A look through /proc is not atomic: a fork may slip past one. What was empty from the start has nobody to fork.
  const emptyLooksNeeded = tree.cgroup === null ? 2 : 1;
  let emptyLooks = 0;
  for (let round = 0; ; round += 1) {
    const left = processesOf(tree);
    if (left.length === 0) {
      emptyLooks += 1;
      if (round === 0 || emptyLooks === emptyLooksNeeded) return [];
    } else {
      emptyLooks = 0;
      if (performance.now() > endMs) return left;
      if (tree.cgroup !== null) killCgroup(tree.cgroup);
      else for (const { pid } of left) signalProcess(pid, 'SIGKILL');
    }
    await delay(LOOK_PAUSES_MS[Math.min(round, LOOK_PAUSES_MS.length - 1)]);
  }
}

function searchProc(tree: TaskTree): ProcessStat[] {
  const mine = ownProcesses();
  const root = tree.root === null ? undefined : mine.find(({ pid }) => pid === tree.root?.pid);
  const rootStands = root !== undefined && root.startTime === tree.root?.startTime && tree.root.bootId === BOOT_ID;
  const marker = `SLUICE_ALLOCATION_ID=${tree.allocation}\0`;
  const members = new Set<number>();
  for (const stat of mine) {
    // Group and session numbers are pids: they mean the task only while its root, even dead, still holds that pid.
    const byRoot = rootStands && (stat.group === root.pid || stat.session === root.pid);
    if (byRoot || carries(stat.pid, marker)) members.add(stat.pid);
  }
  for (let grown = true; grown;) {
    grown = false;
    for (const { pid, parent } of mine) {
      if (members.has(pid) || !members.has(parent)) continue;
      members.add(pid);
      grown = true;
    }
  }
  return mine.filter(({ pid }) => members.has(pid));
}

/** All processes of our own user but this one. */
function ownProcesses(): ProcessStat[] {
  const uid = process.geteuid?.();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && ownerOf(name) === uid)
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== null);
}

function ownerOf(pid: string): number | undefined {
  return statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
}

function carries(pid: number, marker: string): boolean {
  const environ = readProcFile(pid, 'environ');
  return environ !== null && (environ.startsWith(marker) || environ.includes(`\0${marker}`));
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Gone already; or it took another user's identity, which no signal of ours reaches.
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

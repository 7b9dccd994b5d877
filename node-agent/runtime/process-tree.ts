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
  /** The number of the user it runs as; absent = our own. */
  readonly uid?: number;
}

/** Pauses between looks at what is left, in ms; the last one repeats. */
const LOOK_PAUSES_MS = [1, 2, 5, 10, 20, 50, 100];

/**
 * All live processes of a task. Cost: one file with a control group, else one file a process of the
 * machine and another one for each that is younger than the task.
 */
export function processesOf(tree: TaskTree): readonly ProcessIdentity[] {
  const members = tree.cgroup === null ? searchProc(tree) : pidsInCgroup(tree.cgroup).map(readStat);
  return members
    .filter((stat) => stat !== null)
    .filter(isLive)
    .map(({ pid, startTime }) => ({ pid, startTime, bootId: BOOT_ID }));
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
  const others = youngerThan(tree.root);
  const root = others.find(({ pid, startTime }) => pid === tree.root?.pid && startTime === tree.root.startTime);
  const marker = `SLUICE_ALLOCATION_ID=${tree.allocation}\0`;
  const members = new Set<number>();
  for (const stat of others) {
    // Group and session numbers are pids: they mean the task only while its root, even dead, still holds that pid.
    const byRoot = root !== undefined && (stat.group === root.pid || stat.session === root.pid);
    if (byRoot || carries(stat.pid, marker, tree.uid ?? process.geteuid?.())) members.add(stat.pid);
  }
  for (let grown = true; grown;) {
    grown = false;
    for (const { pid, parent } of others) {
      if (members.has(pid) || !members.has(parent)) continue;
      members.add(pid);
      grown = true;
    }
  }
  return others.filter(({ pid }) => members.has(pid));
}

/** All processes but this one that began with or after the root; all there are when there is none of this boot. */
function youngerThan(root: ProcessIdentity | null): ProcessStat[] {
  const earliest = root?.bootId === BOOT_ID ? Number(root.startTime) : 0;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== null)
    .filter(({ startTime }) => Number(startTime) >= earliest);
}

/** Only processes of the task's user are asked: another's environment is not ours to read, even where we could. */
function carries(pid: number, marker: string, uid: number | undefined): boolean {
  if (statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid !== uid) return false;
  const environ = readProcFile(pid, 'environ');
  return environ !== null && (environ.startsWith(marker) || environ.includes(`\0${marker}`));
}

/** Sends a signal to one process, if it is there and ours to signal. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Gone already; or it took another user's identity, which no signal of ours reaches.
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

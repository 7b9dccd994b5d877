// A control group per task, where this machine lets us make one: the kernel then knows everything a task ever forked,
// and ends it in one go. Version 2 (cgroup.kill, else cgroup.freeze) or the freezer of version 1. For that plain folders
// are enough: as root, or in a systemd unit with Delegate=yes. Limits of CPU and memory need controllers of version 2,
// which the kernel gives only to groups whose parent holds no process: a unit with DelegateSubgroup= as well.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { InvariantViolation } from '../../common/assert.js';
import { canLimit, enableControllers } from './cgroup-limits.js';

/** Where the groups of tasks go. */
export interface CgroupHome {
  /** The group this process is in. */
  readonly own: string;
  /** The folder in which every task gets a group. */
  readonly tasks: string;
  /** Whether CPU and memory of a task can be limited there. */
  readonly limits: boolean;
}

type Candidate = Omit<CgroupHome, 'limits'>;

/** How long a version 1 freezer may take to stop everything before it is killed unfrozen. */
const FREEZE_TRIES = 200;

/**
 * Finds a hierarchy in which this process may make groups, move into one and back; null when there is none.
 * Tried for real, since permissions alone do not tell.
 */
export function findCgroupHome(): CgroupHome | null {
  for (const candidate of candidates()) {
    const home = tryHome(candidate);
    if (home !== null) return home;
  }
  return null;
}

/** Makes the group of one task. @throws the system's error */
export function makeCgroup(home: CgroupHome, name: string): string {
  const group = path.join(home.tasks, name);
  mkdirSync(group);
  return group;
}

/**
 * Calls `start` while this process is inside the group, so that what it forks is in there from its first instruction.
 * A move costs about 0.1 ms; a wrapper program that enters by itself would cost ten times that.
 */
export function insideCgroup<T>(home: Candidate, group: string, start: () => T): T {
  enter(group);
  try {
    return start();
  } finally {
    goHome(home);
  }
}

function goHome(home: Candidate): void {
  try {
    enter(home.own);
  } catch (error) {
    // Staying would mean to be killed as a part of the task, at some later time.
    throw new InvariantViolation('the supervisor is in no task', `${home.own} cannot be entered: ${String(error)}`);
  }
}

/** The pids in a group; empty when the group is gone. */
export function pidsInCgroup(group: string): number[] {
  const text = readIfThere(path.join(group, 'cgroup.procs')) ?? '';
  return text.split('\n').filter(Boolean).map(Number);
}

/** Sends SIGKILL to everything in a group, so that nothing can fork its way out. Nothing is waited for. */
export function killCgroup(group: string): void {
  if (writeIfThere(path.join(group, 'cgroup.kill'), '1')) return;
  const v1 = path.join(group, 'freezer.state');
  const [file, freeze, thaw] = existsSync(v1)
    ? [v1, 'FROZEN', 'THAWED']
    : [path.join(group, 'cgroup.freeze'), '1', '0'];
  const frozen = () =>
    file === v1 ? readIfThere(v1)?.trim() === 'FROZEN' : /frozen 1/.test(readIfThere(`${group}/cgroup.events`) ?? '');
  writeIfThere(file, freeze);
  for (let tries = 0; tries < FREEZE_TRIES && existsSync(group) && !frozen(); tries += 1) writeIfThere(file, freeze);
  for (const pid of pidsInCgroup(group)) killQuietly(pid);
  writeIfThere(file, thaw);
}

/** Removes an empty group. @returns false when something is still in it, or half dead: try later */
export function removeCgroup(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    if (codeOf(error) === 'EBUSY' || codeOf(error) === 'ENOTEMPTY') return false;
    throw error;
  }
}

function candidates(): Candidate[] {
  const memberships = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n').map(parseMount);
  const find = (type: string, option: string, membership: RegExp) => {
    const mount = mounts.find((one) => one.type === type && one.options.includes(option));
    const own = memberships.map((line) => membership.exec(line)?.[1]).find((found) => found !== undefined);
    if (mount === undefined || own === undefined) return [];
    // In a container the mount may show only a part of the hierarchy.
    const folder = path.join(mount.at, path.relative(mount.root, own));
    if (!existsSync(folder)) return [];
    const parent = path.dirname(folder);
    // DelegateSubgroup= puts the processes of a unit below it, so that the unit's own group is free for controllers. Any
    // other group above ours is not ours to change.
    const isUnit = type === 'cgroup2' && parent.endsWith('.service');
    return [...(isUnit ? [parent] : []), folder].map((above) => ({ own: folder, tasks: path.join(above, 'sluice') }));
  };
  return [
    ...find('cgroup2', '', /^0::(.*)$/),
    ...find('cgroup', 'freezer', /^\d+:(?:[^:]*,)?freezer(?:,[^:]*)?:(.*)$/),
  ];
}

function parseMount(line: string): { root: string; at: string; type: string; options: string[] } {
  const [before = '', after = ''] = line.split(' - ');
  const fields = before.split(' ');
  const [type = '', , superOptions = ''] = after.split(' ');
  return { root: fields[3] ?? '/', at: fields[4] ?? '', type, options: ['', ...superOptions.split(',')] };
}

/** @returns null when groups cannot be used there */
function tryHome(home: Candidate): CgroupHome | null {
  const probe = path.join(home.tasks, `probe-${process.pid}`);
  try {
    mkdirSync(home.tasks, { recursive: true });
    if (enableControllers(path.dirname(home.tasks))) enableControllers(home.tasks);
    mkdirSync(probe);
    const limits = canLimit(probe);
    insideCgroup(home, probe, () => undefined);
    rmdirSync(probe);
    return { ...home, limits };
  } catch (error) {
    // Not allowed, read-only, or a hierarchy with rules of its own: any refusal means "not here".
    if (codeOf(error) === undefined && !(error instanceof InvariantViolation)) throw error;
    return null;
  }
}

function enter(group: string): void {
  writeFileSync(path.join(group, 'cgroup.procs'), String(process.pid));
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

function readIfThere(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

function writeIfThere(file: string, text: string): boolean {
  try {
    // Without O_CREAT: a missing control file must not look like a written one.
    writeFileSync(file, text, { flag: 'r+' });
    return true;
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENODEV';
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

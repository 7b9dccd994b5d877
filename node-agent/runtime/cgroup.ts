// Control groups for tasks, where this machine lets us make them: the kernel then knows everything a task ever forked, ends
// it in one go, and holds it to limits. The group that knows a task's processes is of version 2 (cgroup.kill, else
// cgroup.freeze) or of the freezer of version 1; for that plain folders are enough: as root, or in a systemd unit with
// Delegate=yes. Limits need controllers: of version 2, which the kernel gives only to groups whose parent holds no process (a
// unit with DelegateSubgroup= as well), or of version 1, each in a tree of its own, which takes root.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { InvariantViolation } from '../../common/assert.js';
import {
  type Controller,
  type ControllerHome,
  CONTROLLERS,
  type Controllers,
  controllersOf,
  enableControllers,
  inheritCpuset,
} from './cgroup-controllers.js';
import { controllersFor, type LimitGroups, limitBeforeStart, type TaskLimits } from './cgroup-limits.js';
import { filterDevices } from './device-filter.js';

/** Where the groups of tasks go. */
export interface CgroupHome extends ControllerHome {
  /** Where each limit is. */
  readonly controllers: Controllers;
  /** Whether GPUs can be shut by a filter of version 2; why not, in words, otherwise. */
  readonly deviceFilter: true | string;
}

/** The control groups of one task. */
export interface TaskGroup {
  /** Where the one who uses it comes from and goes back to. */
  readonly home: CgroupHome;
  /** The group that knows all processes of the task. */
  readonly group: string;
  /** The groups of its limits: in version 2 the same one. */
  readonly limits: LimitGroups;
}

/** How long a version 1 freezer may take to stop everything before it is killed unfrozen. */
const FREEZE_TRIES = 200;
/** Empty groups older than this were left behind by a supervisor that was killed, in ms. */
const ABANDONED_MS = 600_000;

/**
 * Finds a hierarchy in which this process may make groups, move into one and back, and where limits can be set; null when
 * there is none. Tried for real, since permissions alone do not tell.
 */
export function findCgroupHome(): CgroupHome | null {
  for (const candidate of [...candidates('cgroup2', ''), ...candidates('cgroup', 'freezer')]) {
    const home = tryHome(candidate);
    if (home !== null) return home;
  }
  return null;
}

/** The groups that a task with these limits gets: the names only. */
export function groupsFor(home: CgroupHome, name: string, limits: TaskLimits): TaskGroup {
  const group = path.join(home.tasks, name);
  const wanted = new Set(controllersFor(limits));
  const places = CONTROLLERS.flatMap((controller): [Controller, LimitGroups[Controller]][] => {
    const place = home.controllers[controller];
    if (place === undefined) return [];
    // In version 2 they cost nothing, and tell of what happened even where nothing is limited.
    if (place.version === 2) return [[controller, { version: 2, path: group }]];
    return wanted.has(controller) ? [[controller, { version: 1, path: path.join(place.tasks, name) }]] : [];
  });
  return { home, group, limits: Object.fromEntries(places) };
}

/** Makes the groups of one task and sets its limits, but for memory. @throws the system's error */
export function makeGroups(task: TaskGroup, limits: TaskLimits): void {
  for (const folder of foldersOf(task)) mkdirSync(folder);
  limitBeforeStart(task.limits, limits);
}

/** All folders of a task's groups. */
export function foldersOf({ group, limits }: Pick<TaskGroup, 'group' | 'limits'>): readonly string[] {
  return [...new Set([group, ...Object.values(limits).map((one) => one.path)])];
}

/**
 * Calls `start` while this process is inside the groups, so that what it forks is in there from its first instruction.
 * A move costs about 0.02 ms a group; a wrapper program that enters by itself would cost a hundred times that.
 */
export function insideCgroup<T>(task: TaskGroup, start: () => T): T {
  const moves = movesOf(task);
  const entered: ControllerHome[] = [];
  try {
    for (const { home, group } of moves) {
      enter(group);
      entered.push(home);
    }
    return start();
  } finally {
    for (const home of entered) goHome(home);
  }
}

function movesOf({ home, group, limits }: TaskGroup): { readonly home: ControllerHome; readonly group: string }[] {
  const rest = Object.entries(limits)
    .filter(([, { version }]) => version === 1)
    .flatMap(([controller, { path: folder }]) => {
      const from = home.controllers[controller as Controller];
      return from === undefined ? [] : [{ home: from, group: folder }];
    });
  return [{ home, group }, ...rest];
}

function goHome(home: Pick<ControllerHome, 'own'>): void {
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

/** Removes what a supervisor left behind that was killed, once nothing is in it any more. */
export function removeAbandoned({ tasks, controllers }: CgroupHome, nowMs: number): void {
  const folders = new Set([tasks, ...Object.values(controllers).map((place) => place.tasks)]);
  for (const folder of folders) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const group = path.join(folder, entry.name);
      if (!entry.isDirectory()) continue;
      const madeMs = statSync(group, { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
      if (nowMs - madeMs > ABANDONED_MS) removeCgroup(group);
    }
  }
}

/** Where groups could be made in a hierarchy. */
function candidates(type: 'cgroup' | 'cgroup2', option: string): ControllerHome[] {
  const memberships = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n').map(parseMount);
  const mount = mounts.find((one) => one.type === type && one.options.includes(option));
  const own = memberships.map((line) => membershipOf(line, option)).find((found) => found !== null);
  if (mount === undefined || own === undefined || own === null) return [];
  // In a container the mount may show only a part of the hierarchy.
  const folder = path.join(mount.at, path.relative(mount.root, own));
  if (!existsSync(folder)) return [];
  const parent = path.dirname(folder);
  // DelegateSubgroup= puts the processes of a unit below it, so that the unit's own group is free for controllers. Any
  // other group above ours is not ours to change.
  const isUnit = type === 'cgroup2' && parent.endsWith('.service');
  return [...(isUnit ? [parent] : []), folder].map((above) => ({
    version: type === 'cgroup2' ? 2 : 1,
    own: folder,
    tasks: path.join(above, 'sluice'),
  }));
}

/** The group that a line of /proc/self/cgroup names, `4:cpu,cpuacct:/user`, if it is of this controller; empty = version 2. */
function membershipOf(line: string, controller: string): string | null {
  const [, names, group = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
  const isMeant = controller === '' ? names === '' : names?.split(',').includes(controller);
  return isMeant === true ? group : null;
}

function parseMount(line: string): { root: string; at: string; type: string; options: string[] } {
  const [before = '', after = ''] = line.split(' - ');
  const fields = before.split(' ');
  const [type = '', , superOptions = ''] = after.split(' ');
  return { root: fields[3] ?? '/', at: fields[4] ?? '', type, options: ['', ...superOptions.split(',')] };
}

/** @returns null when groups cannot be used there */
function tryHome(place: ControllerHome): CgroupHome | null {
  return tryPlace(place, (probe) => {
    const here = place.version === 2 ? controllersOf(probe) : [];
    const places = CONTROLLERS.flatMap((controller): [Controller, ControllerHome][] => {
      if (here.includes(controller)) return [[controller, place]];
      const found = candidates('cgroup', controller).find((one) => tryPlace(one, () => true, controller) === true);
      return found === undefined ? [] : [[controller, found]];
    });
    return { ...place, controllers: Object.fromEntries(places), deviceFilter: tryFilter(place, probe) };
  });
}

/** Makes a group there, goes in and out, and removes it. @returns what `look` says of it; null = any of that is refused */
function tryPlace<T>(place: ControllerHome, look: (probe: string) => T, controller?: Controller): T | null {
  const probe = path.join(place.tasks, `probe-${process.pid}`);
  try {
    mkdirSync(place.tasks, { recursive: true });
    if (place.version === 2 && enableControllers(path.dirname(place.tasks))) enableControllers(place.tasks);
    if (controller === 'cpuset') inheritCpuset(place.tasks);
    mkdirSync(probe);
    try {
      if (controller === 'cpuset') inheritCpuset(probe);
      enter(probe);
      goHome(place);
      return look(probe);
    } finally {
      rmdirSync(probe);
    }
  } catch (error) {
    // Not allowed, read-only, or a hierarchy with rules of its own: any refusal means "not here".
    if (codeOf(error) === undefined && !(error instanceof InvariantViolation)) throw error;
    return null;
  }
}

function tryFilter({ version }: ControllerHome, probe: string): true | string {
  if (version === 1) return 'there is no cgroup v2';
  try {
    filterDevices(probe, { gpuMinors: [] }).close();
    return true;
  } catch (error) {
    return (error as Error).message;
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

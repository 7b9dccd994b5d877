// Which limits this machine's control groups can hold a task to, and where. Version 2 has every controller in one tree;
// version 1 has a tree for each, and machines in transition have both, so each controller is looked for by itself.
// What the files mean: https://docs.kernel.org/admin-guide/cgroup-v2.html and https://docs.kernel.org/admin-guide/cgroup-v1/.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What can be limited. Devices are a controller only in version 1; version 2 has programs for them (device-filter.ts). */
export const CONTROLLERS = ['cpu', 'memory', 'cpuset', 'pids', 'devices'] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** Where the groups of tasks go for one controller. */
export interface ControllerHome {
  readonly version: 1 | 2;
  /** The group this process is in. */
  readonly own: string;
  /** The folder in which every task gets a group. */
  readonly tasks: string;
}

export type Controllers = Readonly<Partial<Record<Controller, ControllerHome>>>;

/** The file whose presence in a group of version 2 says that the controller is on there. */
const SIGN_OF_V2: Readonly<Record<Exclude<Controller, 'devices'>, string>> = {
  cpu: 'cpu.weight',
  memory: 'memory.max',
  cpuset: 'cpuset.cpus',
  pids: 'pids.max',
};

/**
 * Lets groups below `folder` be limited: turns on what controllers there are. Refused by the kernel while a process is in
 * it, unless it is the root of the machine, and without the right to. One by one, so that a missing one costs only itself.
 * @returns whether any is on
 */
export function enableControllers(folder: string): boolean {
  const file = path.join(folder, 'cgroup.subtree_control');
  let isAnyOn = false;
  for (const name of Object.keys(SIGN_OF_V2)) {
    try {
      writeFileSync(file, `+${name}`, { flag: 'r+' });
      isAnyOn = true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
  return isAnyOn;
}

/** What a group of version 2 can be held to. */
export function controllersOf(group: string): readonly Controller[] {
  return Object.entries(SIGN_OF_V2)
    .filter(([, file]) => existsSync(path.join(group, file)))
    .map(([name]) => name as Controller);
}

/**
 * Makes the folder for tasks of a cpuset tree of version 1 usable: a new group there has no processors and no memory, and
 * nothing may enter it before it has both. @throws the system's error
 */
export function inheritCpuset(group: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    const own = path.join(group, file);
    if (readFileSync(own, 'utf8').trim() !== '') continue;
    writeFileSync(own, readFileSync(path.join(path.dirname(group), file), 'utf8').trim(), { flag: 'r+' });
  }
}

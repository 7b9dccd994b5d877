// What a task's control groups tell of it when it ends, in words that begin with what it was, and what they can do at all.
import { EXIT_CAUSE } from '../../common/exit-causes.js';
import { outOfMemory, refusedForks, type TaskLimits } from './cgroup-limits.js';
import type { CgroupHome, TaskGroup } from './cgroup.js';
import type { DeviceFilter } from './device-filter.js';
import type { Isolation } from './isolation.js';

/** What of a task counts here. */
export interface HeldTask {
  readonly spec: { readonly limits?: TaskLimits };
  readonly group: TaskGroup | null;
  readonly devices: DeviceFilter | null;
  /** Why it was ended by us; empty = it was not. */
  readonly cause: string;
}

/** What this machine can hold tasks to. */
export function isolationOf(home: CgroupHome | null, noNewPrivileges: boolean): Isolation {
  if (home === null) {
    return { cgroup: null, controllers: {}, devices: { by: null, why: 'no control groups' }, noNewPrivileges };
  }
  const { controllers, deviceFilter, version } = home;
  return {
    cgroup: version,
    controllers: Object.fromEntries(Object.entries(controllers).map(([name, place]) => [name, place.version])),
    devices:
      deviceFilter === true
        ? { by: 'filter' }
        : controllers.devices === undefined
          ? { by: null, why: `${deviceFilter}, and there is no controller of version 1` }
          : { by: 'controller' },
    noNewPrivileges,
  };
}

/**
 * What its limits did to a task, in words; empty = nothing that matters.
 * @param wentWell whether it ended as it should: then what it was refused did not harm it
 */
export function howItWasHeld(task: HeldTask, wentWell: boolean): string {
  // Who was cut for its memory has that as its cause.
  const memory = task.cause === '' ? memoryCause(task) : null;
  return [memory, ...(wentWell ? [] : [processWords(task), deviceWords(task)])]
    .filter((words) => words !== null)
    .join('; ');
}

/** Why the kernel killed processes of a task for want of memory, in words; null = it did not. */
export function memoryCause({ spec, group }: HeldTask): string | null {
  const memory = group?.limits.memory;
  const verdict = memory === undefined ? null : outOfMemory(memory);
  const asked = spec.limits?.memoryMib ?? 0;
  if (verdict === null) return null;
  if (verdict === 'limit' && asked > 0) {
    return `${EXIT_CAUSE.memory}: the kernel killed processes of it, which used more than the ${asked} MiB it had asked for`;
  }
  const whose = asked > 0 ? `it had asked for ${asked} MiB and was below that` : 'it had asked for none';
  return `${EXIT_CAUSE.memory}: its node ran out of memory, and the kernel killed processes of it; ${whose}`;
}

function processWords({ spec, group }: HeldTask): string | null {
  const pids = group?.limits.pids;
  const refused = pids === undefined ? 0 : refusedForks(pids);
  if (refused === 0) return null;
  return `${EXIT_CAUSE.processes}: it was refused another one ${times(refused)}, at its limit of ${spec.limits?.processes ?? 0}`;
}

function deviceWords({ devices }: HeldTask): string | null {
  const refused = devices?.refusals() ?? 0;
  return refused === 0 ? null : `${EXIT_CAUSE.gpus}: it tried ${times(refused)} to open a GPU that it was not granted`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

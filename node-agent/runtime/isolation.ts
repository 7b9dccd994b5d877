// What holds a task to what it was granted on this machine, and what is missing, in words. The supervisor finds out, since it
// starts the tasks; the agent says so once, or refuses to run. Pure.
import type { Controller } from './cgroup-controllers.js';

/** What a supervisor found. */
export interface Isolation {
  /** Version of the control groups that know all processes of a task; null = none. */
  readonly cgroup: 1 | 2 | null;
  /** Versions of the controllers it can use. */
  readonly controllers: Readonly<Partial<Record<Controller, 1 | 2>>>;
  /** How GPUs that were not granted are shut; why they are not, in words, otherwise. */
  readonly devices: { readonly by: 'filter' | 'controller' } | { readonly by: null; readonly why: string };
  readonly noNewPrivileges: boolean;
}

/** What the agent was told to do. */
export interface IsolationDemands {
  readonly isRoot: boolean;
  /** Whether tasks run as users of their own. */
  readonly hasOwnUsers: boolean;
  /** Whether the node offers GPUs that are really there. */
  readonly hasGpus: boolean;
}

const WHAT_IS_LOST: Readonly<Record<Exclude<Controller, 'devices'>, string>> = {
  memory: 'a task may use more memory than it asked for',
  cpu: 'the CPU that a task asked for is not kept for it',
  cpuset: 'tasks are not kept on the processors near their GPUs',
  pids: 'a task may start processes without end',
};

/** What is not enforced, one sentence each; empty = everything is. */
export function missingIsolation(
  found: Isolation,
  { isRoot, hasOwnUsers, hasGpus }: IsolationDemands,
): readonly string[] {
  const missing: string[] = [];
  if (found.cgroup === null) {
    missing.push('a process that leaves its session and empties its environment outlives its task: no control groups');
  }
  const lost = Object.entries(WHAT_IS_LOST).filter(([name]) => found.controllers[name as Controller] === undefined);
  missing.push(...lost.map(([name, words]) => `${words}: no controller "${name}"`));
  if (hasGpus && found.devices.by === null) {
    missing.push(`a task can open GPUs that it was not granted: ${found.devices.why}`);
  }
  if (!found.noNewPrivileges) missing.push('set-user-id programs work in tasks: the kernel has no no_new_privs');
  if (!hasOwnUsers) {
    missing.push(
      isRoot
        ? 'tasks run as root, which no limit holds for long: give --run-as or --user-map'
        : 'all tasks run as the user of the agent and can read and end each other: only root can change that',
    );
  }
  return missing;
}

/** What to do about control groups that are missing. */
export const ISOLATION_REMEDY =
  'Run the agent as root, or in a systemd unit with Delegate=yes and DelegateSubgroup=agent; see docs/administration.md.';

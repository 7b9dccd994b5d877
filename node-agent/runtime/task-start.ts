// Starts programs as a task: in its control groups, as its user, with its environment, in its working folder. The task's own
// program is started so by the supervisor, and what people run inside a live task (exec, terminals, copies) by the agent:
// whatever holds a task to what it was granted belongs here, so that nobody gets around it.
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import path from 'node:path';
import type { Claim, TaskSpec } from './allocation-folder.js';
import { asUser, withoutNewPrivileges } from './as-user.js';
import { foldersOf, insideCgroup, type TaskGroup } from './cgroup.js';

/**
 * The groups of a task that somebody else holds: what is started enters them by itself, which costs a shell. Whoever does not
 * end the groups must not go into them: they may end while it is there.
 */
export interface ForeignGroups {
  readonly home: null;
  readonly folders: readonly string[];
}

/** The groups of a task whose claim somebody else made; null = it has none. */
export function groupsOf({
  cgroup,
  limitGroups: limits = {},
}: Extract<Claim, { by: 'supervisor' }>): ForeignGroups | null {
  return cgroup === null ? null : { home: null, folders: foldersOf({ group: cgroup, limits }) };
}

/** What is started: the task's own program, or another one in its place. */
export interface Start {
  readonly argv: readonly string[];
  readonly stdio: StdioOptions;
  /** Variables beside those of the task. */
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Starts a program in a session and a process group of its own.
 * @param group null = tasks have no control groups here
 * @throws the system's error when the program cannot be started, as far as that is known at once
 */
export function startInTask(
  task: Pick<TaskSpec, 'environment' | 'workingDirectory' | 'user'>,
  group: TaskGroup | ForeignGroups | null,
  { argv, stdio, environment }: Start,
): ChildProcess {
  const { user, workingDirectory } = task;
  // As root we could go where the user may not, so the folder is entered after the rights are gone.
  const ofUser = user === undefined ? argv : asUser(user, argv, workingDirectory);
  const [program = '', ...args] = group?.home === null ? enteringBy(group, ofUser) : ofUser;
  const start = () =>
    spawn(program, args, {
      cwd: user === undefined ? workingDirectory : '/',
      env: { ...task.environment, ...environment },
      detached: true,
      stdio,
    });
  return group === null || group.home === null ? start() : insideCgroup(group, start);
}

/** 0 stands for whoever writes it. The supervisor gave up new privileges for all it starts; here the program does. */
function enteringBy({ folders }: ForeignGroups, argv: readonly string[]): readonly string[] {
  const files = folders.map((folder) => path.join(folder, 'cgroup.procs'));
  return ['/bin/sh', '-c', ENTER, 'enter', String(files.length), ...files, ...withoutNewPrivileges(argv)];
}

/** Takes a number, so many files, and a program. A task without a group is none to run beside: what cannot enter ends. */
const ENTER = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 >"$1" || exit 125; shift; n=$((n-1)); done; exec "$@"';

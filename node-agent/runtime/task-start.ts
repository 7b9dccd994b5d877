// Starts programs as a task: in its control group, with its environment, in its working folder. The task's own program is
// started so by the supervisor, and what people run inside a live task (exec, terminals, copies) by the agent: whatever
// holds a task to what it was granted belongs here, so that nobody gets around it.
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import path from 'node:path';
import type { TaskSpec } from './allocation-folder.js';
import { type CgroupHome, insideCgroup } from './cgroup.js';

/** The control group of a task. */
export interface TaskGroup {
  readonly group: string;
  /**
   * Where we come from and go back to: what is forked while we are inside is in there from its first instruction. Null = what
   * is started enters by itself, which costs a shell; for all but the one who ends the group: it may end while we are in it.
   */
  readonly home: CgroupHome | null;
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
  task: Pick<TaskSpec, 'environment' | 'workingDirectory'>,
  group: TaskGroup | null,
  { argv, stdio, environment }: Start,
): ChildProcess {
  const entered = group === null || group.home !== null ? argv : enteringBy(group.group, argv);
  const start = () =>
    spawn(entered[0] ?? '', entered.slice(1), {
      cwd: task.workingDirectory,
      env: { ...task.environment, ...environment },
      detached: true,
      stdio,
    });
  return group === null || group.home === null ? start() : insideCgroup(group.home, group.group, start);
}

/** 0 stands for whoever writes it. */
function enteringBy(group: string, argv: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', 'echo 0 >"$0" && exec "$@"', path.join(group, 'cgroup.procs'), ...argv];
}

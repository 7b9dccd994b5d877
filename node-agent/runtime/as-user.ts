// How a program becomes another user: with setpriv of util-linux, since Node's own way drops the supplementary groups
// (libuv calls setgroups(0) and ignores the answer) and keeps the capabilities' bounding set.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

/** A user of this machine, as the user database has it. */
export interface TaskUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly loginShell: string;
}

/** How long a small command may take, in ms: its folder may lie on a server that is away. */
const COMMAND_LIMIT_MS = 10_000;

const run = promisify(execFile);
const SETPRIV = ['/usr/bin/setpriv', '/bin/setpriv'].find((file) => existsSync(file)) ?? null;

/** Whether this process can make others run as another user; why not, in words, otherwise. */
export function canRunAs(): true | string {
  if (process.geteuid?.() !== 0) return 'the agent does not run as root';
  return SETPRIV === null ? 'setpriv of util-linux is missing' : true;
}

/**
 * The same program, but as a user, with all groups that the user is in, no capabilities, and no way to get any.
 * @param folder where it begins, entered with the user's rights; null = where it is started
 */
export function asUser(user: TaskUser, argv: readonly string[], folder: string | null): readonly string[] {
  const rights = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--no-new-privs'];
  const drop = ['--inh-caps=-all', '--bounding-set=-all', '--'];
  const enter = folder === null ? [] : ['/usr/bin/env', `--chdir=${folder}`, '--'];
  return [SETPRIV ?? 'setpriv', ...rights, ...drop, ...enter, ...argv];
}

/** The same program, but without a way to more rights than it has. */
export function withoutNewPrivileges(argv: readonly string[]): readonly string[] {
  return SETPRIV === null ? argv : [SETPRIV, '--no-new-privs', '--', ...argv];
}

/**
 * Runs a command as a user and waits for it.
 * @param user undefined = the agent's own
 * @throws Error with what it said when it fails
 */
export async function runAsUser(user: TaskUser | undefined, argv: readonly string[]): Promise<void> {
  const [program = '', ...args] = user === undefined ? argv : asUser(user, argv, null);
  await run(program, args, { timeout: COMMAND_LIMIT_MS, cwd: '/', env: { PATH: '/usr/bin:/bin' } }).catch(
    (error: Error & { stderr?: string }) => {
      throw new Error(error.stderr?.trim() || error.message);
    },
  );
}

// Why a program cannot be started, in words that name the right culprit, and with the exit code that shells use for it.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { TaskSpec } from './allocation-folder.js';

/** Why a program was not started: the exit code, or null when the program is not to blame. */
export interface StartRefusal {
  readonly code: 126 | 127 | null;
  readonly message: string;
}

/** What would make a start fail with words that name the wrong culprit; null = nothing is seen from here. */
export function checkStart(spec: TaskSpec): StartRefusal | null {
  return checkFolder(spec) ?? (spec.user === undefined ? null : checkProgram(spec));
}

/** The same, and what else can be seen beforehand: for a task whose gang is to know before any of it starts. */
export function checkBeforehand(spec: TaskSpec): StartRefusal | null {
  return checkFolder(spec) ?? checkProgram(spec);
}

function checkFolder({ workingDirectory }: TaskSpec): StartRefusal | null {
  try {
    if (!statSync(workingDirectory).isDirectory()) {
      return { code: 126, message: `the working directory ${workingDirectory} is not a folder` };
    }
    accessSync(workingDirectory, constants.X_OK);
    return null;
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'ENOENT'
        ? 'does not exist on this node'
        : `cannot be entered by the agent's user: ${(error as Error).message}`;
    return { code: 126, message: `the working directory ${workingDirectory} ${why}` };
  }
}

/** A program that another one starts in the user's name fails with that one's words: what is plain is said before. */
function checkProgram(spec: TaskSpec): StartRefusal | null {
  const [program = ''] = spec.argv;
  // env(1), which enters the working directory, would take it for a variable.
  if (program.includes('=')) return { code: 126, message: `cannot start ${program}: its name has a "="` };
  const folders = program.includes('/') ? [''] : (spec.environment['PATH'] ?? '').split(':');
  const files = folders.map((folder) => path.resolve(spec.workingDirectory, folder, program));
  if (program === '' || !files.some((file) => existsSync(file))) {
    return describeSpawnError(spec, Object.assign(new Error('missing'), { code: 'ENOENT' }));
  }
  const isExecutable = files.some((file) => ((statSync(file, { throwIfNoEntry: false })?.mode ?? 0) & 0o111) !== 0);
  return isExecutable ? null : describeSpawnError(spec, Object.assign(new Error('refused'), { code: 'EACCES' }));
}

/** What the system said when a program was started, in words. */
export function describeSpawnError(spec: TaskSpec, error: NodeJS.ErrnoException): StartRefusal {
  const [program = ''] = spec.argv;
  const file = program.includes('/') ? path.resolve(spec.workingDirectory, program) : null;
  switch (error.code) {
    case 'ENOENT':
      if (file === null) {
        const where = spec.environment['PATH'] ?? '';
        return { code: 127, message: `command not found: ${program} is in no folder of PATH (${where})` };
      }
      return existsSync(file)
        ? {
            code: 127,
            message: `cannot start ${program}: the interpreter its first line or its header names is missing`,
          }
        : { code: 127, message: `command not found: ${file} does not exist on this node` };
    case 'EACCES':
    case 'EPERM':
      return {
        code: 126,
        message: `not executable: ${file ?? program} may not be run by ${spec.user?.name ?? "the agent's user"}`,
      };
    case 'ENOEXEC':
      return { code: 126, message: `not executable: ${file ?? program} is no program for this machine` };
    case 'ENOTDIR':
      return { code: 127, message: `command not found: a part of ${program} is not a folder` };
    case 'E2BIG':
      return { code: 126, message: `cannot start ${program}: arguments and environment are too long together` };
    case 'ERR_INVALID_ARG_VALUE':
      return { code: 126, message: `cannot start ${program}: ${error.message}` };
    default:
      return { code: null, message: `this node could not start ${program}: ${error.message}` };
  }
}

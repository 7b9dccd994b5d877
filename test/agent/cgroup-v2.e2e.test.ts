// A real kernel that has cgroup v2 alone: user-mode Linux, a kernel that runs as a program, on this machine's own files.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { EndRecord } from '../../node-agent/runtime/allocation-folder.js';
import type { Isolation } from '../../node-agent/runtime/isolation.js';
import { SUPERVISOR_PROGRAM } from '../../node-agent/runtime/supervisor-link.js';
import { needs } from '../real-part.js';

const PROGRAM = path.join(PACKAGE_ROOT, 'test/agent/cgroup-v2-machine.mjs');
/** A virtual machine that hangs is ended; it takes some seconds when nothing else runs. */
const LIMIT_MS = 120_000;

interface Result {
  readonly isolation: Isolation;
  readonly ended: Readonly<Record<string, EndRecord>>;
  readonly limits: string;
  readonly left: string;
  readonly groups: readonly string[];
}

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'sluice-machine-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Starts a machine, whose root are our files, with what it changes in memory of its own, and reads what it prints. */
async function runMachine(): Promise<Result> {
  const init = path.join(dir, 'init');
  const mounts = ['proc none /proc', 'sysfs none /sys', 'cgroup2 none /sys/fs/cgroup', 'tmpfs none /run'];
  const lines = mounts.map((one) => `mount -t ${one}`);
  const start = `exec ${process.execPath} ${PROGRAM} ${SUPERVISOR_PROGRAM}`;
  writeFileSync(init, ['#!/bin/sh', ...lines, start, ''].join('\n'), { mode: 0o755 });
  const kernel = ['mem=768M', 'rootfstype=hostfs', 'rootflags=/', 'rw', 'quiet', `init=${init}`];
  const { stdout } = await promisify(execFile)('linux.uml', [...kernel, 'con=null', 'con0=null,fd:1'], {
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 24,
  });
  const line = /RESULT (.*)/.exec(stdout)?.[1];
  if (line === undefined) throw new Error(`the machine told nothing:\n${stdout}`);
  return JSON.parse(line) as Result;
}

const canRunMachines = needs('build') && needs('user-mode-linux') && needs('registers-for-user-mode-linux');

describe.runIf(canRunMachines)('on a kernel with cgroup v2 alone', () => {
  test('tasks are held to their limits, and nothing of them is left', { timeout: LIMIT_MS + 10_000 }, async () => {
    const { isolation, ended, limits, left, groups } = await runMachine();
    expect(isolation).toMatchObject({ cgroup: 2, controllers: { cpu: 2, memory: 2, pids: 2 }, noNewPrivileges: true });
    expect(ended['MEMORY']).toMatchObject({ signal: 'SIGKILL', left: [] });
    expect(ended['MEMORY']?.message).toMatch(/^out of memory: .* more than the 32 MiB it had asked for$/);
    expect(ended['PIDS']?.message).toMatch(/^too many processes: it was refused another one .*, at its limit of 20$/);
    expect(ended['ESCAPE']).toMatchObject({ code: 7, message: '', left: [] });
    expect(limits.trim().split('\n')).toEqual(['200', String(64 * 2 ** 20), '50']);
    expect(left).toBe('');
    expect(groups).toEqual([]);
  });
});

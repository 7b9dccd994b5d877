// The file lock between processes: real ones, since the kernel's word is what counts.
// The second process runs the built code in dist/, so `npm run build` comes first (npm test does it).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileLock, lockFile } from '../../common/file-lock.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';

const BUILT = path.join(PACKAGE_ROOT, 'dist/common/file-lock.js');

// Locks the file named by argv, then says what came of it in one line of JSON. `spawn-sleeper`: first starts a program
// that outlives it, to see that the lock is not inherited.
const HOLDER = `
  import { spawn } from 'node:child_process';
  const { lockFile } = await import(process.argv[1]);
  const lock = lockFile(process.argv[2]);
  let sleeper;
  if (process.argv[3] === 'spawn-sleeper') {
    sleeper = spawn('sleep', ['600'], { stdio: 'inherit', detached: true });
    sleeper.unref();
  }
  console.log(JSON.stringify({ state: lock.state, heldBy: lock.heldBy, sleeper: sleeper?.pid }));
  process.stdin.on('data', () => { lock.release?.(); console.log(JSON.stringify({ state: 'released' })); });
  process.stdin.on('end', () => process.exit(0));
`;

interface Said {
  readonly state: string;
  readonly heldBy?: string;
  readonly sleeper?: number;
}

let folder: string;
let file: string;
const held: FileLock[] = [];
const children: ChildProcess[] = [];
const strays: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-lock-'));
  file = path.join(folder, 'lock');
});

afterEach(() => {
  for (const lock of held.splice(0)) if (lock.state === 'held') lock.release();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const pid of strays.splice(0)) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true });
});

function lock(mode?: number): FileLock {
  const result = lockFile(file, mode === undefined ? {} : { mode });
  held.push(result);
  return result;
}

async function otherProcess(...args: string[]) {
  if (!existsSync(BUILT)) throw new Error('dist/common/file-lock.js is missing: run `npm run build` first');
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, '--', BUILT, file, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const said = async () => JSON.parse((await lines.next()).value as string) as Said;
  return { child, first: await said(), said };
}

describe('within one process', () => {
  it('gives the lock once, names the holder, and gives it again after the release', () => {
    const first = lock();
    expect(first.state).toBe('held');
    expect(lock()).toEqual({ state: 'taken', heldBy: `process ${process.pid}` });
    if (first.state === 'held') {
      first.release();
      first.release();
    }
    expect(lock().state).toBe('held');
    expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
  });

  it('makes the file with the mode asked for, whatever the umask', () => {
    lock(0o666);
    expect(statSync(file).mode & 0o777).toBe(0o666);
  });

  it('replaces the number of a dead holder, even a longer one', () => {
    writeFileSync(file, '1234567890123\n');
    lock();
    expect(readFileSync(file, 'utf8')).toBe(`${process.pid}\n`);
  });

  it('refuses a symbolic link and leaves its target alone', () => {
    const target = path.join(folder, 'target');
    writeFileSync(target, 'precious');
    symlinkSync(target, file);
    expect(() => lock()).toThrow(/cannot open lock file .*ELOOP/);
    expect(readFileSync(target, 'utf8')).toBe('precious');
  });

  it('says which file when the folder is missing', () => {
    expect(() => lockFile(path.join(folder, 'no/such/lock'))).toThrow(/cannot open lock file .*no\/such\/lock.*ENOENT/);
  });
});

describe('between processes', () => {
  it('lets only one in, both ways round', async () => {
    const other = await otherProcess();
    expect(other.first.state).toBe('held');
    expect(lock()).toEqual({ state: 'taken', heldBy: `process ${other.child.pid}` });
    other.child.stdin?.write('release\n');
    expect((await other.said()).state).toBe('released');
    expect(lock().state).toBe('held');
    const third = await otherProcess();
    expect(third.first).toEqual({ state: 'taken', heldBy: `process ${process.pid}` });
  });

  it('is dropped by the kernel when the holder is killed with -9', async () => {
    const other = await otherProcess();
    expect(lock().state).toBe('taken');
    const ended = once(other.child, 'exit');
    other.child.kill('SIGKILL');
    await ended;
    expect(lock().state).toBe('held');
  });

  it('is not inherited by programs that the holder started', async () => {
    const other = await otherProcess('spawn-sleeper');
    const sleeper = other.first.sleeper;
    if (sleeper === undefined) throw new Error('the holder started no program');
    strays.push(sleeper);
    expect(lock().state).toBe('taken');
    const ended = once(other.child, 'exit');
    other.child.kill('SIGKILL');
    await ended;
    expect(() => process.kill(sleeper, 0)).not.toThrow();
    expect(lock().state).toBe('held');
  });
});

// Locks per GPU in folders that agents of one host share, or share only in part.
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GpuLocks } from '../../node-agent/gpu/gpu-lock.js';

let root: string;
const agents: GpuLocks[] = [];

beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'sluice-gpu-lock-'));
});

afterEach(() => {
  for (const agent of agents.splice(0)) agent.releaseAll();
  rmSync(root, { recursive: true });
});

/** An agent that knows these folders; one that begins with "!" cannot be used by it. */
function agent(...folders: readonly string[]): GpuLocks {
  const paths = folders.map((name) => {
    if (!name.startsWith('!')) return path.join(root, name);
    const file = path.join(root, `${name}-is-a-file`);
    writeFileSync(file, '');
    return path.join(file, 'locks');
  });
  const locks = new GpuLocks(paths);
  agents.push(locks);
  return locks;
}

describe('GPU locks', () => {
  it('give a GPU to one agent, other GPUs to others', () => {
    const first = agent('run', 'tmp');
    const second = agent('run', 'tmp');
    expect(first.take('GPU-a')).toEqual({ state: 'held' });
    expect(first.take('GPU-a')).toEqual({ state: 'held' });
    expect(second.take('GPU-a')).toEqual({ state: 'taken', heldBy: `process ${process.pid}` });
    expect(second.take('GPU-b')).toEqual({ state: 'held' });
    first.releaseAll();
    expect(second.take('GPU-a')).toEqual({ state: 'held' });
  });

  it('make their folder open to every user', () => {
    agent('run').take('GPU-a');
    expect(statSync(path.join(root, 'run')).mode & 0o7777).toBe(0o1777);
    expect(statSync(path.join(root, 'run/GPU-a.lock')).mode & 0o777).toBe(0o666);
  });

  it('leave a folder that was there as it is', () => {
    mkdirSync(path.join(root, 'run'), { mode: 0o700 });
    agent('run').take('GPU-a');
    expect(statSync(path.join(root, 'run')).mode & 0o7777).toBe(0o700);
  });

  // root uses both folders; a user may be shut out of the first, a service with a private /tmp out of the second.
  it.each([
    [
      ['run', 'tmp'],
      ['!run', 'tmp'],
    ],
    [
      ['!run', 'tmp'],
      ['run', 'tmp'],
    ],
    [
      ['run', 'tmp'],
      ['run', 'other-tmp'],
    ],
    [
      ['run', '!tmp'],
      ['run', 'tmp'],
    ],
  ])('hold between agents that share one folder: %j and %j', (mine, theirs) => {
    const first = agent(...mine);
    const second = agent(...theirs);
    expect(first.take('GPU-a').state).toBe('held');
    expect(second.take('GPU-a').state).toBe('taken');
    // A refused agent keeps nothing, or it would bar a third.
    first.releaseAll();
    expect(agent('run', 'tmp', 'other-tmp').take('GPU-a').state).toBe('held');
  });

  it('fail in words where no folder can be used', () => {
    expect(agent('!run', '!tmp').take('GPU-a')).toEqual({
      state: 'failed',
      message: expect.stringContaining('ENOTDIR'),
    });
    expect(existsSync(path.join(root, 'run'))).toBe(false);
  });
});

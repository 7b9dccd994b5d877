// Commands that are killed at a limit, with real processes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../common/clock.js';
import { type Command, groupLives, ProcessGroups } from '../../node-agent/gpu/process-group.js';
import { eventually, processLives } from './fake-machine.js';

function shell(script: string, change: Partial<Command> = {}): Command {
  return {
    file: '/bin/sh',
    args: ['-c', script],
    environment: process.env,
    limitMs: 20_000,
    maxBytes: 10_000,
    answersBy: 'exit',
    ...change,
  };
}

const owners: ProcessGroups[] = [];
function owner(...args: [] | [(leader: number) => Promise<boolean>]): ProcessGroups {
  const groups = new ProcessGroups(systemClock, ...args);
  owners.push(groups);
  return groups;
}

afterEach(async () => {
  for (const groups of owners.splice(0)) await groups.close();
});

describe('a command', () => {
  it('answers with what it wrote and its exit code', async () => {
    expect(await owner().run(shell('echo out; echo err >&2; exit 15'))).toEqual({
      state: 'answered',
      exitCode: 15,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  it('is missing', async () => {
    expect(await owner().run(shell('', { file: 'no-such-program-of-ours' }))).toEqual({ state: 'missing' });
  });

  it('may keep its stdin waiting for the end', async () => {
    expect(await owner().run(shell('cat; echo done'))).toMatchObject({ stdout: 'done\n' });
  });

  it('is killed at the limit with its children, even those that ignore every other signal', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-group-'));
    const child = `trap '' TERM HUP; echo $$ >> pids; while :; do sleep 1; done`;
    writeFileSync(path.join(folder, 'child.sh'), child);
    const script = `cd '${folder}'; sh child.sh & sh child.sh`;
    const result = owner().run(shell(script, { limitMs: 1_000 }));
    expect(await result).toEqual({ state: 'timed-out' });
    const pids = readFileSync(path.join(folder, 'pids'), 'utf8').trim().split('\n').map(Number);
    expect(pids).toHaveLength(2);
    expect(pids.filter(processLives)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it('answers with its first line and is then killed with its children', async () => {
    const result = await owner().run(shell('sleep 600 & echo $! $$; wait', { answersBy: 'first line' }));
    const [child, leader] = result.state === 'answered' ? result.stdout.split(' ').map(Number) : [];
    expect(child).toBeGreaterThan(0);
    expect([processLives(child ?? 0), processLives(leader ?? 0)]).toEqual([false, false]);
  });

  it('has everything killed by close, and runs no more', async () => {
    const groups = owner();
    const result = groups.run(shell('sleep 600'));
    await groups.run(shell('true'));
    await groups.close();
    expect(await result).toEqual({ state: 'closed' });
    expect(await groups.run(shell('true'))).toEqual({ state: 'closed' });
  });
});

describe('a command that does not die', () => {
  // Only a process that sleeps uninterruptibly in the kernel survives SIGKILL, and no test can make one: the look at
  // the process table is replaced instead.
  it('lets nothing more start until it is gone', async () => {
    let stuck = true;
    const groups = owner(() => Promise.resolve(stuck));
    expect(await groups.run(shell('sleep 600', { limitMs: 50 }))).toEqual({ state: 'timed-out' });
    expect(await groups.run(shell('true'))).toMatchObject({ state: 'stuck', pid: expect.any(Number) });
    stuck = false;
    expect(await groups.run(shell('true'))).toMatchObject({ state: 'answered', exitCode: 0 });
  });
});

describe('the look at the process table', () => {
  it('sees a group as long as one of it lives', async () => {
    const groups = owner();
    let leader = 0;
    const watching = owner(async (pid) => {
      leader = pid;
      return groupLives(pid);
    });
    const result = watching.run(shell('sleep 600', { limitMs: 200 }));
    expect(await result).toEqual({ state: 'timed-out' });
    expect(leader).toBeGreaterThan(0);
    expect(await groupLives(leader)).toBe(false);
    const living = groups.run(shell('echo; sleep 600', { limitMs: 20_000 }));
    await groups.close();
    expect(await living).toEqual({ state: 'closed' });
    await eventually('nothing is left', () => !processLives(leader));
  });
});

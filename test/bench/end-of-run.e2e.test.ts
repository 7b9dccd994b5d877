// A bench that is told to end leaves nothing behind, whatever it had started.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { killIfThere, processesOf, until } from '../e2e/real-cluster.js';
import { needs } from '../real-part.js';

/** One that ignores to be told, one that left its session and its parents, and one with an environment made anew, as tasks have. */
const RUN = `
  const { spawn } = await import('node:child_process');
  const { endWithRun } = await import('./dist/bench/end-of-run.js');
  const folder = process.argv[1];
  endWithRun(folder);
  const start = (...argv) => spawn(argv[0], argv.slice(1), { detached: true, stdio: 'ignore' });
  start('sh', '-c', 'trap "" TERM; while :; do sleep 0.2; done');
  start('sh', '-c', 'setsid sh -c "(sleep 600 &) ; (sleep 600 &)"');
  start('env', '-i', 'SLUICE_STOP_FILE=' + folder + '/stop', '/bin/sleep', '600');
  setInterval(() => undefined, 1_000);
`;

describe.runIf(needs('build'))('a bench that is told to end', () => {
  let folder = '';
  afterEach(() => {
    for (const pid of processesOf(folder)) killIfThere(pid);
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('by %s ends all that it started, and removes its folder', async (signal, code) => {
    folder = mkdtempSync(path.join(tmpdir(), 'sluice-end-'));
    const child = spawn(process.execPath, ['--input-type=module', '-e', RUN, folder], { stdio: 'inherit' });
    const others = () => processesOf(folder).filter((pid) => pid !== child.pid);
    await until('all of it runs', () => (others().length >= 5 ? true : null));
    const ended = once(child, 'exit');
    child.kill(signal);
    expect(await ended).toEqual([code, null]);
    expect(others()).toEqual([]);
    expect(existsSync(folder)).toBe(false);
  });
});

// The program around the ranks of one task, as a process: whose failure counts, what is in the log, how it ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';

const RANK_HOST = path.join(PACKAGE_ROOT, 'dist/node-agent/runtime/rank-host.js');

interface Ran {
  readonly code: number | null;
  readonly signal: string | null;
  /** Of standard output. */
  readonly lines: readonly string[];
  readonly errors: readonly string[];
  readonly cause: string;
}

/** Starts it for these GPUs; `meanwhile` gets the process once it has said so much. */
async function run(
  slots: string,
  argv: readonly string[],
  { graceMs = 5_000, on = null as { text: string; signal: NodeJS.Signals } | null } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [RANK_HOST, '4', String(graceMs), slots, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  });
  let said = '';
  let complained = '';
  let cause = '';
  child.stderr?.on('data', (chunk: Buffer) => (complained += chunk.toString()));
  child.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    // As the supervisor does: the signal reaches every process of the task.
    if (on !== null && child.pid !== undefined && said.split(on.text).length > slots.split(',').length) {
      process.kill(-child.pid, on.signal);
    }
  });
  child.stdio[3]?.on('data', (chunk: Buffer) => (cause += chunk.toString()));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  const sorted = (text: string) => text.trimEnd().split('\n').toSorted();
  return { code, signal, lines: sorted(said), errors: sorted(complained), cause };
}

const node = (script: string): readonly string[] => [process.execPath, '-e', script];

describe.runIf(needs('build'))('ranks of one task', () => {
  test('have ranks that go on from the first, their GPU, and their name before each line', async () => {
    const { code, lines, errors, cause } = await run(
      'g,h/mig-1',
      node(
        'const e = process.env; console.log(e.RANK, e.LOCAL_RANK, e.SLUICE_LOCAL_GPU, e.CUDA_VISIBLE_DEVICES); process.stderr.write("end")',
      ),
    );
    expect(code).toBe(0);
    expect(cause).toBe('');
    expect(lines).toEqual(['[rank 4] 4 0 g undefined', '[rank 5] 5 1 mig-1 mig-1']);
    // Where the task has one log both are open to that.
    expect(errors).toEqual(['[rank 4] end', '[rank 5] end']);
  });

  test('lines of several come out whole', async () => {
    const { lines } = await run('g,h', node('for (let i = 0; i < 2000; i++) console.log("x".repeat(200))'));
    expect(lines).toHaveLength(4_000);
    expect(new Set(lines.map((line) => line.replace(/^\[rank [45]\] x{200}$/, 'whole')))).toEqual(new Set(['whole']));
  });

  test('the first that fails is the cause, the others are stopped, and killed after the grace', async () => {
    const script = `if (process.env.LOCAL_RANK === '1') process.exit(3);
      process.on('SIGTERM', () => console.log('told')); setInterval(() => {}, 1000);`;
    const { code, lines, cause } = await run('g,h,i', node(script), { graceMs: 300 });
    expect(code).toBe(3);
    expect(cause).toBe('rank 5 failed first');
    expect(lines).toContain('sluice: rank 5 exited with code 3; the other ranks are stopped');
  });

  test('a signal that ended the first one ends the task, too', async () => {
    const { signal, cause } = await run('g', node('process.kill(process.pid, "SIGSEGV"); setInterval(() => {}, 1000)'));
    expect(signal).toBe('SIGSEGV');
    expect(cause).toBe('rank 4 failed first');
  });

  test('a stop signal is for the ranks: it waits for them, and ends as they do', async () => {
    const script = 'process.on("SIGTERM", () => process.exit(0)); console.log("up"); setInterval(() => {}, 1000)';
    const { code, cause } = await run('g,h', node(script), { on: { text: 'up', signal: 'SIGTERM' } });
    expect(code).toBe(0);
    expect(cause).toBe('');
  });

  test('a program that is not there is said to be missing', async () => {
    const { code, lines } = await run('g', ['/no/such/program']);
    expect(code).toBe(127);
    expect(lines[0]).toMatch(/^sluice: rank 4 could not be started: spawn \/no\/such\/program ENOENT/);
  });

  test('a program that Node refuses to start at all is no other case', async () => {
    const { code, lines, cause } = await run('g,h', ['/etc/passwd/program']);
    expect([code, cause]).toEqual([127, 'rank 4 failed first']);
    expect(lines).toContain('sluice: rank 5 could not be started: spawn ENOTDIR');
  });

  test('a log that takes nothing more, on a full disk, costs output and not the work', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [RANK_HOST, '0', '0', 'g', ...node('console.log("x"); process.exit(9)')], {
      stdio: ['ignore', full, 'pipe'],
    });
    closeSync(full);
    let crash = '';
    child.stderr?.on('data', (chunk: Buffer) => (crash += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    expect([code, crash]).toEqual([9, '']);
  });

  test('what a rank leaves behind does not keep the task', async () => {
    const script = `require('node:child_process').spawn('sleep', ['2'], { stdio: 'inherit', detached: true }).unref();`;
    const { code } = await run('g', node(script));
    expect(code).toBe(0);
  });
});

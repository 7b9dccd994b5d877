// The demo as a person meets it when things go wrong: Ctrl-C at any point leaves nothing behind, a failure says where.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { processesOf, until } from './real-cluster.js';

describe.runIf(needs('build'))('the demo', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-demo-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the demo with its files below our folder; `onText` sees all that was printed so far. */
  function run(
    flags: readonly string[],
    onText: (text: string, interrupt: () => void) => void,
    environment: NodeJS.ProcessEnv = {},
  ) {
    const demo = path.join(PACKAGE_ROOT, 'dist/examples/demo/main.js');
    const child = spawn(process.execPath, [demo, ...flags], {
      env: { ...process.env, TMPDIR: folder, ...environment },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    return new Promise<{ code: number | null; text: string }>((resolve) => {
      child.stdout.on('data', (data: Buffer) => {
        text += data.toString();
        onText(text, () => child.kill('SIGINT'));
      });
      child.once('exit', (code) => resolve({ code, text }));
    });
  }

  test.each(['[1/8]', '[3/8]', 'checkpoint: step', 'release-tests runs after', '[6/8]'])(
    'is interrupted at "%s" and leaves no process behind',
    async (moment) => {
      const { code, text } = await run([], (soFar, interrupt) => {
        if (soFar.includes(moment)) interrupt();
      });
      expect(code).toBe(130);
      expect(text).toContain('Everything that was started is stopped.');
      await until('nothing of it is left', () => (processesOf(folder).length === 0 ? true : null));
    },
  );

  test('without the GPUs it is asked to use says so, with the log, and exits 1', async () => {
    // An empty PATH hides the nvidia-smi that this machine may have.
    const { code, text } = await run(['--real'], () => undefined, { PATH: folder });
    expect(code).toBe(1);
    expect(text).toMatch(/Step 1 \(Start a scheduler and a node agent\) failed: the story needs at least 2 GPUs/);
    expect(text).toMatch(/--- node-1\.log\n/);
    expect(processesOf(folder)).toEqual([]);
    expect(readdirSync(folder).some((name) => name.startsWith('sluice-demo-'))).toBe(true);
  });
});

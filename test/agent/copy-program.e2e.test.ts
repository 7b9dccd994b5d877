// The program that takes files into a task, as a process of its own: what it leaves when the one who copies is gone.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lineOf } from '../../common/copying/entries.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { eventually } from './eventually.js';

const PROGRAM = path.join(PACKAGE_ROOT, 'dist/node-agent/exec/copy-program.js');

test.runIf(needs('build')).each(['SIGHUP', 'the end of its input'] as const)(
  'half a file does not stay after %s',
  async (how) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-copy-program-'));
    const child = spawn(process.execPath, [PROGRAM, 'in', 'half'], { cwd: folder, stdio: ['pipe', 'ignore', 'pipe'] });
    try {
      child.stdin.write(lineOf({ path: '', type: 'file', mode: 0o644, size: 1_000, name: 'half' }));
      child.stdin.write('not all of it');
      await eventually('it has begun', () => (readdirSync(folder).length > 0 ? true : null));
      const exited = once(child, 'exit');
      if (how === 'SIGHUP') child.kill('SIGHUP');
      else child.stdin.end();
      expect(await exited).toEqual([1, null]);
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

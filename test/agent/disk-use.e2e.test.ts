// Looking at what a task has on the disk, however it piles that up: the programs that look hold all tasks of their node.
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { diskUseBytes, MAX_WAITING_FOLDERS } from '../../node-agent/runtime/disk-use.js';
import { needs } from '../real-part.js';

const RUNTIME = path.join(PACKAGE_ROOT, 'dist/node-agent/runtime');
/** More files than so little memory holds the names of. */
const FILES = 60_000;
const HEAP_MIB = 6;

let dir: string;
beforeEach(() => (dir = mkdtempSync(path.join(os.tmpdir(), 'sluice-use-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the use of a disk', () => {
  test.runIf(needs('build'))(
    'is counted, and looked at for checkpoints, in little memory, whatever number of files',
    () => {
      const make = `const { closeSync, openSync } = require('node:fs'); process.chdir(process.argv[1]);
      for (let at = 0; at < ${FILES}; at += 1) closeSync(openSync('file-with-a-name-' + at, 'w'));`;
      execFileSync(process.execPath, ['-e', make, dir]);
      const run = (module: string, call: string) => {
        const script = `import(process.argv[1]).then(async (module) => console.log(await module.${call}))`;
        const flags = [`--max-old-space-size=${HEAP_MIB}`, '-e', script, path.join(RUNTIME, module), dir];
        return execFileSync(process.execPath, flags, { encoding: 'utf8' }).trim();
      };
      expect(Number(run('disk-use.js', 'diskUseBytes([process.argv[2]], [], 2 ** 40)'))).toBeGreaterThanOrEqual(0);
      expect(run('checkpoints.js', 'lastCheckpoint(process.argv[2], 0)')).toBe('null');
    },
  );

  test('is counted at any depth, and a file with several names once', async () => {
    const deep = path.join(dir, ...Array.from({ length: 200 }, () => 'd'));
    mkdirSync(deep, { recursive: true });
    writeFileSync(path.join(deep, 'file'), 'x'.repeat(300_000));
    const bytes = await diskUseBytes([dir], [], 2 ** 40);
    expect(bytes).toBeGreaterThanOrEqual(300_000);
    for (let at = 0; at < 5; at += 1) linkSync(path.join(deep, 'file'), path.join(dir, `name-${at}`));
    expect(await diskUseBytes([dir], [], 2 ** 40)).toBe(bytes);
  });

  test('is told to be beyond counting where more folders are inside one another than are kept', async () => {
    const deep = path.join(dir, ...Array.from({ length: 63 }, () => 'd'));
    mkdirSync(deep, { recursive: true });
    for (let at = 0; at <= MAX_WAITING_FOLDERS; at += 1) mkdirSync(path.join(deep, String(at)));
    expect(await diskUseBytes([dir], [], 2 ** 40)).toBe(Infinity);
  });
});

// A process that must stop stops, although what libraries do at an exit would fail.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';

const folder = mkdtempSync(path.join(tmpdir(), 'sluice-exit-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PROGRAM = `
  import { lockFile } from '${PACKAGE_ROOT}/dist/common/file-lock.js';
  import { exitAtOnce } from '${PACKAGE_ROOT}/dist/common/exit-at-once.js';
  lockFile('${folder}/lock');
  process.on('exit', () => process.stdout.write('done at an exit'));
  process.stdout.write('last words');
  exitAtOnce(70);
`;

test.runIf(needs('build') && needs('strace'))('it ends with its code where no flush succeeds any more', () => {
  const output = path.join(folder, 'output');
  const file = openSync(output, 'w');
  const quiet = ['-f', '-qq', '-o', '/dev/null', '-e', 'trace=fsync'];
  const { status, signal } = spawnSync(
    'strace',
    [...quiet, '-e', 'inject=fsync:error=EIO', process.execPath, '--input-type=module', '-e', PROGRAM],
    { stdio: ['ignore', file, file], timeout: 60_000 },
  );
  closeSync(file);
  expect({ status, signal, said: readFileSync(output, 'utf8') }).toEqual({
    status: 70,
    signal: null,
    said: 'last words',
  });
});

// `npm run conformance` as a program: what it exits with, so that a script can tell a failed scenario from a bad file.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { jobOf, nodeOf } from './builder.js';

const folder = mkdtempSync(path.join(tmpdir(), 'sluice-conformance-'));
const file = path.join(folder, 'scenarios.json');

const FITS = {
  id: 'fits',
  family: 'allocate',
  kind: 'one_action',
  nodes: [nodeOf('node0', 1)],
  queues: [{ name: 'queue0', quota_gpus: 1, over_quota_weight: 1 }],
  jobs: [jobOf('job', [{ state: 'pending' }])],
  expect: { jobs: { job: { status: 'binding' } } },
};

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function conformance(text: string, ...args: readonly string[]) {
  writeFileSync(file, text);
  const program = path.join(PACKAGE_ROOT, 'dist/simulator/conformance/main.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe.runIf(needs('build'))('the program', () => {
  test('exits with 0 when all pass', () => {
    expect(conformance(JSON.stringify([FITS]), file)).toEqual({
      status: 0,
      stdout: '1 passed, 0 failed\n',
      stderr: '',
    });
  });

  test('exits with 1 when one fails', () => {
    const wrong = { ...FITS, expect: { jobs: { job: { status: 'running' } } } };
    expect(conformance(JSON.stringify([wrong]), file)).toEqual({
      status: 1,
      stdout: 'fits: job-0 expected running got binding on node0 GPU 0\n0 passed, 1 failed\n',
      stderr: '',
    });
  });

  test.each<[string, readonly string[], string]>([
    [
      'a file that is not there',
      [path.join(folder, 'none.json')],
      'error: the file of scenarios cannot be read: ENOENT',
    ],
    ['a file that is not JSON', [file], 'error: the file of scenarios cannot be used: it is not JSON'],
    ['no file', [], 'error: name one file of scenarios\nusage: npm run conformance -- FILE'],
    ['an option nobody knows', ['--loud', file], "error: Unknown option '--loud'"],
  ])('exits with 2 for %s', (_, args, message) => {
    const { status, stdout, stderr } = conformance('[{', ...args);
    expect(stderr.slice(0, message.length)).toBe(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });
});

// The flags of an agent: what "off" means, and what is found wrong before a task could be lost to it.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { holdingOf, hostOptions, parseFlags } from '../../node-agent/main.js';
import { canRunAs } from '../../node-agent/runtime/as-user.js';
import { readUserMap } from '../../node-agent/runtime/run-as.js';

let dir: string;
beforeEach(() => (dir = mkdtempSync(path.join(os.tmpdir(), 'sluice-flags-'))));
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  rmSync(dir, { recursive: true, force: true });
});

/** The flags of a right command line. */
function flagsOf(...argv: readonly string[]) {
  const flags = parseFlags(['--state-dir', dir, ...argv]);
  if (flags === null) throw new Error(`${argv.join(' ')} was refused`);
  return flags;
}

/** What is said of a wrong one. */
function complaintOf(...argv: readonly string[]): string {
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(parseFlags(argv)).toBeNull();
  expect(process.exitCode).toBe(2);
  return said.mock.calls.map(([text]) => String(text)).join('');
}

describe('off', () => {
  test('serves metrics nowhere, and so does saying nothing', () => {
    expect([flagsOf().http, flagsOf('--http', 'off').http]).toEqual(['off', 'off']);
    expect(flagsOf('--http', '[::1]:9466').http).toEqual({ host: '::1', port: 9466 });
  });

  test('sets no limit to the folder of a task, where saying nothing does', async () => {
    expect((await holdingOf(flagsOf('--task-disk', 'off'))).workLimitBytes).toBeNull();
    expect((await holdingOf(flagsOf('--task-disk', '2GiB'))).workLimitBytes).toBe(2 * 2 ** 30);
    expect((await holdingOf(flagsOf())).workLimitBytes).toBeGreaterThan(0);
  });

  test('sets no limit to the processes of a task', async () => {
    expect((await holdingOf(flagsOf('--task-processes', 'off'))).maxProcesses).toBe(0);
  });
});

describe('wrong before anything starts', () => {
  test.each(['--state-dir', '--shared-dir', '--hpc-job-mapping-dir', '--user-map', '--prolog', '--health-check'])(
    '%s is not the folder the agent happens to be in',
    (flag) => expect(complaintOf(flag, '')).toContain('An empty path is none.'),
  );

  test('is a user that this machine has not, or cannot become', () =>
    expect(holdingOf(flagsOf('--run-as', 'no-such-user'))).rejects.toThrow(
      canRunAs() === true ? 'there is no user no-such-user' : 'tasks cannot run as other users',
    ));

  test.each([
    ['two\nlines', 'it holds spaces, line breaks'],
    ['clé', 'it holds spaces, line breaks'],
    [' \n', 'it is empty'],
    ['x'.repeat(5_000), 'it has more than 4096 characters'],
  ])('is a token file that holds none, of which nothing is shown: %j', async (text, why) => {
    const file = path.join(dir, 'token');
    writeFileSync(file, text);
    const error = await hostOptions(flagsOf('--token-file', file)).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(`--token-file ${file} holds no token: ${why}`);
    if (text.trim() !== '') expect(String(error)).not.toContain(text.slice(0, 5));
  });

  test('is a file that is not there, and its flag is named', async () => {
    const missing = path.join(dir, 'missing');
    for (const flag of ['--token-file', '--tls-ca']) {
      await expect(hostOptions(flagsOf(flag, missing))).rejects.toThrow(
        `${flag} ${missing} cannot be read: there is no such file`,
      );
    }
  });

  test('is a user map that is none, and the file is named', () => {
    const write = (text: string): string => {
      const file = path.join(dir, 'map');
      writeFileSync(file, text);
      return file;
    };
    mkdirSync(path.join(dir, 'folder'));
    expect(() => readUserMap(path.join(dir, 'missing'))).toThrow(/user map .*missing cannot be read: there is no such/);
    expect(() => readUserMap(path.join(dir, 'folder'))).toThrow(/user map .*folder cannot be read: it is a folder/);
    expect(() => readUserMap(write('a: b\na: c\n'))).toThrow(/user map .*map is no YAML: Map keys must be unique/);
    expect(() => readUserMap(write('ada: 1000\n'))).toThrow(/no list of "submitter: local user": ada: .*string/);
    expect(() => readUserMap(write(' '.repeat(5 * 2 ** 20)))).toThrow(/map is larger than \d+ characters/);
  });
});

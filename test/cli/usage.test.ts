// What a newcomer does wrong: typos, flags of the other dialect, no scheduler; and the exit codes that scripts rely on.
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli, temporaryFolder } from './run-cli.js';

const NOBODY = { SLUICE_SERVER: '127.0.0.1:1' };

describe('typos', () => {
  it.each([
    ['gett nodes', 'error: unknown command "gett" for "sluice"\nDid you mean this?\n\tget\n'],
    ['squeue', 'error: unknown command "squeue" for "sluice"\nHere it is: sluice get workloads\n'],
    ['apply -f w.yaml', 'error: unknown command "apply" for "sluice"\nHere it is: sluice submit\n'],
    [
      'queue create',
      'error: an argument is missing: NAME\nUsage: sluice queue create NAME [FLAGS]\nSee "sluice queue create --help".\n',
    ],
    ['run -n 0 -A q -- true', 'error: -n 0: a workload has at least 1 task\n'],
    [
      'describe hello',
      'error: unknown resource "hello"\nKnown: workloads, queues, nodes.\nFor a workload of this name: sluice describe workload hello\n',
    ],
    ['submit /nowhere/w.yaml', 'error: cannot read /nowhere/w.yaml: there is no such file\n'],
    ['frobnicate', 'error: unknown command "frobnicate" for "sluice"\nSee "sluice --help".\n'],
    ['get jbos', 'error: unknown resource "jbos"\nDid you mean this?\n\tjobs\n'],
    ['get flowers', 'error: unknown resource "flowers"\nKnown: workloads, queues, nodes, gpus.\n'],
    ['describe gpu x', 'error: unknown resource "gpu"\nKnown: workloads, queues, nodes.\n'],
    [
      'get nodes --outptu json',
      'error: unknown flag "--outptu"\nDid you mean this?\n\t--output\nSee "sluice get --help".\n',
    ],
    [
      'get nodes --servre x',
      'error: unknown flag "--servre"\nDid you mean this?\n\t--server\nSee "sluice get --help".\n',
    ],
    ['get nodes -o jsn', 'error: unknown output format "jsn" in -o\nChoose one of: table, wide, json, yaml, name.\n'],
    ['get wl --state runing', 'error: unknown state "runing"\nDid you mean this?\n\trunning\n'],
    ['why', 'error: an argument is missing: WORKLOAD\nUsage: sluice why WORKLOAD [FLAGS]\nSee "sluice why --help".\n'],
    ['why 1 2', 'error: too many arguments for "sluice why"\nSee "sluice why --help".\n'],
    ['logs 1 --task', 'error: option "--task <n>" argument missing\nSee "sluice logs --help".\n'],
    ['cancel queue/x', 'error: "queue/x" is a queue, but a workload is wanted here\n'],
    ['dev --nodes many', 'error: --nodes many: "many" is none of nodes x GPUs x model\n'],
    ['dev --nodes 99x8', 'error: --nodes 99x8: 99 nodes are too many; at most 32\n'],
    ['completion tcsh', 'error: no completion for "tcsh"\nKnown: bash, zsh, fish.\n'],
  ])('sluice %s', async (line, message) => {
    const { code, stdout, stderr } = await cli(line.split(' '), { env: NOBODY });
    expect({ code, stdout, start: stderr.slice(0, message.length) }).toEqual({ code: 2, stdout: '', start: message });
  });
});

describe('a flag of the other dialect gets a lesson', () => {
  it.each([
    ['submit x.yaml -o json', 'error: -o is the stdout file in submit and run (as in sbatch)'],
    ['run --gres=gpu:h100:8 -- x', 'error: --gres is said with -G here'],
    ['run -N 2 -- x', 'error: -N is the number of nodes (as in sbatch)'],
    ['submit x.yaml -t 1:00', 'error: -t is the time limit (as in sbatch); in a file say it as time: 2h'],
    ['submit x.yaml --array=0-9', 'error: --array makes an array (as in sbatch); in a file say it as array: 0-99%10'],
    ['submit x.yaml -w n1', 'error: -w is the node list (as in sbatch); in a file'],
    ['get nodes -J x', 'error: -J names new work in submit and run (as in sbatch)'],
    ['get wl -f', 'error: -f follows a log: sluice logs -f X'],
    ['why 1041 -p', 'error: -p is the pool in submit and run'],
    ['why 1041 -A q', 'error: -A is the queue to charge in submit and run'],
    ['get wl --json', 'error: --json is for submit and run; here use -o json'],
  ])('sluice %s', async (line, message) => {
    const { code, stderr } = await cli(line.split(' '), { env: NOBODY });
    expect({ code, start: stderr.slice(0, message.length), lines: stderr.trimEnd().split('\n').length }).toEqual({
      code: 2,
      start: message,
      lines: 1,
    });
  });
});

describe('without a scheduler', () => {
  const message =
    /^error: cannot reach the scheduler at 127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1\nIs it running\? "sluice dev" starts one\. Another address: --server HOST:PORT\n$/;

  it.each(['get nodes', 'why last', 'version', 'cancel 3', 'logs -f x'])('sluice %s', async (line) => {
    const { code, stderr } = await cli(line.split(' '), { env: NOBODY });
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  });

  it.each(['', 'http://gpu-master:7443', 'gpu-master:99999', 'gpu master:7443'])(
    'whose address "%s" is none',
    async (server) => {
      expect(await cli(['get', 'nodes', '--server', server])).toMatchObject({
        code: 2,
        stderr: `error: "${server}" is no address of a scheduler\nGive HOST:PORT, such as gpu-master:7443, without a scheme; several with commas between them.\n`,
      });
    },
  );

  it('tells programs, too', async () => {
    const { code, stdout } = await cli(['get', 'nodes', '-o', 'json'], { env: NOBODY });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'UNAVAILABLE',
        reason: 'UNREACHABLE',
        message: expect.stringContaining('cannot reach the scheduler'),
        metadata: { server: '127.0.0.1:1' },
      },
    });
  });

  it.each([
    ['99', 99],
    ['0', 1],
    ['256', 1],
    ['x', 1],
  ])('exits with SLUICE_EXIT_ERROR=%s where that is a code', async (wished, code) => {
    expect(await cli(['get', 'nodes'], { env: { ...NOBODY, SLUICE_EXIT_ERROR: wished } })).toMatchObject({ code });
  });

  it.each([
    ['two\nlines', 'it holds spaces, line breaks or other characters that no token has'],
    ['x'.repeat(5_000), 'it has more than 4096 characters'],
  ])('shows nothing of a token that is none', async (token, why) => {
    expect(await cli(['get', 'nodes'], { env: { ...NOBODY, SLUICE_TOKEN: token } })).toMatchObject({
      code: 2,
      stderr: `error: the token that is set is none: ${why}\nA token is one line, as "sluice token" prints it.\n`,
    });
  });

  it('will not send a token unencrypted to another machine', async () => {
    const { code, stderr } = await cli(['get', 'nodes'], {
      env: { SLUICE_SERVER: 'gpu-master:7443', SLUICE_TOKEN: 's3cret' },
    });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        'error: a token would travel unencrypted to gpu-master:7443\nGive the authority of its certificate: --tls-ca FILE\n',
    });
  });
});

describe('help', () => {
  it.each([[['--help']], [['help']], [[]]])('%j names every command', async (argv) => {
    const { code, stdout } = await cli(argv);
    expect(code).toBe(0);
    for (const name of 'dev server agent run submit cancel get describe logs why wait hold release requeue priority queue cordon uncordon maintenance config version completion'.split(
      ' ',
    )) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
    expect(stdout).not.toContain('__complete');
  });

  it('of a command with verbs shows their flags, or where they are when they are many', async () => {
    expect((await cli(['brake', '--help'])).stdout).toContain(
      '\nFlags of release:\n  --dry-run  only says which nodes hold it\n',
    );
    expect((await cli(['queue', '--help'])).stdout).toContain('\nFlags of create: sluice queue create --help\n');
    expect((await cli(['get', '--help'])).stdout).not.toContain('Flags of get');
  });

  it.each([[['help', 'nope']], [['nope', '--help']], [['nope', '-h', 'x']]])(
    'on no command says so: %j',
    async (argv) => {
      const { code, stdout, stderr } = await cli(argv);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('error: unknown command "nope" for "sluice"');
    },
  );

  it.each(['get', 'run', 'submit', 'queue', 'config', 'dev'])('of %s is the same either way round', async (name) => {
    const [asFlag, asCommand] = await Promise.all([cli([name, '--help']), cli(['help', name])]);
    expect(asFlag.code).toBe(0);
    expect(asFlag.stdout).toContain(`Usage: sluice ${name}`);
    expect(asCommand).toEqual(asFlag);
  });
});

describe('config', () => {
  it('makes, lists and changes contexts in a file that only its owner reads', async () => {
    const file = path.join(temporaryFolder(), 'deep/config.yaml');
    const env = { SLUICE_CONFIG: file };
    expect(await cli(['config', 'get-contexts'], { env })).toMatchObject({
      code: 0,
      stderr: `No contexts found in ${file}.\n`,
    });
    expect(
      (await cli(['config', 'set-context', 'lab', '--server', 'lab:7443', '--queue', 'vision'], { env })).stdout,
    ).toBe('Context "lab" created.\n');
    expect((await cli(['config', 'set-context', 'dev', '--server', '127.0.0.1:7443'], { env })).stdout).toBe(
      'Context "dev" created.\n',
    );
    expect((await cli(['config', 'use-context', 'dev'], { env })).stdout).toBe('Switched to context "dev".\n');
    expect((await cli(['config', 'set-context', '--current', '--queue', 'q'], { env })).stdout).toBe(
      'Context "dev" modified.\n',
    );
    expect((await cli(['config', 'get-contexts'], { env })).stdout.split('\n')).toEqual([
      'CURRENT   NAME   SERVER           QUEUE',
      '          lab    lab:7443         vision',
      '*         dev    127.0.0.1:7443   q',
      '',
    ]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('writes full paths, since a context is used in other folders than the one it was made in', async () => {
    const env = { SLUICE_CONFIG: path.join(temporaryFolder(), 'config.yaml') };
    const files = ['--token-file', 'alice.token', '--tls-ca', '../ca.crt', '--tls-cert', '/a/b', '--tls-key', 'k'];
    await cli(['config', 'set-context', 'lab', '--server', 'lab:7443', ...files], { env });
    const { stdout } = await cli(['config', 'view', '-o', 'json'], { env });
    expect(JSON.parse(stdout)).toMatchObject({
      token_file: path.resolve('alice.token'),
      tls_ca: path.resolve('../ca.crt'),
      tls_cert: '/a/b',
      tls_key: path.resolve('k'),
    });
  });

  it('shows each setting and where it comes from, but no token', async () => {
    const file = path.join(temporaryFolder(), 'config.yaml');
    writeFileSync(file, 'current_context: lab\ncontexts: {lab: {server: "lab:7443", queue: vision}}\n');
    const env = { SLUICE_CONFIG: file, SLUICE_QUEUE: 'mine', SLUICE_TOKEN: 's3cret' };
    const { stdout } = await cli(['config', 'view', '--origin', '--tls-ca', 'ca.pem'], { env });
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['SETTING', 'VALUE', 'ORIGIN'],
      ['context', 'lab', 'context'],
      ['server', 'lab:7443', 'context'],
      ['token', '(hidden)', 'environment'],
      ['token_file', '-', 'default'],
      ['tls_ca', 'ca.pem', 'flag'],
      ['tls_cert', '-', 'default'],
      ['tls_key', '-', 'default'],
      ['queue', 'mine', 'environment'],
      [''],
    ]);
  });

  it.each([
    ['contexts: [a]', 'contexts must be a mapping'],
    [
      'contexts: {a: {servr: x}}',
      'unknown key "servr" in contexts.a; known: server, token, token_file, tls_ca, tls_cert, tls_key, queue',
    ],
    ['contexts: {a: {server: 3}}', 'contexts.a.server must be a text'],
    ['context: a', 'unknown key "context" in the file; known: current_context, contexts'],
    ['a: b: c', 'Nested mappings are not allowed'],
  ])('says what is wrong in a file: %s', async (text, message) => {
    const file = path.join(temporaryFolder(), 'config.yaml');
    writeFileSync(file, text);
    const { code, stderr } = await cli(['get', 'nodes'], { env: { SLUICE_CONFIG: file } });
    expect(code).toBe(2);
    expect(stderr).toContain(file);
    expect(stderr).toContain(message);
  });

  it('leaves the old file when the new one cannot be written', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'config.yaml');
    writeFileSync(file, 'contexts: {a: {server: x}}\n');
    mkdirSync(`${file}.${process.pid}.tmp`);
    const { code, stderr } = await cli(['config', 'set-context', 'b', '--server', 'y'], {
      env: { SLUICE_CONFIG: file },
    });
    expect({ code, start: stderr.slice(0, 20) }).toEqual({ code: 1, start: 'error: cannot write ' });
    expect(readFileSync(file, 'utf8')).toBe('contexts: {a: {server: x}}\n');
  });

  it('suggests a context', async () => {
    const file = path.join(temporaryFolder(), 'config.yaml');
    writeFileSync(file, 'contexts: {production: {server: x}, dev: {server: y}}\n');
    const { code, stderr } = await cli(['get', 'nodes', '--context', 'prodction'], { env: { SLUICE_CONFIG: file } });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'error: context "prodction" does not exist\nDid you mean "production"? Known: production, dev.\n',
    });
  });
});

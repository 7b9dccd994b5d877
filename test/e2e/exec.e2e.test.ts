// Programs, terminals and copies inside real tasks, through the real scheduler and agent.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SluiceClient } from '../../cli/client.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { processesOf, RealCluster, until } from './real-cluster.js';

const SLUICE = path.join(PACKAGE_ROOT, 'dist/cli/main.js');

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe.runIf(needs('build'))('inside a running task', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;
  let number: string;
  let allocation: string;

  beforeAll(async () => {
    await cluster.startScheduler();
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
    await cluster.startAgent('n1');
    ({ number, allocation } = await start('echo ready; exec sleep 600'));
  });
  afterAll(() => cluster.stop());

  async function start(script: string): Promise<{ readonly number: string; readonly allocation: string }> {
    const { workloads } = await client.submitWorkloads({
      specs: [{ name: 'w', queue: 'research', resources: { gpus: 1 }, command: { argv: ['sh', '-c', script] } }],
    });
    const submitted = String(workloads[0]?.number);
    const workload = await cluster.untilWorkload(client, submitted, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');
    return { number: submitted, allocation: workload.allocations[0]?.id ?? '' };
  }

  function sluice(argv: readonly string[], input = ''): Promise<Outcome> {
    return new Promise((resolve) => {
      const env = { PATH: process.env['PATH'], HOME: cluster.folder, SLUICE_SERVER: cluster.grpc };
      const child = execFile(
        process.execPath,
        [SLUICE, ...argv],
        { env, maxBuffer: 1 << 28 },
        (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
      );
      child.stdin?.end(input);
    });
  }

  const work = (...parts: string[]) => cluster.at('n1', 'allocations', allocation, 'work', ...parts);

  describe('exec', () => {
    it("has the task's GPUs, environment, folder and control group, and its exit code comes back", async () => {
      const script =
        'echo $SLUICE_ALLOCATION_ID; echo $CUDA_VISIBLE_DEVICES; pwd; cat /proc/self/cgroup; echo oops >&2; exit 7';
      const { code, stdout, stderr } = await sluice(['exec', number, '--', 'sh', '-c', script]);
      const [id, gpus, folder] = stdout.split('\n');
      expect({ code, stderr, id, folder }).toEqual({ code: 7, stderr: 'oops\n', id: allocation, folder: work() });
      expect(gpus).toMatch(/^GPU-/);
      const claim = JSON.parse(readFileSync(cluster.at('n1', 'allocations', allocation, 'claim'), 'utf8')) as {
        cgroup: string | null;
      };
      if (claim.cgroup !== null) expect(stdout).toContain(`/sluice/${allocation}`);
    });

    it('passes standard input on, to its end', async () => {
      const text = 'x'.repeat(300_000);
      expect(await sluice(['exec', number, '--', 'wc', '-c'], text)).toMatchObject({ code: 0, stdout: '300000\n' });
    });

    it.each([
      ['a program that is not there', ['exec', 'W', '--', 'nosuch'], 127, 'nosuch'],
      ['a signal', ['exec', 'W', '--', 'sh', '-c', 'kill -9 $$'], 137, ''],
    ])('tells %s as a shell does', async (_, argv, code, words) => {
      const outcome = await sluice(argv.map((word) => (word === 'W' ? number : word)));
      expect(outcome.code).toBe(code);
      expect(outcome.stderr).toContain(words);
    });

    it('refuses what is not there, in words', async () => {
      expect(await sluice(['exec', '4711', '--', 'true'])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('workload "4711" does not exist'),
      });
      expect(await sluice(['exec', `${number}/5`, '--', 'true'])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('has no task 5; its tasks are 0 to 0'),
      });
      const { workloads } = await client.submitWorkloads({
        specs: [{ name: 'much', queue: 'research', resources: { gpus: 4 }, command: { argv: ['true'] } }],
      });
      const pending = String(workloads[0]?.number);
      expect(await sluice(['exec', pending, '--', 'true'])).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(`workload ${pending} is pending; programs are run in running tasks only`),
      });
      await client.cancelWorkloads({ workloads: [pending] });
    });

    it('ends with the task', async () => {
      const other = await start('exec sleep 600');
      const started = path.join(cluster.folder, 'started');
      const ended = sluice(['exec', other.number, '--', 'sh', '-c', `touch ${started}; sleep 600`]);
      await until('it runs', () => (existsSync(started) ? true : null));
      await client.cancelWorkloads({ workloads: [other.number] });
      const { code, stderr } = await ended;
      expect(code).toBeGreaterThan(128);
      expect(stderr).toContain('the task ended, and with it what ran in it');
    });

    it('says so as well when the task takes a moment longer to end', async () => {
      const other = await start('trap "sleep 0.2; exit 0" TERM; while :; do sleep 0.05; done');
      const begun = path.join(cluster.folder, 'begun');
      const ended = sluice(['exec', other.number, '--', 'sh', '-c', `touch ${begun}; exec sleep 600`]);
      await until('it runs', () => (existsSync(begun) ? true : null));
      await client.cancelWorkloads({ workloads: [other.number] });
      expect((await ended).stderr).toContain('the task ended, and with it what ran in it');
    });

    it('ends its program when the client is gone', async () => {
      const pidFile = path.join(cluster.folder, 'pid');
      const child = spawn(
        process.execPath,
        [
          SLUICE,
          'exec',
          number,
          '--',
          'sh',
          '-c',
          `echo $$ > ${pidFile}.tmp; mv ${pidFile}.tmp ${pidFile}; exec sleep 600`,
        ],
        { env: { SLUICE_SERVER: cluster.grpc }, stdio: ['pipe', 'ignore', 'ignore'] },
      );
      const pid = await until('it runs', () => (existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : null));
      child.kill('SIGKILL');
      await until('its program is gone', () => (isRunning(pid) ? null : true));
    });

    it('holds a program back while nobody reads, in all three processes, and loses nothing', async () => {
      const total = 64 * 1024 * 1024;
      const call = await client.exec({
        workload: number,
        task: 0,
        command: { argv: ['head', '-c', String(total), '/dev/zero'] },
      });
      const messages = call.messages[Symbol.asyncIterator]();
      expect((await messages.next()).value).toMatchObject({ started: { node: 'n1', allocation } });
      const head = await until('the program', () => processNamed(allocation, 'head') ?? null);
      // It stands still, far from its end: everything on the way is full.
      let last = -1;
      const written = await until('it stands still', () => {
        const now = Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${head}/io`, 'utf8'))?.[1]);
        const isStill = now > 0 && now === last;
        last = now;
        return isStill ? now : null;
      });
      expect(written).toBeLessThan(16 * 1024 * 1024);
      let count = 0;
      for (let next = await messages.next(); next.done !== true; next = await messages.next()) {
        count += next.value.output?.length ?? 0;
        if (next.value.end) expect(next.value.end.exit).toMatchObject({ code: 0 });
      }
      expect(count).toBe(total);
    });

    it('gives a terminal that knows its size, its changes and Ctrl-C', async () => {
      const script = path.join(PACKAGE_ROOT, 'test/e2e/terminal.py');
      const { code, stdout } = await new Promise<Outcome>((resolve) => {
        const env = { ...process.env, SLUICE_SERVER: cluster.grpc, TERM: 'vt100' };
        execFile('python3', [script, process.execPath, SLUICE, 'exec', number], { env }, (error, out, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), stdout: out, stderr }),
        );
      });
      expect(stdout).toContain('size: 33 101\r');
      expect(stdout).toContain('resized: 40 120\r');
      expect(stdout).toContain('term: vt100\r');
      expect(stdout).toContain('tty: yes\r');
      expect(stdout).toContain('interrupted: 130\r');
      expect(code).toBe(5);
    });
  });

  describe('cp', () => {
    it('copies folders and files out and in, with their permissions', async () => {
      mkdirSync(work('data', 'deep', 'empty'), { recursive: true });
      writeFileSync(work('data', 'run.sh'), 'echo hello\n', { mode: 0o755 });
      writeFileSync(work('data', 'deep', 'big'), Buffer.alloc(3_000_000, 7));
      const here = cluster.at('here');
      const out = await sluice(['cp', `${number}:data`, here]);
      expect(out).toMatchObject({ code: 0, stderr: 'copied 5 files and folders, 3000011 bytes\n' });
      expect(readFileSync(path.join(here, 'deep/big')).equals(Buffer.alloc(3_000_000, 7))).toBe(true);
      expect(existsSync(path.join(here, 'deep/empty'))).toBe(true);
      expect(await sluice(['cp', here, `${number}:copies/`])).toMatchObject({ code: 0 });
      const { stdout } = await sluice([
        'exec',
        number,
        '--',
        'sh',
        '-c',
        './copies/here/run.sh; cmp data/deep/big copies/here/deep/big && echo same',
      ]);
      expect(stdout).toBe('hello\nsame\n');
      expect(await sluice(['cp', path.join(here, 'run.sh'), `${number}:again.sh`])).toMatchObject({ code: 0 });
      expect(readFileSync(work('again.sh'), 'utf8')).toBe('echo hello\n');
    });

    it('does not leave the working folder, and says what is not there', async () => {
      symlinkSync('/etc', work('way-out'));
      const passwd = readFileSync('/etc/passwd', 'utf8');
      for (const at of ['../spec.json', '/etc/passwd', 'way-out/passwd', 'data/../../claim']) {
        const { code, stderr } = await sluice(['cp', `${number}:${at}`, cluster.at('stolen')]);
        expect({ at, code, stderr }).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('leads out of the working folder of the task'),
        });
        expect(existsSync(cluster.at('stolen'))).toBe(false);
        writeFileSync(cluster.at('evil'), 'evil');
        expect((await sluice(['cp', cluster.at('evil'), `${number}:${at}`])).code).toBe(1);
      }
      expect(readFileSync('/etc/passwd', 'utf8')).toBe(passwd);
      expect(await sluice(['cp', `${number}:nothing`, cluster.at('x')])).toMatchObject({
        code: 1,
        stderr: `error: ${work('nothing')} does not exist\n`,
      });
      expect(await sluice(['cp', cluster.at('nothing'), `${number}:x`])).toMatchObject({
        code: 1,
        stderr: `error: ${cluster.at('nothing')} does not exist\n`,
      });
      expect(await sluice(['cp', 'a', 'b'])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('neither end is a task'),
      });
    });
  });

  it('is refused while the node is away', async () => {
    await cluster.endAgent('n1', 'SIGKILL');
    const { code, stderr } = await until('the scheduler knows', async () => {
      const outcome = await sluice(['exec', number, '--', 'true']);
      return outcome.stderr.includes('whose agent is not connected') ? outcome : null;
    });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('the task runs on node n1') });
    await cluster.startAgent('n1');
    // The next agent finds the task and runs programs in it as the last one did.
    expect(await sluice(['exec', number, '--', 'echo', 'back'])).toMatchObject({ code: 0, stdout: 'back\n' });
  });

  function processNamed(id: string, name: string): number | undefined {
    return processesOf(id).find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name);
  }
});

function isRunning(pid: string): boolean {
  return existsSync(`/proc/${pid}/stat`) && !/^\d+ \(.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

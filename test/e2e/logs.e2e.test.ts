// Logs of real tasks: followed over the death of everything in between, of earlier attempts, by time, and cheap.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LogPiece, SluiceClient } from '../../cli/client.js';
import { startCli } from '../cli/run-cli.js';
import { needs } from '../real-part.js';
import { processesOf, RealCluster, until } from './real-cluster.js';

describe.runIf(needs('build'))('logs', () => {
  const cluster = new RealCluster();
  let client: SluiceClient;

  beforeAll(async () => {
    await cluster.startScheduler();
    client = cluster.client();
    await client.createQueue({ queue: { name: 'research', guaranteeGpus: 4 } });
    await cluster.startAgent('n1');
  });
  afterAll(() => cluster.stop());

  async function submit(script: string): Promise<string> {
    const { workloads } = await client.submitWorkloads({
      specs: [{ name: 'w', queue: 'research', resources: { gpus: 1 }, command: { argv: ['sh', '-c', script] } }],
    });
    return String(workloads[0]?.number);
  }

  const running = (number: string) =>
    cluster.untilWorkload(client, number, ({ state }) => state === 'WORKLOAD_STATE_RUNNING');

  const agentPid = () =>
    processesOf(cluster.at('n1')).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('\0agent\0'));

  it('are followed over the deaths of agent and scheduler without losing or repeating a byte', async () => {
    const stop = cluster.at('stop');
    const number = await submit(`i=0; while [ ! -e ${stop} ]; do i=$((i+1)); echo line $i; sleep 0.01; done; echo end`);
    let text = '';
    let pieces = 0;
    const reader = (async () => {
      for await (const { data } of client.readLogs({ workload: number, follow: true })) {
        text += data.toString();
        pieces += 1;
      }
    })();
    const more = async () => {
      const before = pieces;
      await until('more of the log came', () => (pieces > before + 3 ? true : null));
    };
    await more();
    await cluster.endAgent('n1', 'SIGKILL');
    await cluster.startAgent('n1');
    await more();
    await cluster.endScheduler('SIGKILL');
    await cluster.startScheduler();
    await more();
    writeFileSync(stop, '');
    await reader;
    const lines = text.split('\n');
    expect(lines.at(-1)).toBe('');
    expect(lines.at(-2)).toBe('end');
    expect(lines.slice(0, -2)).toEqual(Array.from({ length: lines.length - 2 }, (_, at) => `line ${at + 1}`));
  });

  describe('of standard output and standard error', () => {
    const sluice = (command: string, ...argv: string[]) =>
      startCli([command, '--server', cluster.grpc, ...argv]).result;

    it('are one, in the order in which they were written, unless somebody asks otherwise', async () => {
      const number = await submit('for i in 1 2 3; do echo out $i; echo err $i >&2; done');
      await cluster.untilWorkload(client, number, ({ state }) => state === 'WORKLOAD_STATE_SUCCEEDED');
      expect((await sluice('logs', number)).stdout).toBe('out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n');
      expect(await sluice('logs', number, '--stderr')).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^error: workload \d+ has standard output and standard error in one log/),
      });
    });

    it('are two where that was asked for: read apart, or together by the time at which they were written', async () => {
      // Each word is noted before the next one is said, however slow the machine: a note has 16 bytes.
      const noted =
        'noted() { while [ "$(stat -c %s ../$1.times || echo 0)" -lt $(($2 * 16)) ]; do sleep 0.05; done 2>/dev/null; }';
      const turns = `${noted}; for i in 1 2 3; do echo out $i; noted log $i; echo err $i >&2; noted log.err $i; done`;
      const flags = ['--queue', 'research', '--separate-stderr', '--name', 'apart'];
      const attached = await sluice('run', ...flags, '--', 'sh', '-c', turns);
      expect(attached.stdout).toBe('out 1\nout 2\nout 3\n');
      expect(attached.stderr).toMatch(/\nerr 1\n[^]*err 2\n[^]*err 3\n/);
      expect((await sluice('logs', 'apart', '--stdout')).stdout).toBe('out 1\nout 2\nout 3\n');
      expect((await sluice('logs', 'apart', '--stderr')).stdout).toBe('err 1\nerr 2\nerr 3\n');
      const inOrder = 'out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n';
      expect((await sluice('logs', 'apart')).stdout).toBe(inOrder);
      expect((await sluice('logs', 'apart', '-f')).stdout).toBe(inOrder);
      expect((await sluice('logs', 'apart', '--tail', '1')).stdout).toBe('err 3\n');
      expect((await sluice('logs', 'apart', '--tail', '3')).stdout).toBe('err 2\nout 3\nerr 3\n');
      expect((await sluice('logs', 'apart', '--tail', '3', '-f')).stdout).toBe('err 2\nout 3\nerr 3\n');
      expect((await sluice('logs', 'apart', '--tail', '99')).stdout).toBe(inOrder);
      expect((await sluice('logs', 'apart', '--tail', '1', '--stdout')).stdout).toBe('out 3\n');
      expect((await sluice('logs', 'apart', '--grep', '[ue].* 2')).stdout).toBe('out 2\nerr 2\n');
      const position = cluster.at('position');
      expect((await sluice('logs', 'apart', '--position', position)).stderr).toMatch(
        /these are two\nAdd --stdout or --stderr/,
      );
      expect((await sluice('logs', 'apart', '--stderr', '--position', position)).stdout).toBe('err 1\nerr 2\nerr 3\n');
      expect((await sluice('logs', 'apart', '--stderr', '--position', position)).stdout).toBe('');
      expect((await sluice('logs', 'apart', '--stdout', '--position', position)).stderr).toMatch(
        /standard error, not of task 0/,
      );
    });

    it('are followed from their last lines on together, a line that had not ended yet too', async () => {
      const stop = cluster.at('stop-tail');
      const script = `for i in 1 2 3; do echo o$i; done; echo e1 >&2; printf o >&1; while [ ! -e ${stop} ]; do sleep 0.05; done; echo 4; echo e2 >&2`;
      const command = { argv: ['sh', '-c', script] };
      const spec = { name: 'ends', queue: 'research', command, separateStderr: true };
      await client.submitWorkloads({ specs: [spec] });
      await until('what it says first', async () => {
        const said = await sluice('logs', 'ends');
        return said.stdout.includes('e1') ? said : null;
      });
      const follower = startCli(['logs', '--server', cluster.grpc, 'ends', '--tail', '2', '-f']);
      await follower.stdoutHas('e1');
      writeFileSync(stop, '');
      const { stdout } = await follower.result;
      // What had not ended comes whole; of what came then nobody says in which order.
      expect(stdout).toMatch(/^(o3\ne1|e1\no3)\n(o4\ne2|e2\no4)\n$/);
    });

    it('are followed over the death of the agent, each without losing or repeating a byte', async () => {
      const stop = cluster.at('stop-both');
      const script = `i=0; while [ ! -e ${stop} ]; do i=$((i+1)); echo o $i; echo e $i >&2; sleep 0.02; done`;
      const command = { argv: ['sh', '-c', script] };
      const spec = { name: 'both', queue: 'research', command, separateStderr: true };
      const number = String((await client.submitWorkloads({ specs: [spec] })).workloads[0]?.number);
      const read = async (stream: 'LOG_STREAM_STDOUT' | 'LOG_STREAM_STDERR', seen: { text: string }) => {
        for await (const { data } of client.readLogs({ workload: number, follow: true, stream })) seen.text += data;
      };
      const [out, errors] = [{ text: '' }, { text: '' }];
      const readers = Promise.all([read('LOG_STREAM_STDOUT', out), read('LOG_STREAM_STDERR', errors)]);
      const more = () => {
        const [before, beforeErrors] = [out.text.length, errors.text.length];
        return until('more of both logs came', () =>
          out.text.length > before + 50 && errors.text.length > beforeErrors + 50 ? true : null,
        );
      };
      await more();
      await cluster.endAgent('n1', 'SIGKILL');
      await cluster.startAgent('n1');
      await more();
      writeFileSync(stop, '');
      await readers;
      const count = out.text.split('\n').length - 1;
      const all = (letter: string) => Array.from({ length: count }, (_, at) => `${letter} ${at + 1}\n`).join('');
      expect(out.text).toBe(all('o'));
      expect(errors.text).toBe(all('e'));
    });
  });

  it('of earlier attempts are kept', async () => {
    const number = await submit('echo attempt $SLUICE_ATTEMPT; sleep 600');
    await running(number);
    for (let attempt = 2; attempt <= 3; attempt += 1) {
      await client.requeueWorkloads({ workloads: [number], reason: 'again', hold: false });
      await cluster.untilWorkload(
        client,
        number,
        (one) => one.attempt === attempt && one.state === 'WORKLOAD_STATE_RUNNING',
      );
    }
    const read = async (request: object) => {
      let text = '';
      for await (const { data } of client.readLogs({ workload: number, ...request })) text += data.toString();
      return text;
    };
    await until('attempt 3 has printed', async () => ((await read({})) === 'attempt 3\n' ? true : null));
    expect(await read({ previous: true })).toBe('attempt 2\n');
    expect(await read({ attempt: 1 })).toBe('attempt 1\n');
    await expect(read({ attempt: 7 })).rejects.toMatchObject({
      reason: 'ATTEMPT_NOT_FOUND',
      message: expect.stringContaining('there is no attempt 7\nAttempts that are kept: 1, 2, 3.'),
    });
    await expect(read({ attempt: 1, previous: true })).rejects.toMatchObject({ reason: 'INVALID_ARGUMENT' });
    await client.cancelWorkloads({ workloads: [number] });
  });

  it('are read from a time on, with the times of what was written', async () => {
    const go = cluster.at('go');
    const number = await submit(`echo old; while [ ! -e ${go} ]; do sleep 0.05; done; echo new; sleep 600`);
    await running(number);
    const read = async (request: object) => {
      const pieces: LogPiece[] = [];
      for await (const piece of client.readLogs({ workload: number, ...request })) pieces.push(piece);
      return pieces;
    };
    // What is not noted yet counts as written now; a later look must not change its mind about what is.
    const timeOfOld = async () => {
      const [piece] = await read({ times: true });
      const time = piece?.times[0]?.time;
      return piece?.data.toString() === 'old\n' && time ? Number(time.seconds) * 1_000 + time.nanos / 1e6 : null;
    };
    let last = -1;
    const old = await until('the time of the old line is noted', async () => {
      const time = await timeOfOld();
      const isSettled = time !== null && time === last;
      last = time ?? -1;
      return isSettled ? time : null;
    });
    writeFileSync(go, '');
    const since = { seconds: Math.floor(old / 1_000) + 1, nanos: 0 };
    const text = await until('the new line alone', async () => {
      const found = (await read({ since, times: true })).map(({ data }) => data.toString()).join('');
      return found === '' ? null : found;
    });
    expect(text).toBe('new\n');
    await client.cancelWorkloads({ workloads: [number] });
  });

  it('that nobody waits for any more are given up by the agent', async () => {
    const number = await submit('echo hello; sleep 600');
    await running(number);
    const leave = new AbortController();
    /** Each log that somebody waits for is watched. */
    const watches = () => {
      const folder = `/proc/${agentPid()}/fdinfo`;
      const infos = readdirSync(folder).map((fd) =>
        existsSync(`${folder}/${fd}`) ? readFileSync(`${folder}/${fd}`, 'utf8') : '',
      );
      return infos.join('').split('inotify wd:').length - 1;
    };
    const before = watches();
    for await (const { data } of client.readLogs({ workload: number, follow: true }, { signal: leave.signal })) {
      if (!data.toString().includes('hello')) continue;
      await until('the agent watches the log', () => (watches() > before ? true : null));
      leave.abort();
    }
    await until('the agent watches it no more', () => (watches() === before ? true : null));
    await client.cancelWorkloads({ workloads: [number] });
  });

  it('cost the agent nothing however much a task prints', async () => {
    // A sixteenth of the gigabyte that the benchmark writes; what the agent took for all of it would show here as 6 MiB.
    const bytes = 64 * 1024 * 1024;
    const peakMib = () =>
      Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${agentPid()}/status`, 'utf8'))?.[1]) / 1024;
    const line = 'x'.repeat(1_023);
    const read = async (number: string) => {
      let count = 0;
      for await (const { data } of client.readLogs({ workload: number, follow: true })) count += data.length;
      return count;
    };
    expect(await read(await submit(`yes ${line} | head -c 1048576`))).toBe(1_048_576);
    const beforeMib = peakMib();
    expect(await read(await submit(`yes ${line} | head -c ${bytes}`))).toBe(bytes);
    expect(peakMib() - beforeMib).toBeLessThan(48);
  });
});

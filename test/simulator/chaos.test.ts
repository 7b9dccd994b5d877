// The referees of the real processes under fire: they must see what must not be. Tasks that share a GPU by mistake, a program
// that runs twice, lines that are cut.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { hasStrace } from '../../simulator/chaos/strace.js';
import { Proxy } from '../../simulator/chaos/proxy.js';
import { layOutMarks, type Manner, type Marks } from '../../simulator/chaos/task-program.js';
import { until } from '../../simulator/chaos/until.js';
import { needs } from '../real-part.js';

let folder = '';
let marks: Marks;
const started: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sluice-chaos-test-'));
  marks = layOutMarks(folder);
  mkdirSync(marks.gpus);
});

afterEach(() => {
  for (const child of started.splice(0)) if (child.pid !== undefined) endGroup(child.pid);
  rmSync(folder, { recursive: true });
});

interface Run {
  readonly allocation: string;
  readonly gpus: string;
  readonly share?: string;
  readonly manner?: Manner;
  readonly seconds?: string;
}

function run({ allocation, gpus, share = '', manner = 'plain', seconds = '30' }: Run): ChildProcess {
  const child = spawn(marks.program, [folder, seconds, manner, '0'], {
    detached: true,
    stdio: 'ignore',
    env: {
      PATH: process.env['PATH'],
      SLUICE_ALLOCATION_ID: allocation,
      SLUICE_WORKLOAD: '7',
      SLUICE_NODE: 'n1',
      CUDA_VISIBLE_DEVICES: gpus,
      SLUICE_GPU_SHARE: share,
    },
  });
  started.push(child);
  return child;
}

/** Waits until a task has its GPUs, by its mark on the last of them. */
async function holds(allocation: string, gpu: string): Promise<void> {
  await until('a task has its GPU', () => textOf(path.join(marks.gpus, gpu)).includes(`${allocation} of`));
}

describe('tasks see with the locks of the kernel', () => {
  test('one GPU in the hands of two', async () => {
    run({ allocation: 'A', gpus: 'gpu-1,gpu-2' });
    await holds('A', 'gpu-2');
    run({ allocation: 'B', gpus: 'gpu-2' });
    await holds('B', 'gpu-2');
    expect(textOf(marks.overlaps)).toMatch(/^B of 7 found gpu-2 in use by A of 7/);
    expect(textOf(marks.executions)).toBe('A 7\nB 7\n');
  });

  test('nothing where each has its own, one after the other too', async () => {
    run({ allocation: 'A', gpus: 'gpu-1' });
    const second = run({ allocation: 'B', gpus: 'gpu-2', seconds: '0' });
    await once(second, 'exit');
    await once(run({ allocation: 'C', gpus: 'gpu-2', seconds: '0' }), 'exit');
    expect(textOf(marks.overlaps)).toBe('');
  });

  test('shares beside each other, but not beside a whole GPU', async () => {
    run({ allocation: 'A', gpus: 'gpu-1', share: '500' });
    run({ allocation: 'B', gpus: 'gpu-1', share: '500' });
    await holds('A', 'gpu-1');
    await holds('B', 'gpu-1');
    expect(textOf(marks.overlaps)).toBe('');
    run({ allocation: 'C', gpus: 'gpu-1' });
    await holds('C', 'gpu-1');
    expect(textOf(marks.overlaps)).toMatch(/^C of 7 found gpu-1 in use/);
  });

  test('a process that was left behind', async () => {
    await once(run({ allocation: 'A', gpus: 'gpu-1', manner: 'forking', seconds: '0' }), 'exit');
    run({ allocation: 'B', gpus: 'gpu-1' });
    await holds('B', 'gpu-1');
    expect(textOf(marks.overlaps)).toMatch(/^B of 7 found gpu-1 in use by A of 7 \(forking\)/);
    for (const pid of pidsWith('SLUICE_ALLOCATION_ID=A')) process.kill(pid, 'SIGKILL');
  });
});

describe('a line', () => {
  let echo: Server;
  let line: Proxy;

  beforeEach(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    line = await Proxy.open(() => portOf(echo));
  });

  afterEach(async () => {
    await line.close();
    echo.close();
  });

  function portOf(server: Server): number {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  function dial(through = line): {
    readonly heard: () => string;
    readonly say: (text: string) => void;
    readonly isOpen: () => boolean;
  } {
    let heard = '';
    const socket = connect(Number(through.address.split(':')[1]), '127.0.0.1');
    socket.on('data', (bytes) => (heard += bytes.toString()));
    socket.on('error', () => undefined);
    return { heard: () => heard, say: (text) => socket.write(text), isOpen: () => !socket.destroyed };
  }

  test('carries what is said', async () => {
    const caller = dial();
    caller.say('one');
    await until('the echo', () => caller.heard() === 'one');
  });

  test('is silent and keeps what was said for later', async () => {
    const caller = dial();
    caller.say('one');
    await until('the echo', () => caller.heard() === 'one');
    line.silence({ up: true, down: true });
    caller.say('two');
    // As long as it takes another line to carry something there and back, twice.
    const other = await Proxy.open(() => portOf(echo));
    const second = dial(other);
    second.say('1');
    await until('the echo', () => second.heard() === '1');
    second.say('2');
    await until('the echo', () => second.heard() === '12');
    await other.close();
    expect(caller.heard()).toBe('one');
    line.heal();
    await until('the echo', () => caller.heard() === 'onetwo');
  });

  test('breaks, and refuses until it is healed', async () => {
    const caller = dial();
    caller.say('one');
    await until('the echo', () => caller.heard() === 'one');
    line.refuse();
    await until('the line is broken', () => !caller.isOpen());
    const refused = dial();
    refused.say('two');
    await until('the line is refused', () => !refused.isOpen());
    line.heal();
    const again = dial();
    again.say('three');
    await until('the echo', () => again.heard() === 'three');
  });
});

test.runIf(needs('build'))('what cannot be understood is said, and nothing is started', () => {
  const chaos = (...args: readonly string[]) =>
    spawnSync(process.execPath, [path.join(PACKAGE_ROOT, 'dist/simulator/chaos/main.js'), ...args], {
      encoding: 'utf8',
    });
  expect(chaos('--minutes', 'ten')).toMatchObject({ status: 2, stderr: expect.stringContaining('--minutes ten') });
  expect(chaos('--minuets', '3')).toMatchObject({ status: 2, stderr: expect.stringContaining('--minuets') });
  expect(chaos('--seed', '-1')).toMatchObject({ status: 2 });
});

test.runIf(needs('strace'))('strace is found', () => {
  expect(hasStrace()).toBe(true);
});

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Processes with a variable in their environment. */
function pidsWith(variable: string): readonly number[] {
  const found = spawnSync('grep', ['-lzs', `^${variable}$`, ...globProc()], { encoding: 'utf8' });
  return found.stdout
    .split('\n')
    .flatMap((file) => /^\/proc\/(\d+)\//.exec(file)?.[1] ?? [])
    .map(Number);
}

function globProc(): readonly string[] {
  const list = spawnSync('sh', ['-c', 'echo /proc/[0-9]*/environ'], { encoding: 'utf8' });
  return list.stdout.trim().split(' ');
}

// The daemons' log: its lines, what it hides, and that it never takes the daemon down with it.
// The processes run the built code in dist/, so `npm run build` comes first (npm test does it).
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../common/log.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';

function logging(level: 'info' | 'debug' = 'info') {
  const lines: Record<string, unknown>[] = [];
  const write = (text: string): void => void lines.push(JSON.parse(text) as Record<string, unknown>);
  return { lines, log: createLogger({ level, name: 'test', destination: { write } }) };
}

describe('lines', () => {
  it('say when, who, how bad and what', () => {
    const { lines, log } = logging();
    log.child({ component: 'fleet' }).warn({ node: 'n1', silentMs: 21_000 }, 'node is down');
    const { time, ...rest } = lines[0] ?? {};
    expect(rest).toEqual({
      level: 'warn',
      name: 'test',
      pid: process.pid,
      component: 'fleet',
      node: 'n1',
      silentMs: 21_000,
      msg: 'node is down',
    });
    expect(new Date(String(time)).toISOString()).toBe(time);
  });

  it('stay away below the level', () => {
    const { lines, log } = logging();
    log.debug('no');
    log.info('yes');
    expect(lines.map(({ msg }) => msg)).toEqual(['yes']);
  });

  it('tell an error with its stack', () => {
    const { lines, log } = logging();
    log.error({ err: new TypeError('boom') }, 'failed');
    expect(lines[0]).toMatchObject({ err: { type: 'TypeError', message: 'boom' } });
    expect(JSON.stringify(lines[0])).toContain('log.test.ts');
  });

  it('hide secrets by their names, two levels down', () => {
    const { lines, log } = logging();
    const secret = 'sluice-secret';
    log.info({ token: secret, node: 'n1' }, 'a');
    log.info({ request: { authorization: secret, path: '/x' } }, 'b');
    log.info({ call: { metadata: { Authorization: secret } }, config: { tls: { privateKey: secret } } }, 'c');
    expect(JSON.stringify(lines)).not.toContain(secret);
    expect(lines[0]).toMatchObject({ token: '[redacted]', node: 'n1' });
    expect(lines[1]).toMatchObject({ request: { authorization: '[redacted]', path: '/x' } });
  });
});

describe('stdout', () => {
  const PROGRAM = `
    const { createLogger } = await import(process.argv[1]);
    const log = createLogger({ level: 'info', name: 'test' });
    const lines = Number(process.argv[2]);
    process.on('message', () => process.exit(7));
    for (let line = 0; line < lines; line += 1) {
      log.info({ line, filler: 'x'.repeat(1000) }, 'hello');
      if (line % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    if (process.argv[3] === 'exit') { log.fatal('the end'); process.exit(70); }
    process.send('done');
  `;

  const children: ChildProcess[] = [];
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-log-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    for (const child of children.splice(0)) child.kill('SIGKILL');
  });

  function start(lines: number, then: 'exit' | 'wait', stdout: 'pipe' | number = 'pipe'): ChildProcess {
    const built = path.join(PACKAGE_ROOT, 'dist/common/log.js');
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM, '--', built, String(lines), then], {
      stdio: ['ignore', stdout, 'inherit', 'ipc'],
    });
    children.push(child);
    return child;
  }

  it('gets every line before the process ends', async () => {
    const child = start(500, 'exit');
    let text = '';
    child.stdout?.on('data', (chunk) => (text += String(chunk)));
    const [code] = await once(child, 'close');
    const lines = text.trimEnd().split('\n');
    expect(code).toBe(70);
    expect(lines).toHaveLength(501);
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ level: 'fatal', msg: 'the end' });
  });

  it('may be gone: the process goes on, and its exit code stands', async () => {
    const child = start(2000, 'wait');
    child.stdout?.destroy();
    expect(await once(child, 'message')).toEqual(['done', undefined]);
    child.send('leave');
    expect(await once(child, 'exit')).toEqual([7, null]);

    const ending = start(10, 'exit');
    ending.stdout?.destroy();
    expect(await once(ending, 'exit')).toEqual([70, null]);
  });

  /** A pipe whose reading end is ours. */
  function makePipe(): { readonly reader: Socket; readonly writerFd: number } {
    const file = path.join(folder, 'pipe');
    expect(spawnSync('mkfifo', [file]).status).toBe(0);
    // The reading end first, since a writing end alone does not open.
    const readerFd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const writerFd = openSync(file, constants.O_WRONLY);
    return { reader: new Socket({ fd: readerFd, readable: true, writable: false }), writerFd };
  }

  it('may be a pipe that nobody reads: the process goes on, and its exit code stands', async () => {
    const { reader, writerFd } = makePipe();
    // Far more than a pipe and the buffer hold.
    const child = start(20_000, 'wait', writerFd);
    expect((await once(child, 'message'))[0]).toBe('done');
    child.send('leave');
    expect(await once(child, 'exit')).toEqual([7, null]);
    reader.destroy();
    closeSync(writerFd);
  });

  it('may be a pipe that is read late: it gets what fits, and is told how much did not', async () => {
    const { reader, writerFd } = makePipe();
    const child = start(20_000, 'wait', writerFd);
    closeSync(writerFd);
    await once(child, 'message');
    let text = '';
    let told = false;
    for await (const chunk of reader) {
      text += String(chunk);
      if (told || !text.includes('droppedLines')) continue;
      told = true;
      child.send('leave');
    }
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const got = lines.map(({ line }) => line).filter((line) => line !== undefined);
    expect(got).toEqual(Array.from({ length: got.length }, (_, line) => line));
    expect(got.length * 1000).toBeGreaterThan(7 * 1024 * 1024);
    expect(lines.at(-1)).toMatchObject({ level: 'warn', droppedLines: 20_000 - got.length });
  });
});

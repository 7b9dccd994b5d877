// `sluice dev` for real: it starts, work runs on it, and Ctrl-C leaves neither a process nor a folder.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { temporaryFolder } from './run-cli.js';

const PROGRAM = path.join(PACKAGE_ROOT, 'dist/cli/main.js');

/** A started command whose output is collected. */
class Command {
  readonly #child: ChildProcess;
  output = '';
  errors = '';
  readonly ended: Promise<number | null>;
  #listeners: (() => void)[] = [];

  constructor(argv: readonly string[], env: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [PROGRAM, ...argv], { env: { PATH: process.env['PATH'] ?? '', ...env } });
    const heard = () => this.#listeners.forEach((listener) => listener());
    this.#child.stdout?.on('data', (data: Buffer) => {
      this.output += data.toString();
      heard();
    });
    this.#child.stderr?.on('data', (data: Buffer) => {
      this.errors += data.toString();
      heard();
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        resolve(code);
        heard();
      });
    });
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  /** Resolves once it printed this; rejects when it ends without. */
  async prints(text: string): Promise<void> {
    const found = new Promise<void>((resolve) => {
      const look = () => (this.output + this.errors).includes(text) && resolve();
      this.#listeners.push(look);
      look();
    });
    const over = this.ended.then((code) => {
      if (!(this.output + this.errors).includes(text))
        throw new Error(`ended with ${code}:\n${this.output}${this.errors}`);
    });
    await Promise.race([found, over]);
  }

  interrupt(): void {
    this.#child.kill('SIGINT');
  }
}

/** Processes whose command line or environment names a folder. */
function processesNaming(folder: string): readonly string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => ['cmdline', 'environ'].some((file) => readIfThere(`/proc/${pid}/${file}`).includes(folder)));
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    // The process ended, or is somebody else's.
    if (error instanceof Error && 'code' in error) return '';
    throw error;
  }
}

describe('sluice dev', () => {
  it('runs work on simulated GPUs until Ctrl-C, and leaves nothing', async () => {
    const home = temporaryFolder();
    const env = { HOME: home, TMPDIR: home };
    // Another cluster of this kind may run: its context is only borrowed.
    const others = ['config', 'set-context', 'dev', '--server', '127.0.0.1:1'];
    expect(await new Command(others, env).ended).toBe(0);
    const dev = new Command(['dev', '--nodes', '1x2xh100'], env);
    await dev.prints('Ctrl-C stops all of it.');
    expect(dev.output).toContain('1 node, 2 GPUs (SIMULATED: no hardware behind them)');
    const folder = /folder {5}(\S+)/.exec(dev.output)?.[1] ?? '';
    expect(existsSync(folder)).toBe(true);

    const nodes = new Command(['get', 'nodes'], env);
    expect(await nodes.ended).toBe(0);
    expect(nodes.output).toMatch(/^node-1 +Ready +\S+ +H100-80GB\(SIMULATED\) +0\/2\/0\/2/m);

    const job = new Command(['run', '-G', '1', '--', 'sh', '-c', 'echo on $SLUICE_NODE; exit 3'], env);
    expect(await job.ended).toBe(3);
    expect(job.output).toBe('on node-1\n');

    const stubborn = new Command(
      ['run', '-G', '1', '--', 'sh', '-c', 'trap "" TERM; echo up; setsid sleep 1000 & wait'],
      env,
    );
    await stubborn.prints('up\n');
    stubborn.interrupt();
    expect(await stubborn.ended).toBe(130);
    expect(stubborn.errors).toContain('Detached; workload 2 goes on.');

    dev.interrupt();
    await dev.prints('Stopping');
    dev.interrupt();
    expect(await dev.ended).toBe(0);
    expect(existsSync(folder)).toBe(false);
    expect(processesNaming(folder)).toEqual([]);
    const contexts = new Command(['config', 'get-contexts'], env);
    expect(await contexts.ended).toBe(0);
    expect(contexts.output).toMatch(/^\* +dev +127\.0\.0\.1:1 /m);
  });

  it('says which part ended by itself, and stops the rest', async () => {
    const home = temporaryFolder();
    const dev = new Command(['dev', '--nodes', '1x1xnosuchmodel'], { HOME: home, TMPDIR: home });
    expect(await dev.ended).toBe(1);
    expect(dev.errors).toContain('error: node-1 ended by itself (exit code');
    expect(dev.errors).toContain('nosuchmodel');
    expect(processesNaming(home)).toEqual([]);
  });
});

// The built agent as a process of its own, for tests that kill it.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { killLeftovers } from '../../cli/dev-processes.js';
import { systemClock } from '../../common/clock.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { isAlive, type ProcessIdentity } from '../../node-agent/runtime/process-identity.js';
import { eventually } from './eventually.js';

const PROGRAM = path.join(PACKAGE_ROOT, 'dist/node-agent/main.js');

/** A state folder with an agent on it, which may be killed and started again. */
export class AgentProcess {
  readonly stateDir = mkdtempSync(path.join(os.tmpdir(), 'sluice-agent-'));
  #child: ChildProcess | null = null;
  output = '';

  /** Starts an agent on the folder. */
  start(server: string, flags: readonly string[] = ['--simulate', '2xH100']): void {
    this.startAs([], server, flags);
  }

  /** The same by way of another program, such as one that gives up rights; the folder is then everybody's. */
  startAs(by: readonly string[], server: string, flags: readonly string[] = ['--simulate', '2xH100']): void {
    if (by.length > 0) chmodSync(this.stateDir, 0o777);
    const [program, ...args] = [...by, process.execPath, PROGRAM, '--server', server, '--name', 'n1'];
    const child = spawn(program, [...args, '--state-dir', this.stateDir, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], SECRET_OF_THE_AGENT: 'x' },
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.output += String(chunk)));
    this.#child = child;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Ends the agent alone and waits until it is gone. @returns its exit code; null = by the signal */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    child.kill(signal);
    return exited;
  }

  /** The exit code, once the agent ended by itself. */
  async exitCode(): Promise<number> {
    return eventually('the agent ends', () =>
      this.#child?.exitCode === null ? null : { code: this.#child?.exitCode },
    ).then(({ code }) => code ?? -1);
  }

  folder(id: string): string {
    return path.join(this.stateDir, 'allocations', id);
  }

  /** The supervisor that claimed an allocation. */
  supervisorOf(id: string): ProcessIdentity {
    const claim = JSON.parse(readFileSync(path.join(this.folder(id), 'claim'), 'utf8')) as {
      supervisor: ProcessIdentity;
    };
    return claim.supervisor;
  }

  /** Ends everything of this folder and removes it. */
  async dispose(): Promise<void> {
    await this.end('SIGKILL');
    // The supervisor and the tasks are made to outlive the agent.
    const left = await killLeftovers([this.stateDir], systemClock);
    if (left.length > 0) throw new Error(`these processes would not end: ${left.join(', ')}`);
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

/** Waits until exactly this process is gone. */
export function untilGone(process: ProcessIdentity): Promise<boolean> {
  return eventually(`process ${process.pid} is gone`, () => (isAlive(process) ? null : true));
}

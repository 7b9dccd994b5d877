// One life of a cluster: a scheduler and agents as processes, users, and everything that keeps them going. What breaks it
// is in faults.ts, what must have held in audit.ts.
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type SluiceClient } from '../../cli/client.js';
import { freePort } from '../../common/free-port.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { Random } from '../random.js';
import { Circles } from './circles.js';
import { hasFaketime, JumpingClock } from './clock-steps.js';
import { openDisk, type Disk, type DiskKind } from './disk.js';
import { Member } from './member.js';
import { processesOf, signal, supervisorsOf } from './processes.js';
import { Proxy } from './proxy.js';
import { layOutMarks, type Marks } from './task-program.js';
import { until } from './until.js';
import { Users } from './users.js';

const CIRCLES = 8;
const PROGRAM = path.join(PACKAGE_ROOT, 'dist/cli/main.js');
const NODES = 3;
const GPUS_PER_NODE = 4;
/** Short, so that leases run out and nodes are fenced within minutes. */
const HEARTBEAT = '500ms';
const LEASE = '3s';
/** How long calls may go unanswered once everything is mended. */
const ANSWER_LIMIT_MS = 60_000;
const VANISH_LIMIT_MS = 20_000;

/** A node of the cluster. */
export interface Node {
  readonly name: string;
  readonly stateDir: string;
  readonly agent: Member;
  /** Its line to the scheduler. */
  readonly line: Proxy;
}

/** A cluster under fire. */
export class Life {
  readonly folder: string;
  readonly random: Random;
  readonly disk: Disk;
  readonly marks: Marks;
  readonly scheduler: Member;
  readonly nodes: readonly Node[];
  readonly users: Users;
  readonly circles: Circles;
  /** The users' line to the scheduler. */
  readonly line: Proxy;
  /** Null where the time of day cannot be made to jump. */
  readonly clock: JumpingClock | null;
  /** What must not have happened, in words. */
  readonly findings: string[];
  readonly #client: SluiceClient;
  #isOver = false;

  private constructor(
    folder: string,
    random: Random,
    disk: Disk,
    parts: Pick<Life, 'marks' | 'scheduler' | 'nodes' | 'line' | 'clock' | 'findings'>,
  ) {
    this.folder = folder;
    this.random = random;
    this.disk = disk;
    this.marks = parts.marks;
    this.scheduler = parts.scheduler;
    this.nodes = parts.nodes;
    this.line = parts.line;
    this.clock = parts.clock;
    this.findings = parts.findings;
    this.#client = connect({ server: parts.line.address, deadlineMs: 3_000 });
    this.users = new Users(this.#client, random, parts.marks);
    this.circles = new Circles({ addresses: [parts.line.address] }, CIRCLES, random, parts.marks);
  }

  /** Starts a cluster with its data on a disk of a kind, in a folder that exists. */
  static async begin(folder: string, kind: DiskKind, random: Random): Promise<Life> {
    const findings: string[] = [];
    const marks = layOutMarks(folder);
    mkdirSync(marks.gpus);
    const disk = openDisk(kind, path.join(folder, 'disk'));
    // The library costs at every look at the clock; the other kinds of life do without.
    const clock = kind === 'folder' && hasFaketime() ? new JumpingClock(folder) : null;
    const onUnexpectedEnd = (name: string, how: string, lastWords: string): void => {
      findings.push(`${name}: ${how}\n${lastWords}`);
    };
    const readyFile = path.join(folder, 'ready.json');
    const port = await freePort();
    const where = [
      '--listen',
      `127.0.0.1:${port}`,
      '--http',
      'off',
      '--data-dir',
      disk.dataDir,
      '--ready-file',
      readyFile,
    ];
    const scheduler = new Member({
      name: 'scheduler',
      command: [process.execPath, PROGRAM, 'server', ...where, '--heartbeat', HEARTBEAT, '--lease', LEASE],
      ...(clock === null ? {} : { environment: clock.environment }),
      logFile: path.join(folder, 'scheduler.log'),
      onUnexpectedEnd,
    });
    scheduler.start();
    const nodes: Node[] = [];
    for (let at = 1; at <= NODES; at += 1) {
      const name = `n${at}`;
      const line = await Proxy.open(() => port);
      const stateDir = path.join(folder, name);
      const shared = path.join(folder, 'shared');
      const flags = ['--server', line.address, '--name', name, '--state-dir', stateDir, '--shared-dir', shared];
      const agent = new Member({
        name,
        command: [process.execPath, PROGRAM, 'agent', ...flags, '--simulate', `${GPUS_PER_NODE}xh100`],
        logFile: path.join(folder, `${name}.log`),
        onUnexpectedEnd,
      });
      agent.start();
      nodes.push({ name, stateDir, agent, line });
    }
    const line = await Proxy.open(() => port);
    const life = new Life(folder, random, disk, { marks, scheduler, nodes, line, clock, findings });
    await until('the scheduler serves', () => existsSync(readyFile));
    await life.users.prepare(NODES * GPUS_PER_NODE, life.circles.queues);
    return life;
  }

  /** Everybody works until {@link leave}. */
  async work(): Promise<void> {
    await Promise.all([this.users.work(), this.circles.work()]);
  }

  leave(): void {
    this.users.leave();
    this.circles.leave();
  }

  /** Mends everything: what was stopped goes on, what was cut is joined, what is down comes back. */
  heal(): void {
    this.disk.empty();
    this.clock?.step(0);
    for (const line of [this.line, ...this.nodes.map((node) => node.line)]) line.heal();
    for (const { stateDir } of this.nodes) for (const pid of supervisorsOf(stateDir)) signal(pid, 'SIGCONT');
    for (const member of [this.scheduler, ...this.nodes.map(({ agent }) => agent)]) {
      member.thaw();
      member.start();
    }
  }

  /** Waits until every user has an answer. A scheduler that leaves them waiting is a finding, and gives way to the next. */
  async answerEverybody(work: Promise<void>): Promise<void> {
    const limit = new AbortController();
    const isTooLong = await Promise.race([
      work.then(() => false),
      sleep(ANSWER_LIMIT_MS, true, { signal: limit.signal }),
    ]);
    limit.abort();
    if (!isTooLong) return;
    const { scheduler, findings } = this;
    findings.push(`the scheduler was healed and gives no answer for ${ANSWER_LIMIT_MS} ms:\n${scheduler.lastWords()}`);
    await scheduler.kill(0);
    await work;
  }

  /** Processes of tasks and what they left: neither members nor supervisors. */
  taskProcesses(): readonly string[] {
    const ours = new Set([this.scheduler.pid, ...this.nodes.map(({ agent }) => agent.pid)]);
    return processesOf(this.folder)
      .filter(({ pid, command }) => !ours.has(pid) && !command.includes('node-agent/runtime/supervisor.js'))
      .map(({ pid, command }) => `${pid} ${command}`);
  }

  /** Ends every process and lets the disk go. The folder stays with its logs. */
  async end(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#client.close();
    for (const { agent } of this.nodes) await agent.stop('SIGTERM');
    await this.scheduler.stop('SIGTERM');
    for (const line of [this.line, ...this.nodes.map((node) => node.line)]) await line.close();
    await until(
      'every process is gone',
      () => {
        const left = processesOf(this.folder);
        for (const { pid } of left) signal(pid, 'SIGKILL');
        return left.length === 0;
      },
      VANISH_LIMIT_MS,
    );
    this.disk.close();
  }
}

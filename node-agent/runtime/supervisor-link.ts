// The agent's side of the line to the supervisor: finds the one that is there or starts one, and says when it is gone.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { Isolation } from './isolation.js';
import { isAlive, type ProcessIdentity } from './process-identity.js';
import {
  onLines,
  sendLine,
  socketPath,
  SUPERVISOR_PROTOCOL,
  type SupervisorEvent,
  type SupervisorOrder,
} from './supervisor-protocol.js';

/** The program; always the built one, since it is a process of its own. */
export const SUPERVISOR_PROGRAM = path.join(PACKAGE_ROOT, 'dist/node-agent/runtime/supervisor.js');

/** How long a supervisor may take to answer, in ms. */
const ANSWER_LIMIT_MS = 15_000;
const CONNECT_PAUSE_MS = 10;
/** So many connects are tried at least, though the clock went on: an agent that was stopped, or hardly ran, has not waited. */
const LEAST_CONNECTS = ANSWER_LIMIT_MS / CONNECT_PAUSE_MS;
/** After how many failed connects, CONNECT_PAUSE_MS apart, one is started (again). */
const CONNECTS_PER_START = 200;

export interface SupervisorLinkOptions {
  readonly stateDir: string;
  /** How long a supervisor stays without agent and tasks, in ms; absent = its own default. */
  readonly idleLeaveMs?: number;
}

export interface SupervisorListener {
  event(event: Exclude<SupervisorEvent, { type: 'hello' }>): void;
  /** The line broke; nothing more comes over it. */
  lost(identity: ProcessIdentity): void;
}

/** A line to the supervisor of a state folder. */
export class SupervisorLink {
  readonly identity: ProcessIdentity;
  /** What it had when the line was made. */
  readonly tasks: ReadonlySet<string>;
  /** What it can hold tasks to; null = it is of a version that does not tell. */
  readonly isolation: Isolation | null;
  readonly #socket: Socket;
  #closed = false;
  #lost = false;

  private constructor(socket: Socket, hello: Extract<SupervisorEvent, { type: 'hello' }>) {
    this.#socket = socket;
    this.identity = hello.identity;
    this.tasks = new Set(hello.tasks);
    this.isolation = hello.isolation ?? null;
    socket.on('close', () => (this.#lost = true));
  }

  /** Connects, starting a supervisor when there is none. @throws Error when none answers in time */
  static async open(options: SupervisorLinkOptions, listener: SupervisorListener): Promise<SupervisorLink> {
    const stateDirFd = openSync(options.stateDir, 'r');
    const endMs = performance.now() + ANSWER_LIMIT_MS;
    try {
      for (let tries = 0; tries < LEAST_CONNECTS || performance.now() < endMs; tries += 1) {
        const socket = await connect(socketPath(stateDirFd));
        if (socket !== null) return await greet(socket, listener, (hello) => new SupervisorLink(socket, hello));
        if (tries % CONNECTS_PER_START === 0) startSupervisor(options);
        await delay(CONNECT_PAUSE_MS);
      }
    } finally {
      closeSync(stateDirFd);
    }
    throw new Error(
      `the supervisor of tasks did not answer in ${ANSWER_LIMIT_MS / 1000} s\n` +
        `See ${path.join(options.stateDir, 'supervisor.log')} for why.`,
    );
  }

  send(order: SupervisorOrder): void {
    sendLine(this.#socket, order);
  }

  /** Leaves the supervisor and its tasks to themselves. */
  close(): void {
    this.#closed = true;
    // What was sent last still arrives.
    this.#socket.destroySoon();
  }

  /** Whether the line broke: what was told over it is of the past, and its supervisor as good as dead. */
  get lost(): boolean {
    return this.#lost;
  }

  /** True after {@link close}: the end of the line is then no news. */
  get closed(): boolean {
    return this.#closed;
  }
}

/** Ends a supervisor whose line broke, so that nothing of it starts or stops anything any more. */
export async function makeSureIsDead(supervisor: ProcessIdentity): Promise<void> {
  while (isAlive(supervisor)) {
    try {
      process.kill(supervisor.pid, 'SIGKILL');
    } catch (error) {
      // Gone in between, which is what was wanted.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await delay(CONNECT_PAUSE_MS);
  }
}

function startSupervisor({ stateDir, idleLeaveMs }: SupervisorLinkOptions): void {
  const log = openSync(path.join(stateDir, 'supervisor.log'), 'a', 0o600);
  const limit = idleLeaveMs === undefined ? [] : [String(idleLeaveMs)];
  // An empty environment: a supervisor that runs for months should not depend on who happened to start it.
  const child = spawn(process.execPath, [SUPERVISOR_PROGRAM, stateDir, ...limit], {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
}

function connect(socketFile: string): Promise<Socket | null> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(socketFile);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(null);
      else reject(error);
    });
  });
}

function greet(
  socket: Socket,
  listener: SupervisorListener,
  make: (hello: Extract<SupervisorEvent, { type: 'hello' }>) => SupervisorLink,
): Promise<SupervisorLink> {
  return new Promise((resolve, reject) => {
    let link: SupervisorLink | null = null;
    const timer = setTimeout(() => socket.destroy(new Error('the supervisor says nothing')), ANSWER_LIMIT_MS);
    onLines(socket, (message) => {
      const event = message as SupervisorEvent;
      if (event.type !== 'hello') {
        if (link?.closed === false) listener.event(event);
        return;
      }
      clearTimeout(timer);
      if (event.protocol !== SUPERVISOR_PROTOCOL) {
        socket.destroy(
          new Error(
            `tasks are held by a supervisor of protocol ${event.protocol}, this agent speaks ${SUPERVISOR_PROTOCOL}\n` +
              'Run the agent of the version that started it until its tasks have ended.',
          ),
        );
        return;
      }
      link = make(event);
      resolve(link);
    });
    socket.on('error', (error) => reject(error));
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new Error('the supervisor ended before it said hello'));
      if (link !== null && !link.closed) listener.lost(link.identity);
    });
  });
}

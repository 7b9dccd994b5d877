// The program that holds the tasks of one node: it outlives the agent, starts tasks, keeps their exit codes, ends whatever
// a task leaves behind, and stops tasks whose lease is over even when the agent is dead. One per state folder, started by
// the agent, gone by itself when there is neither an agent nor a task.
//
// One process for all tasks, because a process per task cost three times as much per task (docs/internals/node-agent.md).
// It imports little and nothing lazily that it could not do without: its package may be replaced under it.
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, closeSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { InvariantViolation } from '../../common/assert.js';
import { EXIT_CAUSE } from '../../common/exit-causes.js';
import { lockFile } from '../../common/file-lock.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { StopReason } from '../session/allocation.js';
import { AllocationFolder, type EndRecord, type TaskSpec } from './allocation-folder.js';
import { limitMemory, type TaskLimits } from './cgroup-limits.js';
import {
  type CgroupHome,
  findCgroupHome,
  foldersOf,
  groupsFor,
  makeGroups,
  removeAbandoned,
  removeCgroup,
  type TaskGroup,
} from './cgroup.js';
import { type DeviceFilter, denyDevices, filterDevices } from './device-filter.js';
import { DiskWatch } from './disk-watch.js';
import { emptyWork, removeScratch } from './empty-work.js';
import { howItWasHeld, isolationOf, memoryCause } from './holding.js';
import { readLease } from './lease-file.js';
import { holdBelowCap } from './log-cap.js';
import { LogTimesWriter } from './log-times.js';
import { forbidNewPrivileges } from './no-new-privileges.js';
import { bootMs, identify, ownIdentity, type ProcessIdentity } from './process-identity.js';
import { endTree, processesOf, signalTree, type TaskTree } from './process-tree.js';
import { giveNotice } from './early-signal.js';
import { graceWithoutLease, isOverdue, killTime, noticeMs, WATCH_MS } from './supervision.js';
import {
  onLines,
  sendLine,
  socketPath,
  SUPERVISOR_PROTOCOL,
  type SupervisorEvent,
  type SupervisorOrder,
} from './supervisor-protocol.js';
import { checkStart, describeSpawnError, type StartRefusal } from './start-refusals.js';
import { startInTask } from './task-start.js';

/** Holds the terminal of an interactive task; the built one, since it is a process of its own. */
const TERMINAL_HOST = path.join(PACKAGE_ROOT, 'dist/node-agent/exec/terminal-host.js');
/** How long killing a task is tried before it is reported with what is left of it, in ms. */
const KILL_LIMIT_MS = 10_000;
/** How long it stays without agent and tasks, in ms, unless told otherwise. */
const IDLE_LEAVE_MS = 30_000;
/** How often what the system refused, such as a write to a full disk, is tried again, in ms. */
const RETRY_MS = 1_000;
/** How often a task's file says anew how long it has, in ms. */
const TIME_LEFT_MS = 10_000;
/** Between two tries to end what came into a task's groups at its end, in ms. */
const GROUP_PAUSE_MS = 5;
/** How often the removal of a group whose last process is half dead is tried, every WATCH_MS. */
const MAX_GROUP_REMOVALS = 20;

interface LiveTask {
  readonly spec: TaskSpec;
  readonly folder: AllocationFolder;
  readonly tree: TaskTree;
  readonly group: TaskGroup | null;
  readonly devices: DeviceFilter | null;
  readonly disk: DiskWatch | null;
  /** One, or that of standard output and that of standard error. */
  readonly logs: readonly { readonly file: string; readonly times: LogTimesWriter }[];
  readonly startedMs: number;
  /** The same by the clocks that nobody sets. */
  readonly started: { readonly bootMs: number; readonly steadyMs: number };
  /** Set once the main process ended. */
  ended: boolean;
  /** When its time limit passes, in ms since boot, and what its file said last; null = it has none. */
  limit: { readonly endMs: number; readonly toldMs: number } | null;
  /** Why the supervisor itself ended it, in words; empty = it did not. */
  cause: string;
  stop: { readonly killAtMs: number; readonly timers: readonly NodeJS.Timeout[] } | null;
}

/** The clock that goes on in a suspend is read in hundredths of a second; where both agree the finer one counts. */
const BOOT_CLOCK_STEP_MS = 20;

function ranMs({ started }: Pick<LiveTask, 'started'>): number {
  const byBootMs = bootMs() - started.bootMs;
  const steadyMs = performance.now() - started.steadyMs;
  return Math.round(Math.abs(byBootMs - steadyMs) <= BOOT_CLOCK_STEP_MS ? steadyMs : Math.max(0, byBootMs));
}

/** Holds the tasks of one state folder. */
class Supervisor {
  readonly #stateDir: string;
  #idleLeaveMs: number;
  readonly #identity = ownIdentity();
  readonly #cgroups: CgroupHome | null = findCgroupHome();
  readonly #isolation = isolationOf(this.#cgroups, forbidNewPrivileges());
  readonly #tasks = new Map<string, LiveTask>();
  /** Ends on their way to the disk. */
  readonly #recording = new Set<string>();
  readonly #agents = new Set<Socket>();
  readonly #emptyGroups = new Map<TaskGroup, number>();
  readonly #server: Server;
  /** The last lease that could be read; before the first one, tasks have what they were started with. */
  #leaseMs = bootMs();
  #idleSinceMs = performance.now();

  constructor(stateDir: string, idleLeaveMs: number) {
    this.#stateDir = stateDir;
    this.#idleLeaveMs = idleLeaveMs;
    this.#server = createServer((socket) => this.#greet(socket));
  }

  serve(): void {
    rmSync(path.join(this.#stateDir, 'supervisor.sock'), { force: true });
    const address = socketPath(openSync(this.#stateDir, 'r'));
    // Users pass through the folder where tasks run as such; only ours may give orders.
    this.#server.listen(address, () => chmodSync(address, 0o600));
    const cgroups = this.#cgroups;
    if (cgroups !== null) attempt('abandoned groups', () => removeAbandoned(cgroups, Date.now()));
    setInterval(() => attempt('watch', () => this.#watch()), WATCH_MS);
    // What asks everyone to end, such as a shutting down machine, asks the tasks too; their exits are then recorded.
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => say(`${signal} ignored: ${this.#tasks.size} tasks are held here`));
    }
  }

  #greet(socket: Socket): void {
    this.#agents.add(socket);
    socket.on('error', (error) => say(`agent connection: ${error.message}`));
    socket.on('close', () => this.#agents.delete(socket));
    onLines(socket, (message) => {
      const order = message as SupervisorOrder;
      attempt(order.type === 'leave' ? 'leave' : order.id, () => this.#obey(order));
    });
    const tasks = [...new Set([...this.#tasks.keys(), ...this.#recording])];
    sendLine(socket, {
      type: 'hello',
      protocol: SUPERVISOR_PROTOCOL,
      identity: this.#identity,
      tasks,
      isolation: this.#isolation,
    });
  }

  #tell(event: SupervisorEvent): void {
    for (const agent of this.#agents) sendLine(agent, event);
  }

  #obey(order: SupervisorOrder): void {
    switch (order.type) {
      case 'start':
        this.#start(order.id, new AllocationFolder(order.folder), order.notAfterMs ?? Infinity);
        return;
      case 'stop':
        this.#stop(order.id, order.reason, order.graceMs);
        return;
      case 'time left':
        this.#setTimeLeft(order.id, order.leftMs);
        return;
      case 'leave':
        this.#idleLeaveMs = 0;
        return;
    }
  }

  #start(id: string, folder: AllocationFolder, notAfterMs: number): void {
    const spec = readSpec(folder);
    const group = spec === null || this.#cgroups === null ? null : groupsFor(this.#cgroups, id, limitsOf(spec));
    const groups = group === null ? { cgroup: null } : { cgroup: group.group, limitGroups: group.limits };
    if (
      spec === null ||
      bootMs() > notAfterMs ||
      this.#isLate(spec) ||
      !folder.claim({ by: 'supervisor', supervisor: this.#identity, ...groups })
    ) {
      this.#tell({ type: 'refused', id });
      return;
    }
    const refusal = checkStart(spec);
    if (refusal !== null) {
      void this.#refuse(spec, folder, group, refusal);
      return;
    }
    let child: ChildProcess;
    let devices: DeviceFilter | null = null;
    try {
      devices = prepare(spec, group);
      child = this.#spawn(spec, folder, group);
    } catch (error) {
      devices?.close();
      if (error instanceof InvariantViolation) throw error;
      void this.#refuse(spec, folder, group, describeSpawnError(spec, error as NodeJS.ErrnoException));
      return;
    }
    // Comes in the same turn as spawn() when the program could not be executed.
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) void this.#refuse(spec, folder, group, describeSpawnError(spec, error));
      else say(`${id}: ${error.message}`);
    });
    if (child.pid === undefined) devices?.close();
    else this.#hold(child, child.pid, spec, folder, group, devices);
  }

  /** An order may come late: its agent, or this process, was frozen after the decision. By then the node may have been given up. */
  #isLate(spec: TaskSpec): boolean {
    try {
      const leaseMs = readLease(this.#stateDir);
      return leaseMs !== null && isOverdue(spec, leaseMs, bootMs());
    } catch (error) {
      say(`${spec.id}: the lease cannot be read, so the last one that could be counts: ${String(error)}`);
      return isOverdue(spec, this.#leaseMs, bootMs());
    }
  }

  /** Starts the program in a session and a group of its own, its output appended straight to the log. */
  #spawn(spec: TaskSpec, folder: AllocationFolder, group: TaskGroup | null): ChildProcess {
    const log = openSync(folder.log, 'a', 0o600);
    const errors = spec.separateStderr === true ? openSync(folder.errorLog, 'a', 0o600) : log;
    const cause = spec.ranks === true ? openSync(folder.cause, 'w', 0o600) : null;
    try {
      if (spec.terminal === true) return startTerminalHost(spec, folder, log);
      const stdio = ['ignore' as const, log, errors, ...(cause === null ? [] : [cause])];
      return startInTask(spec, group, { argv: spec.argv, stdio });
    } finally {
      closeSync(log);
      if (errors !== log) closeSync(errors);
      if (cause !== null) closeSync(cause);
    }
  }

  #hold(
    child: ChildProcess,
    pid: number,
    spec: TaskSpec,
    folder: AllocationFolder,
    group: TaskGroup | null,
    devices: DeviceFilter | null,
  ): void {
    const startedMs = Date.now();
    const started = { bootMs: bootMs(), steadyMs: performance.now() };
    const root = identify(pid);
    const own = spec.user === undefined ? {} : { uid: spec.user.uid };
    const tree: TaskTree = { allocation: spec.id, root, cgroup: group?.group ?? null, ...own };
    const files = spec.separateStderr === true ? [folder.log, folder.errorLog] : [folder.log];
    const logs = files.map((file) => ({ file, times: new LogTimesWriter(file) }));
    const disk = spec.workLimitBytes === undefined ? null : new DiskWatch(folder, spec.workLimitBytes);
    const held = { group, devices, disk, logs, startedMs, started };
    const task: LiveTask = { spec, folder, tree, ...held, ended: false, limit: null, cause: '', stop: null };
    this.#tasks.set(spec.id, task);
    if (spec.timeLimitMs !== undefined) this.#setTimeLeft(spec.id, spec.timeLimitMs);
    child.on('exit', (code, signal) => void this.#end(task, code, signal ?? ''));
    try {
      if (group !== null) limitMemory(group.limits, limitsOf(spec));
    } catch (error) {
      const { memoryMib } = limitsOf(spec);
      this.#cut(
        task,
        `${EXIT_CAUSE.memory}: more than the ${memoryMib} MiB it had asked for at its start (${String(error)})`,
      );
    }
    offerToKernel(pid);
    this.#tell({ type: 'started', id: spec.id, startedMs });
    if (root !== null) folder.writeRunning({ process: root, startedMs });
  }

  /** The main process ended: whatever else the task forked ends with it, and then it is on record. */
  async #end(task: LiveTask, code: number | null, signal: string): Promise<void> {
    // How long it ran is charged for: the time of day says when it began, the clock that nobody sets how long it took.
    const endedMs = task.startedMs + ranMs(task);
    task.ended = true;
    const stopSignalled = task.stop !== null;
    for (const timer of task.stop?.timers ?? []) clearTimeout(timer);
    // Before the group is gone.
    const held = howItWasHeld(task, code === 0 && signal === '');
    task.devices?.close();
    const left = await this.#clear(task);
    this.#lookAtLog(task);
    const stuck =
      left.length === 0
        ? ''
        : `processes ${left.map(({ pid }) => pid).join(', ')} could not be killed in ${KILL_LIMIT_MS / 1000} s`;
    const emptied = task.disk?.isOver === true ? await giveDiskBack(task) : '';
    const said = task.spec.ranks === true && !stopSignalled ? causeOf(task) : '';
    const message = [task.cause, said, held, emptied, stuck].filter((part) => part !== '').join('; ');
    await this.#record(task.spec.id, task.folder, {
      neverStarted: false,
      code,
      signal,
      message,
      startedMs: task.startedMs,
      endedMs,
      stopSignalled,
      left,
    });
    await removeScratch(task.folder, task.spec.user).catch((error: unknown) =>
      say(`${task.spec.id}: its scratch files cannot be removed: ${(error as Error).message.split('\n')[0] ?? ''}`),
    );
  }

  /**
   * Ends a task's processes and takes its groups away, so that nobody comes in any more: a program that was to run beside it
   * may be on its way into them, and its GPUs are another's once the end is told.
   * @returns what could not be ended
   */
  async #clear({ tree, group }: LiveTask): Promise<readonly ProcessIdentity[]> {
    const endMs = performance.now() + KILL_LIMIT_MS;
    for (;;) {
      const left = await endForSure(tree);
      if (left.length > 0) return left;
      if (this.#removeGroups(group)) return [];
      // Somebody came in, or something in there is half dead.
      if (performance.now() > endMs) return [];
      await delay(GROUP_PAUSE_MS);
    }
  }

  /** The program could not be started, which nobody will try again under this id. */
  async #refuse(
    spec: TaskSpec,
    folder: AllocationFolder,
    group: TaskGroup | null,
    refusal: StartRefusal,
  ): Promise<void> {
    this.#removeGroups(group);
    // On a full disk the end alone tells it.
    attempt(spec.id, () => appendFileSync(folder.log, `sluice: ${refusal.message}\n`, { mode: 0o600 }));
    await this.#record(spec.id, folder, {
      neverStarted: refusal.code === null,
      code: refusal.code,
      signal: '',
      message: refusal.message,
      startedMs: null,
      endedMs: Date.now(),
      stopSignalled: false,
      left: [],
    });
  }

  /** Writes the end down, then tells it. A full disk delays the record, not the news. */
  async #record(id: string, folder: AllocationFolder, end: EndRecord): Promise<void> {
    this.#recording.add(id);
    let told = false;
    const tell = () => {
      if (!told) this.#tell({ type: 'ended', id, end });
      told = true;
    };
    // Once the folder is removed nobody wants the record any more.
    while (existsSync(folder.path) && !attempt(id, () => folder.writeEnd(end))) {
      tell();
      await delay(RETRY_MS);
    }
    this.#forget(id);
    tell();
    await folder.flushEnd().catch((error: unknown) => say(`${id}: its end cannot be flushed: ${String(error)}`));
  }

  #forget(id: string): void {
    this.#tasks.delete(id);
    this.#recording.delete(id);
  }

  #stop(id: string, reason: StopReason, graceMs: number): void {
    const task = this.#tasks.get(id);
    if (task === undefined || task.ended) return;
    const before = task.stop;
    const killAtMs = killTime(before?.killAtMs ?? null, graceMs, bootMs());
    if (killAtMs === null) return;
    for (const timer of before?.timers ?? []) clearTimeout(timer);
    const aheadMs = noticeMs(task.spec, graceMs);
    const after = (ms: number, act: () => void): NodeJS.Timeout => setTimeout(act, Math.min(ms, MAX_TIMER_MS));
    const terminate = (): void => signalTree(task.tree, 'SIGTERM');
    const timers = [after(graceMs, () => void endForSure(task.tree))];
    if (aheadMs > 0) timers.push(after(aheadMs, () => attempt(id, terminate)));
    task.stop = { killAtMs, timers };
    try {
      const at = (ms: number): string => new Date(Date.now() + ms).toISOString();
      task.folder.writeStop({ reason, term: at(aheadMs), deadline: at(graceMs) });
    } catch (error) {
      // On a full disk the task learns of it by the signal alone.
      say(`${id}: its stop file cannot be written: ${(error as Error).message}`);
    }
    const { earlySignal } = task.spec;
    if (aheadMs === 0) terminate();
    // A stop that is made quicker while the notice runs needs no second one.
    else if (before === null && earlySignal !== undefined) giveNotice(task.tree, earlySignal.signal);
  }

  #watch(): void {
    try {
      this.#leaseMs = readLease(this.#stateDir) ?? this.#leaseMs;
    } catch (error) {
      // On a disk that fails: what ran on for want of a lease to read would run after its node was given up.
      say(`the lease cannot be read, so the last one that could be counts: ${String(error)}`);
    }
    const nowMs = bootMs();
    for (const task of this.#tasks.values()) {
      if (isOverdue(task.spec, this.#leaseMs, nowMs)) {
        if (task.stop === null) say(`${task.spec.id}: no lease for ${task.spec.lingerMs / 1000} s, so it is stopped`);
        // Also when a stop is under way: it may allow more time than a node without a lease has.
        this.#stop(task.spec.id, 'NODE_LOST', graceWithoutLease(task.spec, this.#leaseMs, nowMs));
      }
      this.#lookAtLog(task);
      this.#tellTimeLeft(task, nowMs);
      attempt(task.spec.id, () => this.#lookAtUse(task));
    }
    for (const [group, tries] of this.#emptyGroups) this.#removeGroups(group, tries);
    if (this.#tasks.size > 0 || this.#agents.size > 0) this.#idleSinceMs = performance.now();
    else if (performance.now() - this.#idleSinceMs > this.#idleLeaveMs) this.#leave();
  }

  #setTimeLeft(id: string, leftMs: number): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    task.limit = { endMs: bootMs() + leftMs, toldMs: -Infinity };
    this.#tellTimeLeft(task, bootMs());
  }

  /** Writes down how long a task has, now and then. */
  #tellTimeLeft(task: LiveTask, nowMs: number): void {
    if (task.limit === null || task.ended || nowMs - task.limit.toldMs < TIME_LEFT_MS) return;
    const { endMs } = task.limit;
    task.limit = { endMs, toldMs: nowMs };
    // On a full disk it is told the next time.
    attempt(task.spec.id, () => task.folder.writeTimeLeft(endMs - nowMs));
  }

  /** Notes when its logs grew, and holds each below its cap. */
  #lookAtLog(task: LiveTask): void {
    for (const { file, times } of task.logs) {
      try {
        holdBelowCap(file, task.spec.logCapBytes);
        times.note(Date.now());
      } catch (error) {
        say(`${task.spec.id}: its log cannot be looked after: ${(error as Error).message}`);
      }
    }
  }

  /** What the kernel does not end by itself: a task whose memory or disk is used up. */
  #lookAtUse(task: LiveTask): void {
    if (task.ended || task.cause !== '') return;
    const memory = memoryCause(task);
    if (memory !== null && task.group?.limits.memory?.version === 1) {
      // It killed one process of several, and the others may wait for that one for ever.
      this.#cut(task, memory);
      return;
    }
    void task.disk
      ?.look(() => processesOf(task.tree).map(({ pid }) => pid))
      .then((words) => {
        if (words !== null) this.#cut(task, words);
      })
      .catch((error: unknown) => say(`${task.spec.id}: its disk use cannot be read: ${String(error)}`));
  }

  /** Ends a task at once, and says why. */
  #cut(task: LiveTask, cause: string): void {
    if (task.ended || task.cause !== '') return;
    task.cause = cause;
    void endForSure(task.tree);
  }

  /** @returns whether they are gone; else it is tried again */
  #removeGroups(group: TaskGroup | null, tries = 0): boolean {
    if (group === null) return true;
    let isGone = false;
    // In this order they are entered: while somebody is in the first one, the limits of the others are still on.
    attempt(group.group, () => (isGone = foldersOf(group).every((folder) => removeCgroup(folder))));
    if (isGone || tries >= MAX_GROUP_REMOVALS) this.#emptyGroups.delete(group);
    else this.#emptyGroups.set(group, tries + 1);
    return isGone;
  }

  #leave(): void {
    this.#server.close();
    process.exit(0);
  }
}

/** Which rank failed first, in the words of the process that looks after them. */
function causeOf({ folder, spec }: LiveTask): string {
  let words = '';
  attempt(spec.id, () => (words = folder.readCause()));
  return words;
}

/** Removes what a task filled its disk with. @returns in words, what became of that */
async function giveDiskBack({ spec, folder }: LiveTask): Promise<string> {
  try {
    rmSync(folder.report, { force: true });
    await emptyWork(folder, spec.user);
    return 'its folder was emptied';
  } catch (error) {
    // Whatever it left there must not end the program that holds all the others.
    return `its folder could not be emptied: ${(error as Error).message.split('\n')[0] ?? ''}`;
  }
}

/** Makes a task's groups with their limits. @throws Error in words */
function prepare(spec: TaskSpec, group: TaskGroup | null): DeviceFilter | null {
  if (group === null) return null;
  const limits = limitsOf(spec);
  try {
    makeGroups(group, limits);
    const { gpuMinors, capabilities } = limits;
    if (gpuMinors === undefined) return null;
    const grant = { gpuMinors, ...(capabilities === undefined ? {} : { capabilities }) };
    if (group.home.deviceFilter === true) return filterDevices(group.group, grant);
    if (group.limits.devices !== undefined) denyDevices(group.limits.devices.path, grant);
    return null;
  } catch (error) {
    // Its code would read as one of the program's.
    throw new Error(`it could not be held to its limits in ${group.group}: ${(error as Error).message}`);
  }
}

function limitsOf({ limits }: TaskSpec): TaskLimits {
  return limits ?? NO_LIMITS;
}

const NO_LIMITS: TaskLimits = { cpuMilli: 0, memoryMib: 0 };

/** When the whole machine is out of memory, tasks go before the agent, the supervisor and what else the machine needs. */
function offerToKernel(pid: number): void {
  attempt(`process ${pid}`, () => {
    try {
      writeFileSync(`/proc/${pid}/oom_score_adj`, String(OOM_SCORE_OF_TASKS));
    } catch (error) {
      // It ended already, or runs as somebody whose score is not ours to set.
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  });
}

/** Of 1,000: a task counts as if it used half of the machine's memory more. */
const OOM_SCORE_OF_TASKS = 500;

/** setTimeout takes no more than this, about 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Starts what holds the terminal of an interactive task, and puts its program into the group once somebody is there. */
function startTerminalHost(spec: TaskSpec, folder: AllocationFolder, log: number): ChildProcess {
  return spawn(process.execPath, [TERMINAL_HOST, folder.path], {
    cwd: '/',
    // Found by it where there are no groups.
    env: { SLUICE_ALLOCATION_ID: spec.id },
    detached: true,
    stdio: ['ignore', log, log],
  });
}

/** An unreadable spec is as good as none: the agent then sees to it that nobody starts the allocation. */
function readSpec(folder: AllocationFolder): TaskSpec | null {
  try {
    return folder.readSpec();
  } catch (error) {
    say(`${folder.path}: its spec cannot be read: ${(error as Error).message}`);
    return null;
  }
}

/** Ends a task's processes, also when the system refuses to show them at first (out of descriptors, for example). */
async function endForSure(tree: TaskTree): ReturnType<typeof endTree> {
  for (;;) {
    try {
      return await endTree(tree, KILL_LIMIT_MS);
    } catch (error) {
      say(`${tree.allocation}: ending it is tried again in ${RETRY_MS} ms: ${(error as Error).message}`);
      await delay(RETRY_MS);
    }
  }
}

/**
 * One task's trouble must not end the program that holds all the others; a broken invariant must.
 * @returns whether it went well
 */
function attempt(subject: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (error instanceof InvariantViolation) throw error;
    say(`${subject}: ${(error as Error).stack ?? String(error)}`);
    return false;
  }
}

function say(message: string): void {
  console.error(`${new Date().toISOString()} ${message}`);
}

const [stateDir, idleLeaveText = String(IDLE_LEAVE_MS)] = process.argv.slice(2);
if (stateDir === undefined) throw new Error('usage: supervisor STATE_DIR [IDLE_LEAVE_MS]');
// Two at once would do no harm, since claims are exclusive, but only one could be reached.
const lock = lockFile(path.join(stateDir, 'supervisor.lock'));
if (lock.state === 'held') new Supervisor(stateDir, Number(idleLeaveText)).serve();

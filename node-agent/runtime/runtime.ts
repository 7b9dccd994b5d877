// Runs the tasks of this node: prepares their folders, has the supervisor start and stop them, watches what they report,
// and after a restart of the agent finds out from the folders alone what became of each. It decides nothing: the session does.
import { readdirSync } from 'node:fs';
import { access, appendFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../../common/log.js';
import { makeFolder, makeFolderSync } from '../../common/make-folder.js';
import { formatDuration } from '../../common/units.js';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import type { ProcessUse, TaskUse } from '../metrics/task-use.js';
import type { Checkpoint, DesiredAllocation, Endpoint, StopReason } from '../session/allocation.js';
import { AllocationFolder, type EndRecord } from './allocation-folder.js';
import type { TaskUser } from './as-user.js';
import { removeCgroup } from './cgroup.js';
import { CheckpointWatch, lastCheckpoint, type ResumePoint, resumePoint } from './checkpoints.js';
import { groupFoldersOf, limitGroupsOf, treeOf } from './claimed-tree.js';
import { removeEmptyFolders } from './empty-folders.js';
import { EndedFolders } from './ended-folders.js';
import { type CallBack, taskEnvironment } from './environment.js';
import { ISOLATION_REMEDY, missingIsolation } from './isolation.js';
import { readLease } from './lease-file.js';
import { whyPortTaken } from './main-port.js';
import { FolderLook } from './remote-folders.js';
import { BOOT_ID, bootMs, isAlive, type ProcessIdentity } from './process-identity.js';
import { endTree } from './process-tree.js';
import { ProcessMeter } from './process-use.js';
import { readCapabilities } from '../gpu/mig-capabilities.js';
import {
  checkEntry,
  chooseUser,
  type DeviceOf,
  giveFolders,
  limitsFor,
  makeOwnFolder,
  openToUsers,
  type TaskHolding,
} from './task-holding.js';
import { ReportWatch } from './report-watch.js';
import { checkBeforehand, type StartRefusal } from './start-refusals.js';
import { lastStartMs } from './supervision.js';
import { makeSureIsDead, SupervisorLink } from './supervisor-link.js';
import type { SupervisorEvent } from './supervisor-protocol.js';
import { type LogPiece, type LogRequest, TaskLogs } from './task-logs.js';

/** Where the built-in programs start; always the built one, since they are processes of their own. */
export const WORKERS_PROGRAM = path.join(PACKAGE_ROOT, 'dist/node-agent/workers/main.js');
/** Starts a process for each GPU of a task; the built one, since it is a process of its own. */
const RANK_HOST = path.join(PACKAGE_ROOT, 'dist/node-agent/runtime/rank-host.js');

/** The size at which the oldest half of a task's log is dropped, in bytes, unless told otherwise. */
export const LOG_CAP_BYTES = 1024 ** 3;
/** How long making a task ready may take, in ms, unless told otherwise: below what the scheduler waits for a gang, so that the reason is told. */
export const PREPARE_LIMIT_MS = 120_000;
/** How long killing what a lost supervisor left behind is tried, in ms. */
const KILL_LIMIT_MS = 10_000;
/** How long a supervisor may take from its claim to its record of what it started: CLAIM_TRIES times this, in ms. */
const CLAIM_PAUSE_MS = 50;
const CLAIM_TRIES = 40;
/** How long after a failure the supervisor is started again, in ms. */
const SUPERVISOR_RETRY_MS = 1_000;

const NOTHING_TO_RESUME: ResumePoint = { checkpoint: null, note: null };
/** Folders without which nothing at all would work here. */
const OF_THE_SYSTEM = /^\/(usr\/|usr\/local\/)?s?bin$/;
const UNTOUCHED = { cancelled: false, limitMs: null, giveUp: null, origin: '', watches: null };
/**
 * The longest TMPDIR: programs put sockets there, whose paths have at most 107 characters. Python's multiprocessing, which loads data
 * for PyTorch, adds `/pymp-xxxxxxxx/listener-xxxxxxxx`.
 */
const MAX_SCRATCH_CHARACTERS = 107 - 32;
/** So much of a cluster's id tells it from others that used the same storage. */
const CLUSTER_CHARACTERS = 6;
const ALLOCATION_ID = /^[0-9A-Za-z]{1,64}$/;
const PRIVATE = { mode: 0o600 };
const OLD_SUPERVISOR = 'tasks are held by a supervisor of an earlier version, which does not tell what it enforces';
const REBOOTED = 'lost: its node was rebooted';
const TOO_LATE = 'its node had no lease any more when it was to be started';
const STOPPED_BEFORE = 'it was stopped before it was started';

export interface RuntimeOptions {
  readonly stateDir: string;
  /** Where checkpoints of workloads without a folder of their own go. */
  readonly sharedDir: string;
  readonly nodeName: string;
  /** The agent's own environment, of which tasks get a few names. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The memory of a GPU or a MIG instance of this node, by UUID; null = not known. */
  readonly gpuMemoryMib: (uuid: string) => number | null;
  /** Whose orders are obeyed; empty or absent = not known. Its part of folders' names keeps clusters on one storage apart. */
  readonly clusterId?: () => string;
  /** Where a GPU of this node is; null = not known. */
  readonly gpuDevice: DeviceOf;
  /** The interface at whose address other nodes reach this one; null or absent = its administrator did not say. */
  readonly peerInterface?: () => string | null;
  /** Whom tasks run as, and what they are held to beside what they asked for. */
  readonly holding: TaskHolding;
  /** Where programs of tasks reach the scheduler; absent = nowhere. */
  readonly scheduler?: { readonly servers: readonly string[]; readonly caFile: string | null };
  /** Whether the machine booted since the journal was last written. */
  readonly rebooted: boolean;
  readonly logCapBytes?: number;
  /** How long making a task ready may take; absent = PREPARE_LIMIT_MS. */
  readonly prepareLimitMs?: number;
  /** How long a supervisor stays without agent and tasks, in ms; absent = its own default. */
  readonly supervisorIdleLeaveMs?: number;
}

/** What happens to tasks. */
export interface RuntimeListener {
  /** Everything that a held task needs is prepared. */
  ready(id: string): void;
  started(id: string, startedMs: number): void;
  ended(id: string, end: EndRecord): void;
  checkpoint(id: string, checkpoint: Checkpoint): void;
  endpoints(id: string, endpoints: readonly Endpoint[]): void;
}

/** What became of an allocation while the agent was away. */
export type Recovered =
  | { readonly state: 'running'; readonly startedMs: number | null }
  /** It is ready, and was not told to start: it may be. */
  | { readonly state: 'ready' }
  | {
      readonly state: 'ended';
      readonly end: EndRecord;
      /** The newest complete one in its folder: nobody watched it. Absent = there is none. */
      readonly checkpoint?: Checkpoint;
    };

/** What became of one that was claimed, or never will be started. */
type Found = Exclude<Recovered, { readonly state: 'ready' }>;

interface Watches {
  readonly report: ReportWatch;
  readonly checkpoints: CheckpointWatch;
}

interface TaskHere {
  readonly folder: AllocationFolder;
  /** The number of its workload; 0 = its spec does not say. */
  readonly workload: number;
  readonly checkpointDir: string;
  /** `preparing` until the order went to the supervisor; `ready` in between, while its gang is waited for. */
  state: 'preparing' | 'ready' | 'ordered' | 'running';
  /** Set when it was stopped before it was ordered. */
  cancelled: boolean;
  /** When its time limit passes, in ms since boot; null = nobody has said. */
  limitMs: number | null;
  /** While it is made ready: gives that up. */
  giveUp: (() => void) | null;
  /** What came with the order for the scheduler; empty = see its folder. */
  readonly origin: string;
  watches: Watches | null;
  /** Made with the first look at its processes. */
  meter?: ProcessMeter;
}

/** The tasks of one state folder. Only one may be open at a time. */
export class TaskRuntime {
  readonly #options: RuntimeOptions;
  readonly #listener: RuntimeListener;
  readonly #log: Logger;
  readonly #tasks = new Map<string, TaskHere>();
  readonly #logs = new TaskLogs((id) => this.#tasks.has(id));
  readonly #ended: EndedFolders;
  /** News that came before their tasks were known again, or before anybody listens. */
  #early: Exclude<SupervisorEvent, { type: 'hello' }>[] | null = [];
  #link: Promise<SupervisorLink>;
  #closed = false;

  private constructor(options: RuntimeOptions, listener: RuntimeListener, log: Logger) {
    this.#options = options;
    this.#listener = listener;
    this.#log = log;
    this.#ended = new EndedFolders(path.join(options.stateDir, 'allocations'), log);
    this.#link = this.#connect();
  }

  /**
   * Connects to the supervisor and finds out what became of the allocations that the journal names.
   * @throws Error when no supervisor can be reached or started
   */
  static async open(
    options: RuntimeOptions,
    known: readonly string[],
    listener: RuntimeListener,
    log: Logger,
  ): Promise<{ readonly runtime: TaskRuntime; readonly recovered: ReadonlyMap<string, Recovered> }> {
    makeFolderSync(path.join(options.stateDir, 'allocations'), 0o700);
    if (options.holding.users.areOthers) openToUsers(options.stateDir, options.sharedDir);
    const runtime = new TaskRuntime(options, listener, log);
    const link = await runtime.#link;
    runtime.#checkIsolation(link);
    const recover = async (id: string): Promise<readonly [string, Recovered]> => [
      id,
      runtime.#readyAgain(id) ?? (await runtime.#withCheckpoint(id, await runtime.#recover(id, link))),
    ];
    // Side by side: what the kernel does not end for a while must not keep what has lost its supervisor alive behind it.
    const [recovered] = await Promise.all([
      Promise.all(known.map(recover)),
      runtime.#endForgotten(new Set(known), link),
    ]);
    return { runtime, recovered: new Map(recovered) };
  }

  /** To be called once the recovered state is in place: from now on the listener hears of what happens. */
  begin(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const event of early) this.#take(event);
    for (const [id, task] of this.#tasks) this.#watch(id, task);
  }

  /**
   * Starts a task, at most once ever under this id. What goes wrong is told as its end.
   * @param durable resolves once the order is in the journal; nothing is started before
   */
  start(order: DesiredAllocation, durable: Promise<void>): void {
    const folder = this.#folder(order.id);
    const task: TaskHere = {
      folder,
      workload: order.workload,
      checkpointDir: this.#checkpointDir(order),
      state: 'preparing',
      cancelled: false,
      limitMs: null,
      giveUp: null,
      origin: order.origin,
      watches: null,
    };
    this.#tasks.set(order.id, task);
    // It may fail long before the preparation is over and it is waited for: a rejection that nobody hears of yet would end the agent.
    durable.catch(() => undefined);
    void this.#start(order, task, durable).catch((error: unknown) =>
      this.#neverStarted(order.id, folder, `this node could not prepare it: ${(error as Error).message}`),
    );
  }

  /** Starts what is ready, as this order has it: who its gang consists of is known only now. */
  go(order: DesiredAllocation): void {
    const task = this.#tasks.get(order.id);
    if (task?.state !== 'ready') return;
    task.state = 'preparing';
    void this.#go(order, task).catch((error: unknown) =>
      this.#neverStarted(order.id, task.folder, `this node could not prepare it: ${(error as Error).message}`),
    );
  }

  /** Stop file, stop signal, and after the grace the kill. Repeating it can only shorten the grace. */
  stop(id: string, reason: StopReason, graceMs: number): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    if (task.state === 'ready') this.#cancelReady(id, task);
    else if (task.state === 'preparing') this.#cancelPreparing(task);
    else this.#tell({ type: 'stop', id, reason, graceMs });
  }

  /** How long a task has until its time limit passes, from now. */
  timeLeft(id: string, leftMs: number): void {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    task.limitMs = bootMs() + leftMs;
    // One that is about to start is told then.
    if (task.state === 'running') this.#tell({ type: 'time left', id, leftMs });
  }

  /** Ends a task's processes without asking anyone: not the task, and not a supervisor that may hang. */
  async kill(id: string): Promise<void> {
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    if (task.state === 'ready') this.#cancelReady(id, task);
    else if (task.state === 'preparing') this.#cancelPreparing(task);
    else await endTree(treeOf(id, task.folder), KILL_LIMIT_MS);
  }

  /** Processes of an ended allocation that could not be killed so far; tries again. */
  async leftovers(id: string): Promise<readonly ProcessIdentity[]> {
    const folder = this.#folder(id);
    if ((folder.readEnd()?.left.length ?? 0) === 0) return [];
    return endTree(treeOf(id, folder), 0);
  }

  /** What came with the order for the scheduler's own use; empty = nothing is kept. */
  origin(id: string): string {
    // One that is being prepared may be asked for already, and a start that comes after that must not be a stranger's.
    return this.#tasks.get(id)?.origin || (this.#folder(id).readSpec()?.origin ?? '');
  }

  /** Reads a piece of a log. @throws Error in words when it cannot be read */
  async readLog(id: string, request: LogRequest, cancelled: AbortSignal): Promise<LogPiece> {
    const folder = this.#folder(id);
    if (!this.#tasks.has(id) && (await missing(folder.path))) {
      throw new Error(
        `node ${this.#options.nodeName} has no log of allocation ${id}: it never ran here, or is long gone`,
      );
    }
    return this.#logs.read(id, request.stderr === true ? folder.errorLog : folder.log, request, cancelled);
  }

  /** What the processes of a task use now; null = it does not run, or it is not time to look again. */
  measure(id: string): ProcessUse | null {
    const task = this.#tasks.get(id);
    if (task?.state !== 'running') return null;
    task.meter ??= new ProcessMeter(treeOf(id, task.folder), limitGroupsOf(task.folder));
    return task.meter.look();
  }

  /** What an agent kept of the use of a task; null = nothing. */
  keptUse(id: string): TaskUse | null {
    return this.#folder(id).readUse();
  }

  /** Keeps what was measured of a live task, for the next agent. @throws the system's error */
  keepUse(id: string, use: TaskUse): void {
    this.#tasks.get(id)?.folder.writeUse(use);
  }

  /** Removes folders of ended allocations that nobody asks for, as far as the limits say. */
  async sweep(keep: ReadonlySet<string>): Promise<void> {
    await this.#ended.sweep((id) => keep.has(id) || this.#tasks.has(id));
  }

  /** Tasks that are not known to have ended. */
  get live(): readonly string[] {
    return [...this.#tasks.keys()];
  }

  /** Asks the supervisor to go as soon as it has no task. */
  async dismissSupervisor(): Promise<void> {
    await this.#send({ type: 'leave' });
  }

  /** Leaves the tasks and their supervisor to themselves. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#tasks.values()) stopWatches(task);
    this.#logs.close();
    const link = await this.#link.catch(() => null);
    link?.close();
  }

  async #start(order: DesiredAllocation, task: TaskHere, durable: Promise<void>): Promise<void> {
    const { folder } = task;
    const isNew = await folder.create();
    // Forgotten, and asked for again by a scheduler that lost history: it ran, or was refused, and that is the answer.
    // (A power cut may leave the end and take the claim.)
    if (!isNew && (folder.readClaim() !== null || folder.readEnd() !== null)) {
      const recovered = await this.#withCheckpoint(order.id, await this.#recover(order.id, await this.#link));
      if (recovered.state === 'ended') {
        if (recovered.checkpoint !== undefined) this.#listener.checkpoint(order.id, recovered.checkpoint);
        this.#tellEnd(order.id, recovered.end);
      } else this.#take({ type: 'started', id: order.id, startedMs: recovered.startedMs ?? Date.now() });
      return;
    }
    const isHeld = order.launch?.hold === true;
    const refusal = (await this.#prepareInTime(order, task)) ?? (isHeld ? lookBeforehand(order, folder) : null);
    const busy = refusal === null && order.launch?.rank === 0 ? await whyPortTaken(order.launch.mainPort) : null;
    await durable;
    if (!task.cancelled && refusal === null && busy === null && isHeld) {
      folder.writeReady();
      task.state = 'ready';
      this.#listener.ready(order.id);
    } else await this.#order(order.id, task, refusal, busy);
  }

  async #go(order: DesiredAllocation, task: TaskHere): Promise<void> {
    await this.#order(order.id, task, await this.#prepareInTime(order, task), null);
  }

  /**
   * Makes it ready, or gives that up at its limit: what hangs here is this node's, never the program's, and its gang is not to wait for it
   * with all its GPUs. What comes of the preparation later comes to nothing: the claim is ours by then.
   */
  async #prepareInTime(order: DesiredAllocation, task: TaskHere): Promise<Refusal | null> {
    if (task.cancelled) return null;
    const look = new FolderLook(foldersNamedBy(order, this.#options.sharedDir));
    const limitMs = this.#options.prepareLimitMs ?? PREPARE_LIMIT_MS;
    let timer: NodeJS.Timeout | undefined;
    const givenUp = new Promise<'late' | 'cancelled'>((resolve) => {
      timer = setTimeout(() => resolve('late'), limitMs);
      task.giveUp = () => resolve('cancelled');
    });
    try {
      const prepared = look.answered.then(() => (task.giveUp === null ? null : this.#prepare(order, task)));
      const outcome = await Promise.race([prepared, givenUp]);
      if (outcome === 'cancelled') return null;
      if (outcome !== 'late') return outcome;
      prepared.catch((error: unknown) =>
        this.#log.warn({ err: error, allocation: order.id }, 'a preparation that was given up has failed'),
      );
      const silent = look.silent.length === 0 ? '' : `: no answer from ${look.silent.join(', ')}`;
      return { code: null, message: `this node could not make it ready within ${formatDuration(limitMs)}${silent}` };
    } finally {
      clearTimeout(timer);
      task.giveUp = null;
      look.giveUp();
    }
  }

  #cancelPreparing(task: TaskHere): void {
    task.cancelled = true;
    task.giveUp?.();
  }

  /** Has the supervisor start it, unless something speaks against that. */
  async #order(id: string, task: TaskHere, refusal: Refusal | null, busy: string | null): Promise<void> {
    const { folder } = task;
    if (task.cancelled) {
      await this.#neverStarted(id, folder, STOPPED_BEFORE);
    } else if (busy !== null) {
      await this.#neverStarted(id, folder, busy);
    } else if (refusal !== null) {
      await this.#refuse(id, folder, refusal);
    } else {
      const notAfterMs = this.#lastStartMs(folder);
      if (bootMs() > notAfterMs) {
        await this.#neverStarted(id, folder, TOO_LATE);
        return;
      }
      task.state = 'ordered';
      // JSON knows no infinity: without a lease there is no limit.
      const limit = notAfterMs === Infinity ? {} : { notAfterMs };
      await this.#send({ type: 'start', id, folder: folder.path, ...limit });
    }
  }

  /** By the lease that the node has now, in ms since boot. */
  #lastStartMs(folder: AllocationFolder): number {
    try {
      const spec = folder.readSpec();
      // Without a specification the supervisor refuses it.
      return spec === null ? Infinity : lastStartMs(spec, readLease(this.#options.stateDir));
    } catch (error) {
      this.#log.error({ err: error }, 'the lease cannot be read; the supervisor goes by the last that it could read');
      return Infinity;
    }
  }

  #cancelReady(id: string, task: TaskHere): void {
    task.state = 'preparing';
    task.cancelled = true;
    void this.#neverStarted(id, task.folder, STOPPED_BEFORE);
  }

  /** Writes everything the supervisor needs. @returns what is wrong with the order; null = nothing */
  async #prepare(order: DesiredAllocation, task: TaskHere): Promise<Refusal | null> {
    const { folder, checkpointDir } = task;
    const argv = argvOf(order);
    if (argv === null) return refused('the order names no program that this agent knows');
    const { holding } = this.#options;
    const user = await chooseUser(holding.users, order.owner);
    if (typeof user === 'string') return refused(user);
    const outputDir = path.join(this.#options.sharedDir, 'outputs', this.#workloadFolder(order));
    try {
      if (user === null) await makeFolder(checkpointDir);
      else await giveFolders(user, { folder, checkpointDir, isOurs: order.checkpointDirectory === '' });
    } catch (error) {
      return refused(`the checkpoint folder ${checkpointDir} cannot be made: ${(error as Error).message}`);
    }
    try {
      await makeOwnFolder(outputDir, user);
    } catch (error) {
      return refused(`the folder for outputs ${outputDir} cannot be made: ${(error as Error).message}`);
    }
    if (user !== null && order.workingDirectory !== '') {
      const refusal = await checkEntry(user, order.workingDirectory);
      if (refusal !== null) return refused(refusal);
    }
    const workingDirectory = order.workingDirectory || folder.work;
    // A dead network file system hangs whoever touches it. It shall hang this one start, not the supervisor.
    if (user === null) await makeFolder(folder.scratch, 0o700);
    if (order.workingDirectory === '') await makeFolder(workingDirectory);
    else await access(workingDirectory).catch(ignoreMissing);
    const { resume: asked, workload, attempt, tasks } = order;
    // What is there before its first attempt is none of its own.
    const isFirst = order.restartCount === 0 && asked === null;
    const resume = isFirst
      ? NOTHING_TO_RESUME
      : await resumePoint({ asked, dir: checkpointDir, workload, attempt, tasks });
    // Before it begins, so that it finds it at once; counted down from when all of its gang run.
    if (order.timeLimitMs !== undefined) folder.writeTimeLeft(order.timeLimitMs);
    const { variables, notes } = taskEnvironment(order, {
      nodeName: this.#options.nodeName,
      agentEnvironment: this.#options.environment,
      checkpointDir,
      resume: resume.checkpoint,
      stopFile: folder.stop,
      reportFile: folder.report,
      outputDir,
      timeLeftFile: folder.timeLeft,
      scratchDir: folder.scratch.length <= MAX_SCRATCH_CHARACTERS ? folder.scratch : null,
      callBack: this.#callBack(order, folder, user),
      gpuMemoryMib: this.#options.gpuMemoryMib,
      peerInterface: this.#options.peerInterface?.() ?? null,
      user,
    });
    const lines = [...(resume.note === null ? [] : [resume.note]), ...notes];
    // Of one that is held they were said when it was made ready.
    const isSaid = folder.isReady;
    if (lines.length > 0 && !isSaid)
      await appendFile(folder.log, lines.map((line) => `sluice: ${line}\n`).join(''), PRIVATE);
    const ranks = order.launch?.launcher === 'per_gpu' && order.launch.rank !== null;
    await folder.writeSpec({
      id: order.id,
      argv: ranks ? rankHostArgv(order, order.launch?.firstProcess ?? 0, argv) : argv,
      ...(ranks ? { ranks: true as const } : {}),
      environment: variables,
      workingDirectory,
      checkpointDir,
      lingerMs: order.lingerMs,
      graceMs: order.graceMs,
      ...(order.earlySignal === undefined ? {} : { earlySignal: order.earlySignal }),
      logCapBytes: this.#options.logCapBytes ?? LOG_CAP_BYTES,
      ...(order.timeLimitMs === undefined ? {} : { timeLimitMs: order.timeLimitMs }),
      limits: limitsFor(order, holding, this.#options.gpuDevice, readCapabilities()),
      ...(user === null ? {} : { user }),
      ...(holding.workLimitBytes === null ? {} : { workLimitBytes: holding.workLimitBytes }),
      ...(order.interactive === true ? { terminal: true as const } : {}),
      ...(order.separateStderr === true ? { separateStderr: true as const } : {}),
      ...(order.origin === '' ? {} : { origin: order.origin }),
    });
    return null;
  }

  /**
   * A folder of the workload's own, also where its file names one: workloads that name the same one would write over each other's
   * checkpoints, and go on from the highest step of any of them.
   */
  #checkpointDir(order: DesiredAllocation): string {
    const base = order.checkpointDirectory || path.join(this.#options.sharedDir, 'checkpoints');
    return path.join(base, this.#workloadFolder(order));
  }

  /**
   * The name of a workload's own folder among those of others. Numbers begin anew with every cluster, and storage outlives clusters:
   * another one's workload of the same name and number must not be gone on from.
   */
  #workloadFolder({ workloadName, workload }: DesiredAllocation): string {
    const cluster = (this.#options.clusterId?.() ?? '').replaceAll(/[^0-9A-Za-z]/g, '').slice(0, CLUSTER_CHARACTERS);
    return `${workloadName}-${workload}${cluster === '' ? '' : `-${cluster}`}`;
  }

  /** Puts the token where the task's user alone can read it. */
  #callBack({ token }: DesiredAllocation, folder: AllocationFolder, user: TaskUser | null): CallBack | null {
    const { scheduler } = this.#options;
    if (token === undefined || scheduler === undefined) return null;
    folder.writeToken(token, user);
    return { server: scheduler.servers.join(','), tokenFile: folder.token, caFile: scheduler.caFile };
  }

  #folder(id: string): AllocationFolder {
    // Ids come from outside and become a path.
    if (!ALLOCATION_ID.test(id)) throw new Error(`"${id}" is no allocation id`);
    return new AllocationFolder(path.join(this.#options.stateDir, 'allocations', id));
  }

  // --- the supervisor ---

  /** Says once what tasks are not held to here. @throws Error in words when that was not to be */
  #checkIsolation({ isolation }: SupervisorLink): void {
    const { holding } = this.#options;
    const missing = isolation === null ? [OLD_SUPERVISOR] : missingIsolation(isolation, holding.demands);
    if (missing.length === 0) return;
    if (holding.isRequired) {
      throw new Error(`this node cannot hold tasks to all that --isolation required asks for:\n${lines(missing)}`);
    }
    this.#log.warn({ missing }, 'not everything is enforced on this node');
  }

  async #connect(): Promise<SupervisorLink> {
    const { stateDir, supervisorIdleLeaveMs: idleLeaveMs } = this.#options;
    return SupervisorLink.open(
      { stateDir, ...(idleLeaveMs === undefined ? {} : { idleLeaveMs }) },
      {
        event: (event) => (this.#early === null ? this.#take(event) : this.#early.push(event)),
        lost: (identity) => void this.#supervisorLost(identity),
      },
    );
  }

  async #send(order: Parameters<SupervisorLink['send']>[0]): Promise<void> {
    (await this.#link).send(order);
  }

  /** The same for whoever does not wait: there is no supervisor any more only while the agent leaves. */
  #tell(order: Parameters<SupervisorLink['send']>[0]): void {
    this.#send(order).catch((error: unknown) => this.#log.error({ err: error, order: order.type }, 'nobody took it'));
  }

  #take(event: Exclude<SupervisorEvent, { type: 'hello' }>): void {
    const task = this.#tasks.get(event.id);
    if (task === undefined) {
      // The order of an agent whose journal has lost it was still on its way.
      if (event.type === 'started') {
        this.#endStranger(event.id).catch((error: unknown) =>
          this.#log.error({ err: error, allocation: event.id }, 'a task that nobody asked for cannot be ended'),
        );
      }
      return;
    }
    switch (event.type) {
      case 'started':
        task.state = 'running';
        if (task.limitMs !== null) this.timeLeft(event.id, task.limitMs - bootMs());
        this.#listener.started(event.id, event.startedMs);
        this.#watch(event.id, task);
        return;
      case 'ended':
        void this.#finish(event.id, task, event.end);
        return;
      case 'refused':
        void this.#settleForSure(event.id);
        return;
    }
  }

  /** It was killed, so what became of its tasks is unknown: they are ended and reported so. Then another one is started. */
  async #supervisorLost(identity: ProcessIdentity): Promise<void> {
    if (this.#closed) return;
    const ordered = [...this.#tasks]
      .filter(([, { state }]) => state !== 'preparing' && state !== 'ready')
      .map(([id]) => id);
    this.#log.error(
      { pid: identity.pid, tasks: ordered.length },
      'the supervisor of tasks is gone; its tasks are ended',
    );
    // Orders wait for the next one. Nobody may use a line to a supervisor before the last one's tasks are settled.
    this.#link = (async () => {
      await makeSureIsDead(identity);
      await Promise.all(ordered.map((id) => this.#settleForSure(id, null)));
      return this.#reconnect();
    })();
    this.#link.catch((error: unknown) => this.#log.error({ err: error }, 'no supervisor of tasks'));
  }

  async #reconnect(): Promise<SupervisorLink> {
    while (!this.#closed) {
      try {
        return await this.#connect();
      } catch (error) {
        this.#log.error({ err: error }, 'the supervisor of tasks cannot be started; tried again');
        await new Promise((resolve) => setTimeout(resolve, SUPERVISOR_RETRY_MS));
      }
    }
    throw new Error('the agent is leaving');
  }

  /**
   * Ends what the journal does not name and may run all the same: its newest slot was damaged, and with it went whatever was accepted
   * last. The present supervisor holds it, or a dead one left it behind, of which only the folders know.
   */
  async #endForgotten(known: ReadonlySet<string>, link: SupervisorLink): Promise<void> {
    const folders = readdirSync(path.join(this.#options.stateDir, 'allocations'));
    const forgotten = new Set([...folders.filter((id) => ALLOCATION_ID.test(id)), ...link.tasks]);
    await Promise.all(
      [...forgotten].map(async (id) => {
        if (known.has(id)) return;
        try {
          if (!link.tasks.has(id) && (await this.#recover(id, link)).state === 'ended') return;
          await this.#endStranger(id);
        } catch (error) {
          // A folder that nobody asks for must not keep the agent from those that are asked for.
          this.#log.error({ err: error, allocation: id }, 'what became of a forgotten allocation cannot be found out');
        }
      }),
    );
  }

  /**
   * A task that the supervisor holds and the journal does not name: the scheduler is told that no trace of it is left, and starts it
   * elsewhere. It is ended by its stop signal, so that its folder does not say that its program failed.
   */
  async #endStranger(id: string): Promise<void> {
    const folder = this.#folder(id);
    this.#log.warn({ allocation: id }, 'a task is held by the supervisor and not known to the journal: it is ended');
    await this.#send({ type: 'stop', id, reason: 'NODE_LOST', graceMs: 0 });
    for (let tries = 0; tries < CLAIM_TRIES && folder.readEnd() === null; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, CLAIM_PAUSE_MS));
    }
    if (folder.readEnd() === null) await endTree(treeOf(id, folder), KILL_LIMIT_MS);
  }

  // --- what became of an allocation ---

  /** The same, and goes on trying in the background when its folder cannot be read or written, as on a disk that is full. Never rejects. */
  async #settleForSure(id: string, link?: SupervisorLink | null): Promise<void> {
    try {
      await this.#settle(id, link);
    } catch (error) {
      if (this.#closed) return;
      this.#log.error({ err: error, allocation: id }, 'what became of an allocation cannot be found out; tried again');
      setTimeout(() => void this.#settleForSure(id, link), SUPERVISOR_RETRY_MS).unref();
    }
  }

  /** Finds out about an allocation whose supervisor knows nothing of it (any more), and tells its end if it has ended. */
  async #settle(id: string, link?: SupervisorLink | null): Promise<void> {
    const recovered = await this.#recover(id, link === undefined ? await this.#link : link);
    const task = this.#tasks.get(id);
    if (recovered.state === 'ended' && task !== undefined) await this.#finish(id, task, recovered.end);
  }

  /**
   * What an agent of this boot made ready and nobody claimed: it goes on waiting. An order of that agent to start it may still be
   * on its way, and then its claim, or ours for another start, is the one that counts.
   */
  #readyAgain(id: string): Recovered | null {
    const folder = this.#folder(id);
    if (this.#options.rebooted || !folder.isReady || folder.readClaim() !== null) return null;
    this.#tasks.set(id, { folder, ...placeOf(folder), state: 'ready', ...UNTOUCHED });
    return { state: 'ready' };
  }

  /** @param link the supervisor that is there now; null = there is none, and the last one is dead */
  async #recover(id: string, link: SupervisorLink | null): Promise<Found> {
    const folder = this.#folder(id);
    await folder.create();
    const record = folder.readEnd();
    if (record !== null) return { state: 'ended', end: record };
    const claim = folder.readClaim();
    if (claim === null) {
      // From now on nobody can ever start it, however late.
      if (!folder.claim({ by: 'agent' })) return this.#recover(id, link);
      // After a power cut a claim may be missing of what did run.
      if (this.#options.rebooted) return { state: 'ended', end: await this.#writeEnd(folder, { message: REBOOTED }) };
      return {
        state: 'ended',
        end: await this.#writeEnd(folder, { neverStarted: true, message: 'it was never started' }),
      };
    }
    if (claim.by === 'agent') {
      return {
        state: 'ended',
        end: await this.#writeEnd(folder, { neverStarted: true, message: 'it was never started' }),
      };
    }
    if (claim.supervisor.bootId !== BOOT_ID) {
      return { state: 'ended', end: await this.#writeEnd(folder, { message: REBOOTED }) };
    }
    // The line may break while this is looked into: whoever says "running" after that would never be heard to be wrong.
    const isPresent = link !== null && isSame(link.identity, claim.supervisor);
    if (isPresent && !link.lost && (await this.#isHeld(id, folder, link)) && !link.lost) {
      const late = folder.readEnd();
      if (late !== null) return { state: 'ended', end: late };
      if (!this.#tasks.has(id)) {
        this.#tasks.set(id, { folder, ...placeOf(folder), state: 'running', ...UNTOUCHED });
      }
      return { state: 'running', startedMs: folder.readRunning()?.startedMs ?? null };
    }
    // Its supervisor is not the present one. There is only ever one, so that one is dead or dying.
    if (!isPresent || link.lost) await makeSureIsDead(claim.supervisor);
    const tree = treeOf(id, folder);
    const left = await endTree(tree, KILL_LIMIT_MS);
    // What cannot be removed now, because something in it is half dead, goes with the folder.
    for (const group of groupFoldersOf(folder)) removeCgroup(group);
    // Written in the last moments of its supervisor?
    const late = folder.readEnd();
    if (late !== null) return { state: 'ended', end: late };
    const message = 'lost: the supervisor of its node was killed, so how it ended is unknown';
    return { state: 'ended', end: await this.#writeEnd(folder, { message, left }) };
  }

  /** Whether the present supervisor, which claimed it, holds it. An order of an agent that died may still be on its way. */
  async #isHeld(id: string, folder: AllocationFolder, link: SupervisorLink): Promise<boolean> {
    // Later than the hello, its events tell what it has.
    if (link.tasks.has(id) || this.#early === null) return true;
    for (let tries = 0; tries < CLAIM_TRIES; tries += 1) {
      if (folder.readRunning() !== null || folder.readEnd() !== null) break;
      await new Promise((resolve) => setTimeout(resolve, CLAIM_PAUSE_MS));
    }
    const running = folder.readRunning();
    return folder.readEnd() !== null || (running !== null && isAlive(running.process));
  }

  /** What ended while no agent was there may have saved more than any agent told of. */
  async #withCheckpoint(id: string, recovered: Found): Promise<Found> {
    if (recovered.state !== 'ended' || recovered.end.neverStarted) return recovered;
    const { checkpointDir, workload } = placeOf(this.#folder(id));
    const checkpoint = await lastCheckpoint(checkpointDir, workload);
    return checkpoint === null ? recovered : { ...recovered, checkpoint };
  }

  async #writeEnd(
    folder: AllocationFolder,
    end: Pick<EndRecord, 'message'> & Partial<Pick<EndRecord, 'neverStarted' | 'code' | 'left'>>,
  ): Promise<EndRecord> {
    const record: EndRecord = {
      neverStarted: false,
      code: null,
      signal: '',
      startedMs: folder.readRunning()?.startedMs ?? null,
      endedMs: Date.now(),
      stopSignalled: false,
      left: [],
      ...end,
    };
    folder.writeEnd(record);
    await folder.flushEnd();
    return record;
  }

  /** Sees to it that an allocation never starts, and tells so. */
  async #neverStarted(id: string, folder: AllocationFolder, message: string): Promise<void> {
    let end: EndRecord = {
      neverStarted: true,
      code: null,
      signal: '',
      message,
      startedMs: null,
      endedMs: Date.now(),
      stopSignalled: false,
      left: [],
    };
    try {
      await folder.create();
      if (!folder.claim({ by: 'agent' })) return await this.#settle(id);
      end = await this.#writeEnd(folder, { neverStarted: true, message });
    } catch (error) {
      // A full disk: the journal has the intent, no order was given, and a restarted agent claims it then.
      this.#log.error({ err: error, allocation: id }, 'a refused start cannot be written down');
    }
    this.#tellEnd(id, end);
  }

  /** The order itself is wrong: the workload is to blame, as if its program had been tried. */
  async #refuse(id: string, folder: AllocationFolder, { code, message }: Refusal): Promise<void> {
    if (code === null) return this.#neverStarted(id, folder, message);
    if (!folder.claim({ by: 'agent' })) return this.#settle(id);
    await appendFile(folder.log, `sluice: ${message}\n`, PRIVATE);
    this.#tellEnd(id, await this.#writeEnd(folder, { code, message }));
  }

  async #finish(id: string, task: TaskHere, end: EndRecord): Promise<void> {
    const { watches } = task;
    task.watches = null;
    // Before the end is told, so that the end comes with the checkpoint that the stop itself brought.
    try {
      watches?.report.close();
      await watches?.checkpoints.close();
    } catch (error) {
      this.#log.error(
        { err: error, allocation: id },
        'what a task wrote last cannot be read; its end is told all the same',
      );
    }
    await this.#removeUnused(task, end);
    this.#tellEnd(id, end);
  }

  /**
   * The folders of a workload of one task that left nothing in them. Before its end is told, and only if it ended by itself: nothing of it
   * can run elsewhere then, which might be about to use them.
   */
  async #removeUnused({ folder }: TaskHere, { neverStarted, stopSignalled, code }: EndRecord): Promise<void> {
    if (neverStarted || stopSignalled || code === null) return;
    try {
      const { environment = {}, checkpointDir = '' } = folder.readSpec() ?? {};
      if (environment['SLUICE_TASKS'] !== '1') return;
      const { sharedDir } = this.#options;
      const ours = [path.join(sharedDir, 'outputs'), path.join(sharedDir, 'checkpoints')];
      const made = [environment['SLUICE_OUTPUT_DIR'] ?? '', checkpointDir];
      await removeEmptyFolders(made.filter((one) => ours.includes(path.dirname(one))));
    } catch (error) {
      // Its end is news, and folders are not.
      this.#log.warn({ err: error, folder: folder.path }, 'unused folders cannot be removed');
    }
  }

  #tellEnd(id: string, end: EndRecord): void {
    // Told once, whoever found out first.
    const task = this.#tasks.get(id);
    if (task === undefined) return;
    // Nobody listens yet, and who was told that it runs would believe it for ever.
    if (this.#early !== null) {
      this.#early.push({ type: 'ended', id, end });
      return;
    }
    this.#tasks.delete(id);
    // Its start may have been told while its end was looked into, and nobody else knows of these any more.
    stopWatches(task);
    this.#logs.ended([task.folder.log, task.folder.errorLog]);
    if (!this.#closed) this.#listener.ended(id, end);
  }

  #watch(id: string, task: TaskHere): void {
    if (task.state !== 'running' || task.watches !== null || this.#early !== null || this.#closed) return;
    task.watches = {
      report: new ReportWatch(task.folder.report, (endpoints) => this.#listener.endpoints(id, endpoints)),
      checkpoints: new CheckpointWatch(task.checkpointDir, task.workload, (checkpoint) =>
        this.#listener.checkpoint(id, checkpoint),
      ),
    };
  }
}

/** What an agent that was not there at its start has to know of a task. */
function placeOf(folder: AllocationFolder): Pick<TaskHere, 'checkpointDir' | 'workload'> {
  const spec = folder.readSpec();
  return {
    checkpointDir: spec?.checkpointDir ?? folder.work,
    workload: Number(spec?.environment['SLUICE_WORKLOAD'] ?? 0),
  };
}

function stopWatches(task: TaskHere): void {
  task.watches?.report.stop();
  task.watches?.checkpoints.stop();
  task.watches = null;
}

/** An order that cannot be carried out as it is. */
type Refusal = StartRefusal;

function refused(message: string): Refusal {
  return { code: 126, message };
}

/** What a start touches that the order names, or that its administrator put on storage which all nodes see. */
function foldersNamedBy(order: DesiredAllocation, sharedDir: string): readonly string[] {
  const { workingDirectory, checkpointDirectory, resume } = order;
  const [program = ''] = argvOf(order) ?? [];
  const named = [sharedDir, workingDirectory, checkpointDirectory, resume?.path ?? '', path.dirname(program)];
  return named.filter((folder) => path.isAbsolute(folder) && !OF_THE_SYSTEM.test(folder));
}

/** Why the program of a held task cannot start, as far as that is seen before: its gang is to know before any of it starts. */
function lookBeforehand(order: DesiredAllocation, folder: AllocationFolder): Refusal | null {
  const spec = folder.readSpec();
  const argv = argvOf(order);
  return spec === null || argv === null ? null : checkBeforehand({ ...spec, argv });
}

/** The program that starts a process for each GPU, around the user's. */
function rankHostArgv(
  { gpus, graceMs }: DesiredAllocation,
  firstRank: number,
  argv: readonly string[],
): readonly string[] {
  const slots = gpus.map(({ uuid, instance }) => (instance === '' ? uuid : `${uuid}/${instance}`));
  return [process.execPath, RANK_HOST, String(firstRank), String(graceMs), slots.join(',') || '-', ...argv];
}

function argvOf({ program }: DesiredAllocation): readonly string[] | null {
  if (program === null) return null;
  if (program.type === 'command') return program.argv.length > 0 ? program.argv : null;
  return [process.execPath, WORKERS_PROGRAM, program.name, ...program.args];
}

function isSame(a: ProcessIdentity, b: ProcessIdentity): boolean {
  return a.pid === b.pid && a.startTime === b.startTime && a.bootId === b.bootId;
}

async function missing(file: string): Promise<boolean> {
  return (await stat(file).catch(ignoreMissing)) === undefined;
}

/** For a question whose answer may be "it is not there": any refusal of the system counts as that. */
function ignoreMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code === undefined) throw error;
}

function lines(sentences: readonly string[]): string {
  return [...sentences.map((one) => `  - ${one}`), ISOLATION_REMEDY].join('\n');
}

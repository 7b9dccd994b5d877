// The words of the agent's decisions: what the scheduler wants, what this node has. Plain data.
import type { AllocationId } from '../../common/ids.js';

/** Why a task is stopped, as it reads in the stop file. */
export type StopReason =
  | 'RECLAIMED'
  | 'PREEMPTED'
  | 'MOVED'
  | 'CANCELLED'
  | 'REQUEUED'
  | 'GANG_ENDED'
  | 'NODE_LOST'
  | 'TIME_LIMIT'
  | 'MAINTENANCE'
  | 'DRAIN'
  | 'RESIZE'
  | 'GPU_FAULT'
  | 'IDLE';

/** One GPU, or a part of one, that an allocation was given. */
export interface GrantedGpu {
  readonly uuid: string;
  readonly index: number;
  readonly model: string;
  readonly simulated: boolean;
  /** The fencing number of this grant; 1 more with every grant of the GPU. */
  readonly generation: number;
  /** How much of it, in parts (see `GPU_PARTS`). */
  readonly parts: number;
  /** The UUID of the MIG instance; empty = none. */
  readonly instance: string;
}

/** A checkpoint that its program declared complete. */
export interface Checkpoint {
  readonly step: number;
  /** Wall clock, ms since 1970. */
  readonly timeMs: number;
  readonly path: string;
}

/** An address at which a task answers, as the task itself reported it. */
export interface Endpoint {
  readonly name: string;
  readonly url: string;
}

/** How a process ended. Neither code nor signal = lost: nothing is known. */
export interface TaskExit {
  readonly code: number | null;
  /** For example "SIGKILL"; empty = none. */
  readonly signal: string;
  /** In words. */
  readonly message: string;
}

export type Program =
  | { readonly type: 'command'; readonly argv: readonly string[] }
  /** One of ours: `train`, `test` or `serve`. */
  | { readonly type: 'builtin'; readonly name: string; readonly args: readonly string[] };

/** What has to be known of an allocation for as long as it is on this node; kept in the agent's journal. */
export interface Grant {
  readonly id: AllocationId;
  readonly workload: number;
  readonly attempt: number;
  readonly task: number;
  readonly gpus: readonly GrantedGpu[];
  /** How long it may run on without a lease, in ms. */
  readonly lingerMs: number;
  /** Grace of a stop that the agent decides by itself, in ms. */
  readonly graceMs: number;
  /** The span of the task, as a W3C `traceparent`. Absent = it is not traced. */
  readonly traceParent?: string;
}

/** One task among those that work together. */
export interface TaskLaunch {
  /** `per_gpu`: it consists of a process for each GPU; else of one. `torchrun`: that one makes the ranks itself. */
  readonly launcher: 'none' | 'torchrun' | 'per_gpu';
  /** True = it is made ready and waits for an order in which this is false; the rest may change until then. */
  readonly hold: boolean;
  /** Its place among the tasks; null = it is none of those that are counted. */
  readonly rank: number | null;
  readonly tasks: number;
  /** The rank of its first process, and how many processes all tasks have. */
  readonly firstProcess: number;
  readonly processes: number;
  /** Where the first process answers the others. */
  readonly mainAddress: string;
  readonly mainPort: number;
  /** Names of the nodes of the tasks, by rank. */
  readonly nodes: readonly string[];
  readonly leastTasks: number;
  readonly mostTasks: number;
}

/** What the scheduler wants of one allocation. */
export interface DesiredAllocation extends Grant {
  /** Its program has a terminal that people join. */
  readonly interactive?: boolean;
  readonly workloadName: string;
  readonly queue: string;
  readonly pool: string;
  /** What it is told of the tasks that it works with; absent = it works alone, or has started. */
  readonly launch?: TaskLaunch;
  /** Who submitted the workload. */
  readonly owner: string;
  readonly tasks: number;
  /** The task's role and its place in it; empty = the workload has no roles. */
  readonly role: string;
  readonly roleRank: number;
  readonly roleTasks: number;
  /** The workload's place in an array; null = none. */
  readonly array: { readonly index: number; readonly size: number; readonly first: number } | null;
  /** Set aside for it, in thousandths of a core and in MiB; 0 = none is. */
  readonly cpuMilli: number;
  readonly memoryMib: number;
  readonly restartCount: number;
  /** Null when the scheduler sent none that this agent knows. */
  readonly program: Program | null;
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  /** Empty = a folder of the task's own. */
  readonly workingDirectory: string;
  /** Empty = the agent's own folder for the workload. */
  readonly checkpointDirectory: string;
  readonly resume: Checkpoint | null;
  /** Sent ahead of the stop signal; absent = none is. A stop's grace is then the time for both. */
  readonly earlySignal?: { readonly signal: string; readonly aheadMs: number };
  /** When its time limit passes, by the scheduler's time of day; absent = it has none, or its gang does not run yet. */
  readonly deadlineMs?: number;
  /** How long its gang may run, once it does; absent = without a limit. */
  readonly timeLimitMs?: number;
  /** What the scheduler wants back, as it is, should its history be lost; empty = it sent none. */
  readonly origin: string;
  /** By which its program calls the scheduler; absent = it gets none, or has started. A secret: in no journal, log or spec. */
  readonly token?: string;
  /** Its standard error has a log of its own. */
  readonly separateStderr?: true;
  /** Set when the task has to stop. */
  readonly stop: { readonly reason: StopReason; readonly graceMs: number } | null;
}

/** What this node has of one allocation. */
export interface LocalAllocation {
  readonly grant: Grant;
  /** `exited`: no process of it is left, its GPUs are not confirmed clean. */
  readonly phase: 'starting' | 'running' | 'exited' | 'released';
  /** While starting: whether it is being made ready, or is ready, and waits for the others of its gang; null = it is not held. */
  readonly hold: 'preparing' | 'ready' | null;
  /** Wall clock, ms since 1970. */
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly exit: TaskExit | null;
  /** True when the program was not started and never will be under this id. */
  readonly neverStarted: boolean;
  /** Whether it got its stop signal before it ended. */
  readonly stopSignalled: boolean;
  readonly checkpoint: Checkpoint | null;
  readonly endpoints: readonly Endpoint[];
  /** GPUs that did not become clean in time. */
  readonly dirtyGpus: readonly string[];
  /** The stop that is under way. Times are the agent's clock. */
  readonly stop: { readonly reason: StopReason; readonly graceMs: number; readonly killAtMs: number } | null;
  /** While exited: since when clean GPUs are waited for, and when they are looked at next (null = being looked at). */
  readonly cleaning: {
    readonly sinceMs: number;
    readonly nextMs: number | null;
    /** The GPUs whose baseline was asked for last. */
    readonly asked: readonly string[];
  } | null;
}

/** Whether a process of it may be running, or about to. */
export function isLive(allocation: LocalAllocation): boolean {
  return allocation.phase === 'starting' || allocation.phase === 'running';
}

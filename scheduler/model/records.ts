// The records that make up the cluster's state: plain, read-only, durable. Nothing here has behaviour.
// A change of state is a set of record changes; the store keeps them, the engine's view and the API follow them.
import type { GpuTime } from './gpu-time.js';
import type { MeasuredUse } from './measured-use.js';
import type { Waits } from './waits.js';
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';

/** A guarantee and a limit for the GPUs of one pool, of one model, or of one model in one pool. */
export interface QueueScope {
  /** Empty = any; pool and model are not both empty. */
  readonly pool: string;
  /** Words that must all appear in the GPU's model; empty = any. */
  readonly model: string;
  /** May be a fraction, in thousandths. */
  readonly guaranteeGpus: number;
  readonly limitGpus: number | null;
}

/** GPUs that a queue gets back together: `count` times `gpus` of one kind in one domain. */
export interface ShapeGuarantee {
  readonly count: number;
  readonly gpus: number;
  readonly pool: string;
  readonly model: string;
  readonly level: TopologyLevel;
}

/** What a queue, with all below it, may use in each month, quarter or year of UTC, or once from a day to a day. */
export interface QueueBudget {
  readonly amount: number;
  /** GPU time that was charged, in hours of one GPU; or what it costs, in the cluster's currency. */
  readonly unit: 'gpu_hours' | 'cost';
  readonly period: 'month' | 'quarter' | 'year' | DaySpan;
  /** Parts of the amount at which people are warned, ascending. */
  readonly warnAt: readonly number[];
  /**
   * What happens when all of it is used, beside the warnings:
   *   warn            nothing
   *   stop_borrowing  it gets nothing above its guarantee until the period ends; what runs there goes on, and may be reclaimed
   *   end_borrowed    that, and what it has borrowed goes back to its queue at once
   */
  readonly whenSpent: 'warn' | 'stop_borrowing' | 'end_borrowed';
  /** E-mail addresses and webhooks that are told. */
  readonly notify: readonly string[];
}

/** Days of UTC ("2026-11-22"), both included. */
export interface DaySpan {
  readonly firstDay: string;
  readonly lastDay: string;
}

/** What was told of a budget in a period, and whether it is spent. */
export interface BudgetStanding {
  /** The period, from the first to before the second. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** The highest of the parts to warn at that was told of; 0 = none. */
  readonly toldPart: number;
  readonly isSpent: boolean;
  /** What was used when this was written, in the budget's unit. */
  readonly used: number;
  /** The budget that was judged; absent in records of earlier versions. */
  readonly of?: Pick<QueueBudget, 'amount' | 'unit'>;
}

/** What becomes of work whose GPUs do nothing: both null = nothing, whatever the queue above says. */
export interface IdleGpuPolicy {
  /** After so long its owner is warned. */
  readonly warnAfterMs: number | null;
  /** After so long, and no sooner than that much after the warning, the GPUs are taken back; null = they are not. */
  readonly reclaimAfterMs: number | null;
}

/** One node of the tenant tree. Leaves hold workloads. */
export interface Queue {
  readonly name: QueueName;
  readonly parent: QueueName | null;
  /** GPUs it gets back on demand; may be a fraction, in thousandths. */
  readonly guaranteeGpus: number;
  /** The most GPUs it may hold; null = no limit. */
  readonly limitGpus: number | null;
  /** CPU and memory it gets back on demand; null = as much as there is, so that GPUs alone decide. */
  readonly guaranteeCpuMilli: number | null;
  readonly guaranteeMemoryMib: number | null;
  /** The most CPU and memory it may hold; null = no limit. */
  readonly limitCpuMilli: number | null;
  readonly limitMemoryMib: number | null;
  /** Guarantees and limits for a part of the cluster, beside those for the whole. */
  readonly scopes: readonly QueueScope[];
  readonly shapes: readonly ShapeGuarantee[];
  /** The most GPUs one user may hold in it; null = no limit. */
  readonly userLimitGpus: number | null;
  /** How long its work runs before other queues, or its own queue, may stop it; null = as the queue above. Capped by the cluster. */
  readonly reclaimMinRuntimeMs: number | null;
  readonly preemptMinRuntimeMs: number | null;
  /** The longest grace of what it runs on borrowed GPUs; null = as the queue above. */
  readonly maxGraceMs: number | null;
  /**
   * How long, at most, those who borrow what it is guaranteed may be in their min-runtime when it takes that back, and how
   * long they may take to leave; null or absent = as the queue above.
   */
  readonly lendMaxMinRuntimeMs?: number | null;
  readonly lendMaxGraceMs?: number | null;
  /** How long its interactive work may be unused before it is ended; null or absent = as the queue above. */
  readonly idleLimitMs?: number | null;
  /** What it, with all below it, may use in a period; null or absent = as much as it likes. */
  readonly budget?: QueueBudget | null;
  /** How its budget stood when that was last worth writing down. Absent = nothing was, in this period. */
  readonly budgetStanding?: BudgetStanding;
  /** Queues below it that were deleted since it has a budget, the latest last: what they used still counts. Absent = none. */
  readonly formerQueues?: readonly QueueName[];
  /** What becomes of other work of it whose GPUs are idle; null or absent = as the queue above. */
  readonly idleGpus?: IdleGpuPolicy | null;
  /** Its share of what is left over; 0 = nothing beyond the guarantee. */
  readonly weight: number;
  /** Higher is served first from what is left over. */
  readonly priority: number;
  readonly createdMs: number;
}

/** One hardware slice of a GPU in MIG mode. */
export interface MigInstance {
  readonly uuid: string;
  /** As `nvidia-smi` names it: "3g.20gb". */
  readonly profile: string;
  readonly memoryMib: number;
}

/**
 * What may be done with a GPU, the worst of what its agent reports and what the scheduler holds against it:
 *   healthy      given to work
 *   suspect      takes nothing new for a while
 *   draining     takes nothing new; what runs on it goes on to its end
 *   quarantined  takes nothing until something is done
 *   lost         does not answer, or is gone
 */
export type GpuHealth = 'healthy' | 'suspect' | 'draining' | 'quarantined' | 'lost';

/** One reason why a GPU is not simply healthy. */
export interface GpuMark {
  /** `xid_79`, `recovery_action`, `ecc_uncorrected`, `repeated_faults`, `nvlink_peer`, `operator`, … */
  readonly code: string;
  readonly health: 'suspect' | 'draining' | 'quarantined';
  readonly sinceMs: number;
  /** In words, with the evidence. */
  readonly message: string;
  /** Who said so; empty = the daemon, by its policy. */
  readonly actor: string;
  /** `report`: its agent reads it no more; `reboot` includes a person's word, `time` a reboot's and a person's. */
  readonly endsWith: 'person' | 'reboot' | 'report' | 'time';
  /** With `time`: when; else null. */
  readonly untilMs: number | null;
}

/** A fault of a GPU, remembered to tell a bad GPU from a bad program. */
export interface GpuFault {
  /** `xid_31` */
  readonly code: string;
  readonly timeMs: number;
  /** Of those who held it, the first; null = nobody did. */
  readonly workload: WorkloadNumber | null;
  readonly owner: string;
}

/** Something that is wrong with a GPU for as long as its agent reports it. */
export interface GpuSymptom {
  readonly kind: string;
  readonly detail: string;
}

/** One GPU as its agent last reported it. */
export interface Gpu {
  readonly uuid: string;
  /** Its position in the node's list; the engine names GPUs by it. */
  readonly index: number;
  readonly model: string;
  readonly memoryMib: number;
  readonly simulated: boolean;
  readonly health: GpuHealth;
  readonly healthMessage: string;
  /** What its agent alone says. Absent = what `health` says. */
  readonly reported?: { readonly health: GpuHealth; readonly healthMessage: string };
  /** What its agent reads of it at this moment. Absent = nothing. */
  readonly symptoms?: readonly GpuSymptom[];
  /** What the scheduler holds against it. Absent = nothing. */
  readonly marks?: readonly GpuMark[];
  /** The last faults of it, oldest first; bounded. Absent = none. */
  readonly faults?: readonly GpuFault[];
  /** As the driver names it; absent = not told. */
  readonly computeMode?: string;
  /** The NUMA node next to it; absent = not known. */
  readonly numaNode?: number;
  /** The CPUs of that NUMA node: "0-31,64-95". Absent = not known. */
  readonly cpuAffinity?: string;
  /**
   * Why the scheduler keeps it from new work, whatever its agent says of its health: nothing proves that its last task
   * is gone. Absent = it does not. Ends with a reboot of the machine, or when a person uncordons the node.
   */
  readonly quarantine?: string;
  /** The allocation whose end ends the quarantine, once its agent saw the GPU clean. Absent = only a reboot or a person does. */
  readonly quarantinedFor?: AllocationId;
  readonly pciBusId: string;
  /** Set when a person took the entry of a lost GPU away: it is shown no more, and its place is the next new GPU's. */
  readonly retired?: true;
  /** The fencing number of the last grant; 0 = never granted. */
  readonly generation: number;
  /** GPUs of one node with the same number reach each other over NVLink; null = not known, none. */
  readonly nvlinkGroup: number | null;
  /** Its instances; null = not in MIG mode. In MIG mode the GPU is not granted as a whole. */
  readonly mig: readonly MigInstance[] | null;
}

/** A time in which a node is not to be used, announced beforehand. */
export interface Maintenance {
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number;
  /** How often it comes again; null = once. */
  readonly everyMs: number | null;
  readonly reason: string;
}

/** One machine. Whether its agent is heard of is soft state and not kept here. */
export interface ClusterNode {
  readonly id: NodeId;
  readonly name: string;
  readonly pool: string;
  /** The labels `rack` and `block` say where it stands. */
  readonly labels: Readonly<Record<string, string>>;
  readonly gpus: readonly Gpu[];
  readonly cpuCount: number;
  readonly memoryMib: number;
  readonly driverVersion: string;
  readonly cudaVersion: string;
  /** In words, when GPUs could not be read; empty = fine. */
  readonly gpuProblem: string;
  readonly bootId: string;
  readonly agentVersion: string;
  /** Where tasks on other nodes reach this one. Absent = by its name, as far as is known. */
  readonly address?: string;
  readonly cordoned: boolean;
  readonly cordonReason: string;
  /** In words, why the node's own health check keeps new work off it. Absent = it does not. */
  readonly nodeProblem?: string;
  /** The number of the last health event of its agent that was taken in. Absent = none was. */
  readonly healthSequence?: number;
  readonly maintenance: readonly Maintenance[];
  readonly registeredMs: number;
  /** What its agent has and nobody asked for. Absent = nothing. */
  readonly strays?: readonly Stray[];
}

/**
 * A task that is on a node and should not be:
 *   orphan          the store never heard of it
 *   zombie          it has ended for the store, or is another node's
 *   fence_violated  it was given up by the fence time, or on a person's word that its machine is off, and runs
 */
export interface Stray {
  readonly allocation: AllocationId;
  readonly kind: 'orphan' | 'zombie' | 'fence_violated';
  /** As its agent says. */
  readonly workload: WorkloadNumber;
  readonly sinceMs: number;
  /** Whether its agent is told not to end it yet. */
  readonly spared: boolean;
}

export type WorkloadKind = 'train' | 'test' | 'service' | 'batch' | 'interactive';

export type Program =
  | { readonly type: 'command'; readonly argv: readonly string[] }
  | { readonly type: 'builtin'; readonly name: string; readonly args: readonly string[] };

/** What one task asks of its node. */
export interface TaskRequest {
  /** Whole GPUs; with a share, GPUs of each of which it gets that share; with MIG, instances. 0 = none. */
  readonly gpus: number;
  /** The share of each GPU in thousandths; 1,000 = whole. */
  readonly gpuMilli: number;
  /** The share given as memory of each GPU; 0 = it is given in thousandths. */
  readonly gpuMemoryMib: number;
  /** A MIG profile, "3g.20gb"; empty = none. */
  readonly migProfile: string;
  /** Thousandths of a core; 0 = nothing is set aside. */
  readonly cpuMilli: number;
  readonly memoryMib: number;
}

/** Where a task may go. Empty = anywhere. */
export interface PlacementRules {
  readonly pool: string;
  /** Acceptable models, the best first: words that must all appear in the GPU's model. */
  readonly models: readonly string[];
  readonly minGpuMemoryMib: number;
  /** For example "535.104"; compared number by number. */
  readonly minDriver: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Names of nodes. */
  readonly nodes: readonly string[];
}

/** The levels of the hardware, the closest first. */
export type TopologyLevel = 'nvlink' | 'node' | 'rack' | 'block';

/** Tasks that belong together. A preferred level is a wish; a required one is a condition. */
export interface TopologyRule {
  readonly level: TopologyLevel;
  readonly required: boolean;
}

/** Equal tasks of a workload. A workload without roles of its own has one, named "". */
export interface Role {
  readonly name: string;
  /** So many start together with those of the other roles, or none. */
  readonly minTasks: number;
  /** More than `minTasks` = elastic: the surplus comes when there is room, and goes first. */
  readonly maxTasks: number;
  readonly request: TaskRequest;
  readonly rules: PlacementRules;
  /** Null = only what the workload asks for. */
  readonly topology: TopologyRule | null;
  /** Null = the workload's. */
  readonly program: Program | null;
}

/** What to do when a program ends with an error. */
export interface RetryPolicy {
  /** How often it is tried again; 0 = never. */
  readonly max: number;
  /** The pause before the first retry; it doubles each time, up to `maxBackoffMs`. */
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
  /** Exit codes after which it is tried again; empty = all but those of `neverCodes`. */
  readonly codes: readonly number[];
  readonly neverCodes: readonly number[];
}

/** A workload that waits for another one. */
export interface Dependency {
  readonly workload: WorkloadNumber;
  /** `succeeded`: and if it ends otherwise this one is cancelled; `ended`: however it ended. */
  readonly condition: 'succeeded' | 'ended' | 'failed' | 'started';
}

/** A place in an array: equal workloads submitted as one. */
export interface ArrayPlace {
  /** The number of its first workload. */
  readonly of: WorkloadNumber;
  readonly index: number;
  readonly size: number;
  /** At most so many of them run at once; 0 = no cap. */
  readonly concurrency: number;
}

/**
 * What becomes of tasks whose node has no contact with the scheduler:
 *   stop    they stop as soon as its lease is over
 *   linger  they go on for a while, then stop
 *   keep    they go on without end, and are never given up without proof that they ended
 */
export type OnDisconnect = 'stop' | 'linger' | 'keep';

/**
 * Which processes a task consists of, and how they find each other:
 *   none      one process a task, told of the others; each task is a rank
 *   torchrun  one process a task, which is torchrun or behaves like it and makes the ranks itself
 *   per_gpu   one process for each GPU, each a rank
 */
export type Launcher = 'none' | 'torchrun' | 'per_gpu';

/** A notice so long before the stop signal, to the processes that catch it. */
export interface EarlySignal {
  readonly signal: EarlySignalName;
  readonly aheadMs: number;
}

export type EarlySignalName = 'SIGHUP' | 'SIGINT' | 'SIGQUIT' | 'SIGUSR1' | 'SIGUSR2';

/** What somebody wants to be told of: that it runs, ended, failed, came back into its queue, or has idle GPUs. */
export type NotifyOn = 'start' | 'end' | 'fail' | 'requeue' | 'idle';

/** Whom to tell of what. */
export interface NotifyRule {
  /** Each once. */
  readonly on: readonly NotifyOn[];
  /** `https://…`, `http://…` or `mailto:…` */
  readonly to: string;
}

/** What a user asked for, with every default filled in. */
export interface WorkloadSpec {
  readonly name: string;
  readonly kind: WorkloadKind;
  readonly queue: QueueName;
  readonly priority: number;
  readonly preemptible: boolean;
  /** At least one. Tasks are numbered through the roles in order, each with room for its `maxTasks`. */
  readonly roles: readonly Role[];
  /** For the whole gang. */
  readonly topology: TopologyRule | null;
  /** How long an attempt may run, from its start; null = without end. */
  readonly timeLimitMs: number | null;
  readonly retry: RetryPolicy;
  readonly dependencies: readonly Dependency[];
  readonly array: ArrayPlace | null;
  readonly program: Program;
  readonly environment: readonly { readonly name: string; readonly value: string }[];
  /** Empty = a folder of the task's own. */
  readonly workingDirectory: string;
  /** From the stop signal to the kill. */
  readonly graceMs: number;
  /** Sent ahead of the stop signal; absent = none is. */
  readonly earlySignal?: EarlySignal;
  /** Absent = as is usual for its kind and its number of tasks. */
  readonly onDisconnect?: OnDisconnect;
  /** Absent = `none`, and a workload of one task is told of no others. */
  readonly launcher?: Launcher;
  /** Empty = the agent's own folder for the workload. */
  readonly checkpointDirectory: string;
  /** Absent = nobody is told. */
  readonly notify?: readonly NotifyRule[];
  /** Standard error of its tasks has a log of its own; absent = it is in one with standard output. */
  readonly separateStderr?: true;
}

export type WorkloadState = 'pending' | 'starting' | 'running' | 'stopping' | 'succeeded' | 'failed' | 'cancelled';

export interface Checkpoint {
  readonly step: number;
  readonly timeMs: number;
  readonly path: string;
}

export type WorkloadEventType =
  | 'submitted'
  | 'held'
  | 'unheld'
  | 'changed'
  | 'claimed'
  | 'placed'
  | 'started'
  | 'warning'
  | 'stopping'
  | 'requeued'
  | 'retried'
  | 'checkpoint'
  | 'finished';

export interface WorkloadEvent {
  readonly timeMs: number;
  readonly type: WorkloadEventType;
  readonly message: string;
}

/** What of which node one task gets. */
export interface Placement {
  readonly task: number;
  readonly node: NodeId;
  /** GPUs by index. */
  readonly gpus: readonly number[];
  /** How much of each, in parts (see `GPU_PARTS`). */
  readonly parts: number;
  /** The MIG instance of each, by UUID; empty = no MIG. */
  readonly instances: readonly string[];
}

/**
 * GPUs promised to a workload: some still leave their present holders, some are free and held for it. A pending workload
 * waits with it; one that is stopping is moved there; a running one gets more tasks.
 */
export interface Claim {
  readonly placements: readonly Placement[];
  readonly sinceMs: number;
}

/** Why a pending workload is not to be placed yet, the first that applies in this order. */
export interface Gate {
  readonly kind: 'held' | 'dependency' | 'backoff' | 'array';
  /** One sentence. */
  readonly message: string;
  /** When it opens by itself; null = not by time. */
  readonly untilMs: number | null;
}

/** The time limit of an attempt that runs. */
export interface Deadline {
  /** When its owner is warned; null = that is done. */
  readonly warnMs: number | null;
  /** When it is stopped. */
  readonly endMs: number;
}

export interface Workload {
  readonly number: WorkloadNumber;
  /** A ULID. */
  readonly uid: string;
  readonly spec: WorkloadSpec;
  readonly owner: string;
  /** The key of the request that made it; absent = the client gave none. */
  readonly requestKey?: string;
  /** The span of the client that submitted it, as a W3C `traceparent`. Absent = it told none. */
  readonly traceParent?: string;
  readonly state: WorkloadState;
  /** In one sentence, why it is where it is; empty while pending (the engine explains that). */
  readonly message: string;
  /** 0 = never placed. */
  readonly attempt: number;
  /** Allocations of the present or last attempt, in task order. */
  readonly allocations: readonly AllocationId[];
  /** Those of earlier attempts, oldest first; bounded. */
  readonly pastAllocations: readonly AllocationId[];
  readonly claim: Claim | null;
  readonly checkpoint: Checkpoint | null;
  /** What becomes of it once its allocations are gone: back to pending, or an end. Null while not stopping. */
  readonly afterStop: 'requeue' | 'cancel' | 'fail' | 'succeed' | null;
  readonly requeues: number;
  /** How often it was tried again after an error of its program. */
  readonly retries: number;
  /** Attempts in a row whose program asked, soon after its start, to be tried again (exit code 75). Absent = none. */
  readonly hastyRequeues?: number;
  /** Why it is held back, in words; null = it is not. */
  readonly hold: string | null;
  /** An administrator holds it back, and only administrators release it. Absent = its owner does as well. */
  readonly adminHold?: true;
  /** Not to be placed before; 0 = at once. */
  readonly notBeforeMs: number;
  /**
   * Set = it is not offered to the engine, counts as no demand, and this says why. Follows from the hold, the time, its
   * dependencies and its array; null while it is not pending.
   */
  readonly gate: Gate | null;
  /** Null = it does not run, or has no time limit. */
  readonly deadline: Deadline | null;
  /** When its gang is given up that has not begun together until then. Absent = it waits for nothing of the kind. */
  readonly startByMs?: number;
  /** What those were, or are, told of each other that may not have started yet. Absent = its tasks are always the same ones. */
  readonly rounds?: readonly Round[];
  /** Attempts in a row that were lost without the program's doing, never started or soon after their start. */
  readonly falseStarts: number;
  /** When it was last warned that its GPUs are idle. Absent = never. */
  readonly idleWarnedMs?: number;
  /** Surplus tasks of the present attempt were taken back because they were idle: it gets no more. Absent = none was. */
  readonly surplusIdle?: true;
  readonly lostGpuMs: number;
  /** GPU time that ended allocations were charged for, in whole milliseconds of a GPU. */
  readonly gpuMs: number;
  /** What of it is less than a millisecond, in parts of a GPU. Absent = nothing. */
  readonly gpuRestParts?: number;
  readonly submittedMs: number;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  /** The last ones, oldest first; bounded. */
  readonly events: readonly WorkloadEvent[];
}

/** `exited`: the process is over, its GPUs are not confirmed clean; they stay held until `released`. */
export type AllocationState = 'placed' | 'running' | 'stopping' | 'exited' | 'released';

export type StopReason =
  | 'reclaimed'
  | 'preempted'
  | 'moved'
  | 'cancelled'
  | 'gang_ended'
  | 'node_lost'
  | 'time_limit'
  | 'maintenance'
  | 'drain'
  | 'requeued'
  | 'gpu_fault'
  | 'idle';

export interface StopOrder {
  readonly reason: StopReason;
  readonly requestedMs: number;
  /** From the order to the kill: the time of an early signal, and then from the stop signal on. */
  readonly graceMs: number;
  /** The workload that needed the GPUs. */
  readonly forWorkload: WorkloadNumber | null;
  /** In words, with the numbers that decided. */
  readonly message: string;
}

export interface Exit {
  /** Null when a signal ended it or nothing is known. */
  readonly code: number | null;
  /** For example "SIGKILL"; empty = none. */
  readonly signal: string;
  readonly message: string;
}

export interface GrantedGpu {
  readonly uuid: string;
  readonly index: number;
  readonly model: string;
  readonly simulated: boolean;
  readonly generation: number;
  /** How much of it, in parts (see `GPU_PARTS`). */
  readonly parts: number;
  /** The UUID of the MIG instance; empty = none. */
  readonly instance: string;
}

/**
 * What proves that GPUs may be given to others:
 *   clean          their agent saw no process left and their memory back at its baseline (GPUs that were not are quarantined)
 *   never_started  their agent never started the program under this id, and never will
 *   rebooted       their machine has booted anew since
 *   fenced         the fence time of a silent node passed: agent and supervisor have ended everything by then
 *   certified      a person certified that the machine is off, or that nothing of the task runs any more
 *   quarantined    nothing does, so they are kept from new work until a reboot or a person says that they are free
 */
export type ReleaseProof = 'clean' | 'never_started' | 'rebooted' | 'fenced' | 'certified' | 'quarantined';

/** The end of a grant. */
export interface Release {
  readonly timeMs: number;
  readonly proof: ReleaseProof;
}

export interface Allocation {
  readonly id: AllocationId;
  readonly workload: WorkloadNumber;
  readonly attempt: number;
  readonly task: number;
  readonly node: NodeId;
  readonly gpus: readonly GrantedGpu[];
  /** CPU and memory set aside for it. */
  readonly cpuMilli: number;
  readonly memoryMib: number;
  readonly state: AllocationState;
  /** Where its attempt begins: fixed when it is placed, so that all tasks of a gang begin at the same step. */
  readonly resume: Checkpoint | null;
  readonly placedMs: number;
  readonly startedMs: number | null;
  readonly endedMs: number | null;
  readonly stop: StopOrder | null;
  readonly exit: Exit | null;
  readonly endpoints: readonly { readonly name: string; readonly url: string }[];
  /** What broke under it: its end is then no fault of its program. Absent = nothing did. */
  readonly fault?: string;
  /** When its GPUs were proven free, and by what. Absent = they are not, or an earlier version of Sluice freed them. */
  readonly release?: Release;
  /** Set when it was taken over from its agent after a loss of history: this history did not grant it. */
  readonly adopted?: true;
  /** The pool of its node when it was granted: usage counts there. Absent = that of its node. */
  readonly pool?: string;
  /** Its place among the tasks that it works with. Absent = it works alone. */
  readonly launch?: Launch;
  /** The queue that it was granted to: usage counts there. Absent = an earlier version granted it, and all of it as guaranteed. */
  readonly queue?: QueueName;
  /** How much of it is borrowed. Absent = nothing ever was. */
  readonly lent?: Lent;
  /** How long GPUs of it did nothing, as far as that was written down. Absent = not at all. */
  readonly idle?: GpuTime;
  /** What of it had to be done again, since its attempt was interrupted. Absent = nothing. */
  readonly lost?: GpuTime;
  /** What of it led to nothing, since its attempt failed. Absent = nothing. */
  readonly failed?: GpuTime;
  /** What its task used, once it has ended. Absent = it has not, or nothing was measured. */
  readonly use?: MeasuredUse;
}

/** One task among those that work together. */
export interface Launch {
  /** From 0; null = it is none of those that are counted: without GPUs beside tasks that have some. */
  readonly rank: number | null;
  /** The port on which the first process answers the others. */
  readonly port: number;
  /**
   * Tasks that were placed together start together: each is made ready, and none starts before all are.
   *   waits  its agent has not said yet that it is ready
   *   ready  it is, others are not
   *   go     it may start
   * Absent = it starts by itself.
   */
  readonly stage?: 'waits' | 'ready' | 'go';
  /** Which round of its workload it belongs to. Absent = none: the tasks of its workload are always the same ones, or it was not let go yet. */
  readonly round?: number;
}

/**
 * Tasks of an elastic workload that may start together, or come to those that run, as they were at that moment: each of them is told the same
 * world however late it is told, and whatever comes or goes meanwhile.
 */
export interface Round {
  /** From 1, within an attempt. */
  readonly number: number;
  /** All tasks that are counted, also those that ran before, by rank. */
  readonly members: readonly RoundMember[];
}

export interface RoundMember {
  readonly rank: number;
  readonly node: NodeId;
  /** How many processes it has that are ranks. */
  readonly processes: number;
}

/** The part of a grant above the guarantee of its queue. It changes with what else the queue holds, and with the guarantee. */
export interface Lent {
  /** Borrowed since `sinceMs`; of what is released, at the end. */
  readonly parts: number;
  readonly sinceMs: number;
  /** What was borrowed until then. It is in the sums of usage. */
  readonly time: GpuTime;
}

/** What a request id led to, so that a repeated request gets the first answer. */
export interface RequestRecord {
  /** `principal/request_id`. */
  readonly key: string;
  /** SHA-256 of the canonical body. */
  readonly digest: string;
  readonly workloads: readonly WorkloadNumber[];
  readonly timeMs: number;
  /**
   * Set when the history that held the whole answer was lost: of the `count` workloads that the request made only these are
   * known again, `places` their places among all. The others are made when the request is repeated.
   */
  readonly partial?: { readonly places: readonly number[]; readonly count: number };
}

/** Counters of the cluster as a whole; one record. */
export interface ClusterMeta {
  readonly clusterId: string;
  /** The last number given to a workload. */
  readonly lastWorkload: number;
  /** The history in which this was written; another one than the store's = a backup was restored. Absent = not noted yet. */
  readonly lineage?: string;
  /** Histories before this one, the latest last. */
  readonly pastLineages?: readonly PastLineage[];
  /** Where the latest epochs began, in whatever history, the latest last. Absent = not noted yet. */
  readonly terms?: readonly TermBeginning[];
  /** The copy of the store on which this history goes on. Absent = the store has one only, or it was not noted yet. */
  readonly copy?: KnownCopy;
  /** Set while nothing is placed because agents may still run what this history does not know of. */
  readonly recovery?: Recovery | null;
  /** Set while nothing of silent nodes is given up because too many fell silent at once. */
  readonly brake?: Brake | null;
  /** A secret: what tokens of tasks are made with. Absent = there are none. */
  readonly taskKey?: string;
}

/** Where an epoch began: whoever obeyed another leader beyond that obeyed what is not in this history. */
export interface TermBeginning {
  readonly lineage: string;
  readonly epoch: number;
  /** The last one before it. */
  readonly revision: number;
  /** Empty = it did not say. */
  readonly leaderId: string;
}

/** The copy of the store that took the writes, and who could take its place, as the leaders since then found it. */
export interface KnownCopy {
  /** Another one after another copy took over, and after it began again. */
  readonly id: string;
  /** The most replicas that were ever seen, in this history. */
  readonly replicas: number;
  /** The fewest of them that had each commit before it was acknowledged, on this copy. */
  readonly awaited: number;
  /** When it was first found, by the time of day. */
  readonly sinceMs: number;
}

/** A history that was left for another one. */
export interface PastLineage {
  readonly lineage: string;
  /** The last epoch and revision of it that are known here. */
  readonly epoch: number;
  readonly revision: number;
  readonly leftMs: number;
  readonly why: LossOfHistory;
}

/** `lost`: an agent had obeyed more than the store knows; `restored`: the store is a restored backup. */
export type LossOfHistory = 'lost' | 'restored';

/** The time after a loss of history, or after a change of copies that may have brought one, until every agent was heard. */
export interface Recovery {
  readonly why: LossOfHistory | 'copy_changed';
  readonly sinceMs: number;
  /** Allocations taken over from agents so far. */
  readonly adopted: number;
}

/** The brake for mass loss. */
export interface Brake {
  readonly sinceMs: number;
  /** The nodes that had fallen silent when it closed, and those since. */
  readonly silent: readonly NodeId[];
  /** How many leases there were. */
  readonly nodes: number;
}

export type IncidentKind =
  | 'history_lost'
  | 'history_recovered'
  | 'copy_changed'
  | 'copy_heard'
  | 'restored'
  | 'brake_closed'
  | 'brake_released'
  | 'node_fenced'
  | 'node_removed'
  | 'gpu_removed'
  | 'gpu_condemned'
  | 'gpu_quarantined'
  | 'gpu_released'
  | 'gpu_reset'
  | 'gpu_brake'
  | 'hook_failed'
  | 'orphan'
  | 'fence_violated'
  | 'budget_warned'
  | 'budget_spent'
  | 'budget_renewed';

/** Something that administrators have to know of, and what they did about such: kept for later questions. */
export interface Incident {
  /** A ULID. */
  readonly id: string;
  readonly timeMs: number;
  readonly kind: IncidentKind;
  /** In words, with the numbers that matter. */
  readonly message: string;
  /** Who did it; empty = the daemon itself. */
  readonly actor: string;
}

/**
 * What grants that are over came to, of one queue, user, pool and model of GPU, in a day ("2026-11-22") or, after a while, a
 * month ("2026-11"), of UTC; "before" is all that was let go. What each figure means: usage.ts.
 */
export interface UsageRecord {
  readonly period: string;
  readonly queue: QueueName;
  readonly user: string;
  readonly pool: string;
  readonly model: string;
  /** How many grants began. */
  readonly grants: number;
  readonly held: GpuTime;
  readonly charged: GpuTime;
  readonly ran: GpuTime;
  /** Of `held`, what was above the guarantee of the queue at the time. Absent = nothing. */
  readonly borrowed?: GpuTime;
  /** What was wasted: GPUs that did nothing, work to be done again, work that failed. Absent = nothing. */
  readonly idle?: GpuTime;
  readonly lost?: GpuTime;
  readonly failed?: GpuTime;
  /** How long work waited for its first start in this period. Absent = none started. */
  readonly waits?: Waits;
}

export type NoticeType = 'started' | 'succeeded' | 'failed' | 'cancelled' | 'requeued' | 'idle';
export type BudgetNoticeType = 'budget_warned' | 'budget_spent' | 'budget_renewed';

/** What somebody is still to be told: written with the change that it tells of, deleted once it was sent or given up. */
export type Notice = WorkloadNotice | BudgetNotice;

interface NoticeEnvelope {
  /** The same however often it is sent: receivers know by it what they have seen. */
  readonly id: string;
  /** As in the rule that asked for it. */
  readonly to: string;
  /** When it happened. */
  readonly timeMs: number;
}

export interface WorkloadNotice extends NoticeEnvelope {
  readonly type: NoticeType;
  /** The workload as it was then. */
  readonly workload: Pick<
    Workload,
    'number' | 'uid' | 'owner' | 'state' | 'message' | 'attempt' | 'submittedMs' | 'startedMs' | 'endedMs'
  > &
    Pick<WorkloadSpec, 'name' | 'kind' | 'queue'>;
}

export interface BudgetNotice extends NoticeEnvelope {
  readonly type: BudgetNoticeType;
  /** The queue's budget as it stood then. */
  readonly budget: Pick<QueueBudget, 'amount' | 'unit' | 'whenSpent'> &
    Pick<BudgetStanding, 'used' | 'fromMs' | 'untilMs'> & {
      readonly queue: QueueName;
      /** In words, with the numbers. */
      readonly message: string;
    };
}

/** Every collection, by name, with its record type. */
export interface Collections {
  readonly queues: Queue;
  readonly nodes: ClusterNode;
  readonly workloads: Workload;
  readonly allocations: Allocation;
  readonly requests: RequestRecord;
  readonly meta: ClusterMeta;
  readonly incidents: Incident;
  readonly usage: UsageRecord;
  readonly notices: Notice;
}

export type CollectionName = keyof Collections;

/** One record as it was and as it is to be; `after` null = deleted, `before` null = new. */
export type RecordChange = {
  [C in CollectionName]: {
    readonly collection: C;
    readonly key: string;
    readonly before: Collections[C] | null;
    readonly after: Collections[C] | null;
  };
}[CollectionName];

/** The key of a workload's record: its number, so that records sort as people count. */
export function workloadKey(number: WorkloadNumber): string {
  return String(number).padStart(12, '0');
}

/** The only key in the collection `meta`. */
export const META_KEY = 'cluster';

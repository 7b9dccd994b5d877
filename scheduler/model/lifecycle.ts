// The life of workloads and allocations: every legal change of state, as functions on a draft. Who decides that a change
// is due (a user, the engine, an agent's report) is none of its business; what follows from it is.
import { invariant } from '../../common/assert.js';
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import { formatDuration, plural } from '../../common/units.js';
import { isTerminal } from './cluster-state.js';
import { afterTimeLimit, asksForRequeue, hastyInARow, REQUEUE_CODE, requeuePauseMs } from './asked-requeue.js';
import type { Draft } from './draft.js';
import { isDone, isLive, isSurplus, isWhole, staysWhole } from './elastic.js';
import { gateAtRequeue } from './gate.js';
import { addGpuTime, type GpuTime } from './gpu-time.js';
import { GpuShares } from './gpu-shares.js';
import { type Grace, graceOf, sayGrace, type StopRequest, stopSpanMs } from './grace.js';
import {
  freeRank,
  inTopologyOrder,
  isCounted,
  isHeld,
  launcherOf,
  mayStart,
  portFor,
  ranksOf,
  START_LIMIT_MS,
} from './launch.js';
import {
  type Allocation,
  type AllocationState,
  type Checkpoint,
  type ClusterNode,
  type Exit,
  type Gpu,
  type GrantedGpu,
  type Launch,
  META_KEY,
  type Placement,
  type ReleaseProof,
  type Workload,
  type WorkloadEventType,
  type WorkloadState,
} from './records.js';
import { GPU_PARTS, maxTasks, minTasks, roleOf, toGpus } from './requests.js';
import { hasRounds, openRound, roundsInUse } from './rounds.js';
import { codeOf, retryDelayMs, TIME_LIMIT_CODE } from './retry.js';
import { deadlineOf, spanText } from './time-limit.js';
import { chargeOf } from './usage.js';
import { isAllocationStep, isWorkloadStep } from './state-steps.js';

/** How many events a workload's record keeps; the oldest are dropped. */
export const MAX_EVENTS = 50;

/** How many allocations of earlier attempts a workload keeps. */
export const MAX_PAST_ALLOCATIONS = 64;

/** How many tasks an event names one by one. */
const MAX_NAMED_TASKS = 8;

/** The workload with one more event. */
export function withEvent(workload: Workload, nowMs: number, type: WorkloadEventType, message: string): Workload {
  const events = [...workload.events, { timeMs: nowMs, type, message }];
  return { ...workload, events: events.slice(-MAX_EVENTS) };
}

/**
 * Gives tasks what they are placed on: the whole gang of a pending workload, as a new attempt, or surplus tasks of an
 * elastic one that starts or runs. Every grant raises the generation of its GPUs.
 */
export function place(
  draft: Draft,
  number: WorkloadNumber,
  placements: readonly Placement[],
  nowMs: number,
  newUlid: (nowMs: number) => string,
): void {
  const workload = draft.workload(number);
  if (workload.state === 'pending') placeGang(draft, workload, placements, nowMs, newUlid);
  else placeSurplus(draft, workload, placements, nowMs, newUlid);
}

function placeGang(
  draft: Draft,
  workload: Workload,
  placements: readonly Placement[],
  nowMs: number,
  newUlid: (nowMs: number) => string,
): void {
  const { number, gate } = workload;
  invariant(gate === null, 'only work with an open gate is placed', `${number}: ${gate?.message}`);
  const attempt = workload.attempt + 1;
  const inOrder = inTopologyOrder(workload.spec, placements, ({ node }) => draft.node(node));
  const launchOf = launchOfGang(draft, { ...workload, attempt }, inOrder);
  const granted = grant(draft, { ...workload, attempt }, inOrder, launchOf, nowMs, newUlid);
  const round = granted.some(isHeld) ? {} : enterRound(draft, workload, granted, granted);
  invariant(isWhole(workload.spec, granted, isLive), 'gangs start whole', `${number}: ${placements.length} tasks`);
  const pastAllocations = keepPast(draft, [...workload.pastAllocations, ...workload.allocations]);
  const allocations = inTaskOrder(granted);
  // Its pause is over: should the clock be set back, it must not begin again when this attempt is lost.
  const { surplusIdle: _, ...rest } = workload;
  const fresh = { ...rest, attempt, allocations, pastAllocations, claim: null, message: '', notBeforeMs: 0 };
  const startsTogether = granted.some(({ launch }) => launch?.stage === 'waits');
  const limit = startsTogether ? { startByMs: nowMs + START_LIMIT_MS } : {};
  const placed = { ...enter(fresh, 'starting'), ...limit, ...round };
  draft.putWorkload(withEvent(placed, nowMs, 'placed', `attempt ${attempt} on ${whereText(draft, granted)}`));
}

function placeSurplus(
  draft: Draft,
  workload: Workload,
  placements: readonly Placement[],
  nowMs: number,
  newUlid: (nowMs: number) => string,
): void {
  const { number, state } = workload;
  invariant(
    state === 'starting' || state === 'running',
    'only pending and running work is placed',
    `${number}: ${state}`,
  );
  const present = workload.allocations.map((id) => draft.allocation(id));
  const granted = grant(draft, workload, placements, launchOfSurplus(workload, present), nowMs, newUlid);
  const all = [...present, ...granted];
  const round = all.some(isHeld) ? {} : enterRound(draft, workload, all, granted);
  const tasks = granted.map(({ task }) => task);
  const left = (workload.claim?.placements ?? []).filter(({ task }) => !tasks.includes(task));
  const claim = workload.claim === null || left.length === 0 ? null : { ...workload.claim, placements: left };
  const what = `${taskText(tasks)} added on ${whereText(draft, granted)}`;
  const grown = { ...workload, allocations: inTaskOrder(all), claim, ...round };
  draft.putWorkload(withEvent(grown, nowMs, 'placed', what));
}

/** Fixes what tasks that may start now are told of each other, where that could change before all have been told. */
function enterRound(
  draft: Draft,
  workload: Workload,
  all: readonly Allocation[],
  starting: readonly Allocation[],
): Pick<Workload, 'rounds'> {
  if (!hasRounds(workload.spec) || starting.every(({ launch }) => launch === undefined)) return {};
  const { rounds, tasks } = openRound(workload, all, starting);
  for (const task of tasks) draft.putAllocation(task);
  return { rounds };
}

function inTaskOrder(allocations: readonly Allocation[]): readonly AllocationId[] {
  const sorted = allocations.toSorted((a, b) => a.task - b.task);
  const twice = sorted.find(({ task }, at) => sorted[at - 1]?.task === task);
  invariant(twice === undefined, 'a task has one allocation', `${twice?.workload}: task ${twice?.task}`);
  return sorted.map(({ id }) => id);
}

/** What a task is told of those it works with, by its number; undefined = it works alone. */
type LaunchOf = (task: number) => Launch | undefined;

/** Those of a gang start together; a task that is alone starts by itself, and knows nothing of others unless it asked for that. */
function launchOfGang(draft: Draft, workload: Workload, placements: readonly Placement[]): LaunchOf {
  const { spec } = workload;
  const [only] = placements;
  if (placements.length < 2 && spec.launcher === undefined) return () => undefined;
  const ranks = ranksOf(
    spec,
    placements.map(({ task }) => task),
  );
  const first = placements.find(({ task }) => ranks.get(task) === 0) ?? only;
  const port = portFor(workload, first === undefined ? [] : draft.heldOn(first.node));
  const together = placements.length > 1 ? { stage: 'waits' as const } : {};
  return (task) => ({ rank: ranks.get(task) ?? null, port, ...together });
}

/**
 * The others run already: one that comes later starts by itself, with a rank that nobody has. While the others still wait it waits with them:
 * they begin as one.
 */
function launchOfSurplus({ spec }: Workload, present: readonly Allocation[]): LaunchOf {
  const known = present.find(({ launch }) => launch !== undefined)?.launch;
  if (known === undefined) return () => undefined;
  const ranked = [...present];
  const together = present.some(isHeld) ? { stage: 'waits' as const } : {};
  return (task) => {
    const launch = { rank: isCounted(spec, task) ? freeRank(ranked) : null, port: known.port, ...together };
    const [like] = present;
    if (like !== undefined) ranked.push({ ...like, launch });
    return launch;
  };
}

/** Makes the allocations of placements, after seeing that nothing of what they name is given away twice. */
function grant(
  draft: Draft,
  workload: Workload,
  placements: readonly Placement[],
  launchOf: LaunchOf,
  nowMs: number,
  newUlid: (nowMs: number) => string,
): readonly Allocation[] {
  const { number, attempt, spec } = workload;
  const granted: Allocation[] = [];
  for (const { task, node: nodeId, gpus, parts, instances } of placements) {
    const id = newUlid(nowMs) as AllocationId;
    const node = draft.node(nodeId);
    const raised = [...node.gpus];
    const grants = gpus.map((index, at): GrantedGpu => {
      const gpu = raised[index];
      invariant(gpu !== undefined && gpu.health === 'healthy', 'granted GPUs exist', `${node.name}:${index}`);
      const { uuid, model, simulated } = gpu;
      const generation = gpu.generation + 1;
      raised[index] = { ...gpu, generation };
      const one = { uuid, index, model, simulated, generation, parts, instance: instances[at] ?? '' };
      checkSlice(node, gpu, one);
      return one;
    });
    if (grants.length > 0) draft.putNode({ ...node, gpus: raised });
    const { request } = roleOf(spec, task);
    const launch = launchOf(task);
    const allocation: Allocation = {
      id,
      workload: number,
      attempt,
      task,
      node: nodeId,
      gpus: grants,
      cpuMilli: request.cpuMilli,
      memoryMib: request.memoryMib,
      state: 'placed',
      resume: workload.checkpoint,
      placedMs: nowMs,
      startedMs: null,
      endedMs: null,
      stop: null,
      exit: null,
      endpoints: [],
      pool: node.pool,
      ...(launch === undefined ? {} : { launch }),
      queue: spec.queue,
    };
    granted.push(allocation);
  }
  checkOwners(draft, granted);
  for (const allocation of granted) draft.putAllocation(allocation);
  return granted;
}

/** A GPU in MIG mode is given in instances of its own, any other one in parts of at most all. */
function checkSlice({ name }: ClusterNode, { index, mig }: Gpu, { parts, instance }: GrantedGpu): void {
  invariant(parts > 0 && parts <= GPU_PARTS, 'a grant is a part of a GPU', `${name}:${index}: ${parts} parts`);
  const fits = mig === null ? instance === '' : mig.some(({ uuid }) => uuid === instance);
  invariant(fits, 'only instances of a GPU in MIG mode are granted', `${name}:${index}: instance "${instance}"`);
}

/** The parts of a GPU that are held sum up to at most all of it, and an instance has one holder. */
function checkOwners(draft: Draft, granted: readonly Allocation[]): void {
  for (const nodeId of new Set(granted.map(({ node }) => node))) {
    const shares = new GpuShares();
    for (const held of draft.base.heldOn(nodeId)) {
      // In a draft upon another one its record may be gone already.
      if ((draft.get('allocations', held.id)?.state ?? 'released') !== 'released') shares.add(held);
    }
    for (const allocation of granted) if (allocation.node === nodeId) shares.add(allocation);
  }
}

/** `n1 (2 GPUs), n2 (0.5 GPUs)` */
function whereText(draft: Draft, allocations: readonly Allocation[]): string {
  const where = new Map<string, number>();
  for (const allocation of allocations) {
    const { name } = draft.node(allocation.node);
    where.set(name, (where.get(name) ?? 0) + partsOf(allocation));
  }
  return [...where].map(([name, parts]) => `${name} (${gpuText(parts)})`).join(', ');
}

/** `2 GPUs`, `0.286 GPUs` */
export function gpuText(parts: number): string {
  return plural(Math.round(toGpus(parts) * 1_000) / 1_000, 'GPU');
}

/** `task 3`, `tasks 3, 4 and 5`, `tasks 3, 4, 5 and 12 more` */
function taskText(tasks: readonly number[]): string {
  const shown = tasks.length <= MAX_NAMED_TASKS ? tasks.slice(0, -1) : tasks.slice(0, MAX_NAMED_TASKS);
  const last = tasks.length <= MAX_NAMED_TASKS ? `${tasks.at(-1)}` : `${tasks.length - shown.length} more`;
  return tasks.length === 1 ? `task ${last}` : `tasks ${shown.join(', ')} and ${last}`;
}

/** Drops the records of the oldest attempts beyond the limit; one that still holds GPUs is never dropped. */
function keepPast(draft: Draft, past: readonly AllocationId[]): readonly AllocationId[] {
  const surplus = past.slice(0, Math.max(0, past.length - MAX_PAST_ALLOCATIONS));
  const dropped = surplus.filter((id) => draft.allocation(id).state === 'released');
  for (const id of dropped) draft.delete('allocations', id);
  return past.filter((id) => !dropped.includes(id));
}

/** Tells every live task of a workload to stop, and says what becomes of it afterwards. A stop that is under way stays. */
export function requestStop(
  draft: Draft,
  number: WorkloadNumber,
  afterStop: NonNullable<Workload['afterStop']>,
  order: StopRequest,
): void {
  const workload = draft.workload(number);
  invariant(!isTerminal(workload.state), 'only live work is stopped', `${number} is ${workload.state}`);
  const grace = orderStop(draft, workload, workload.allocations, order);
  // A claim was for an attempt that goes on; one to be moved there is made after the stop.
  const stopping = enter({ ...workload, afterStop, message: order.message, claim: null, deadline: null }, 'stopping');
  const allocations = workload.allocations.map((id) => draft.allocation(id));
  const why = order.message + sayRisk(workload, allocations, order) + sayGrace(workload.spec, grace);
  draft.putWorkload(withEvent(stopping, order.requestedMs, 'stopping', why));
  settle(draft, number, order.requestedMs);
}

/**
 * Tells some tasks of a workload to stop. It goes on without them when each role keeps its `minTasks`; else, since a gang
 * cannot be cut, all of it is stopped and requeued.
 */
export function requestStopOf(
  draft: Draft,
  number: WorkloadNumber,
  ids: readonly AllocationId[],
  order: StopRequest,
): void {
  const workload = draft.workload(number);
  const allocations = workload.allocations.map((id) => draft.allocation(id));
  const leaving = allocations.filter((one) => ids.includes(one.id) && isLive(one));
  if (leaving.length === 0) return;
  if (!staysWhole(workload.spec, allocations, new Set(ids))) {
    requestStop(draft, number, 'requeue', order);
    return;
  }
  const leavingIds = leaving.map(({ id }) => id);
  const grace = orderStop(draft, workload, leavingIds, order);
  const parts = leaving.reduce((sum, one) => sum + partsOf(one), 0);
  const why = order.message + sayGrace(workload.spec, grace);
  const what = `${taskText(leaving.map(({ task }) => task))} (${gpuText(parts)}) stopped: ${why}`;
  draft.putWorkload(withEvent(draft.workload(number), order.requestedMs, 'stopping', what));
  settle(draft, number, order.requestedMs);
}

/**
 * Completes a sentence on a stop for the sake of others: what it would lose if nothing were saved until its end. Of victims that are
 * equal otherwise the one goes that loses the least.
 */
function sayRisk(workload: Workload, allocations: readonly Allocation[], { reason, requestedMs }: StopRequest): string {
  if (reason !== 'preempted' && reason !== 'reclaimed' && reason !== 'moved') return '';
  const running = allocations.filter((one) => one.startedMs !== null && !hasEnded(one));
  const { checkpoint } = workload;
  const lostMs = running.reduce((sum, one) => sum + lostGpuMs({ ...one, endedMs: requestedMs }, checkpoint), 0);
  if (lostMs === 0) return '';
  const isSaved = running.some(({ startedMs }) => (checkpoint?.timeMs ?? 0) > (startedMs ?? 0));
  return `; at risk is ${formatDuration(lostMs)} of GPU time since its ${isSaved ? 'last checkpoint' : 'start'}`;
}

/** @returns the grace that it has, and who cut it */
function orderStop(draft: Draft, workload: Workload, ids: readonly AllocationId[], request: StopRequest): Grace {
  const { lender = null, ...order } = request;
  const grace = graceOf(draft, workload, order, lender);
  const { graceMs } = grace;
  for (const id of ids) {
    const allocation = draft.allocation(id);
    if (isLive(allocation)) draft.putAllocation({ ...step(allocation, 'stopping'), stop: { ...order, graceMs } });
  }
  return grace;
}

/**
 * A surplus task is lost without anybody's doing: it is over, and the workload goes on without it. Its number is free again.
 * @returns false when the gang cannot do without the task; nothing is changed then
 */
export function loseSurplus(
  draft: Draft,
  id: AllocationId,
  loss: { readonly exit: Exit; readonly endedMs: number; readonly why: string; readonly falseStarts: number },
  nowMs: number,
): boolean {
  const allocation = draft.allocation(id);
  const workload = draft.workload(allocation.workload);
  const { spec, afterStop } = workload;
  if (afterStop !== null || !workload.allocations.includes(id)) return false;
  const allocations = workload.allocations.map((one) => draft.allocation(one));
  if (!isSurplus(spec, allocation.task) || !staysWhole(spec, allocations, new Set([id]))) return false;
  const message = `task ${allocation.task} was lost, the others go on: ${loss.why}`;
  const stop = {
    reason: 'node_lost',
    requestedMs: nowMs,
    forWorkload: null,
    message,
    graceMs: stopSpanMs(spec),
  } as const;
  if (isLive(allocation)) draft.putAllocation({ ...step(allocation, 'stopping'), stop });
  draft.putWorkload(withEvent({ ...workload, falseStarts: loss.falseStarts }, nowMs, 'stopping', message));
  markEnded(draft, id, { exit: loss.exit, endedMs: loss.endedMs, ofItsOwn: false }, nowMs);
  return true;
}

/**
 * Whether GPUs may be promised to it: it waits and its gate is open, it is stopped to be moved, or it starts or runs and
 * may have more tasks.
 */
export function mayClaim({ state, gate, afterStop, spec }: Workload): boolean {
  if (state === 'pending') return gate === null;
  if (state === 'stopping') return afterStop === 'requeue';
  return (state === 'starting' || state === 'running') && maxTasks(spec) > minTasks(spec);
}

/** Promises GPUs to a workload, in place of what was promised before. */
export function putClaim(draft: Draft, number: WorkloadNumber, placements: readonly Placement[], nowMs: number): void {
  const workload = draft.workload(number);
  invariant(mayClaim(workload), 'only what may be placed has a claim', `${number} is ${workload.state}`);
  const parts = placements.reduce((sum, one) => sum + one.gpus.length * one.parts, 0);
  const claimed = { ...workload, claim: { placements, sinceMs: nowMs } };
  draft.putWorkload(
    withEvent(
      claimed,
      nowMs,
      'claimed',
      `${gpuText(parts)} ${parts === GPU_PARTS ? 'is' : 'are'} being cleared for it`,
    ),
  );
}

/** Takes a promise back. */
export function dropClaim(draft: Draft, number: WorkloadNumber, why: string, nowMs: number): void {
  const workload = { ...draft.workload(number), claim: null };
  draft.putWorkload(withEvent(workload, nowMs, 'claimed', `the claim was dropped: ${why}`));
}

/** Ends a workload that waits. */
export function cancelPending(draft: Draft, number: WorkloadNumber, message: string, nowMs: number): void {
  const workload = draft.workload(number);
  invariant(workload.state === 'pending', 'what waits ends at once', `${number} is ${workload.state}`);
  end(draft, workload, 'cancelled', message, nowMs);
}

/** The agent confirmed that the process runs. Of a task that is over nothing more is learned: its times stand. */
export function markStarted(draft: Draft, id: AllocationId, startedMs: number, nowMs: number): void {
  const allocation = draft.allocation(id);
  if (hasEnded(allocation)) return;
  const state = allocation.state === 'placed' ? 'running' : allocation.state;
  if (allocation.startedMs !== null && state === allocation.state) return;
  const began = allocation.startedMs ?? within(allocation.placedMs, startedMs, nowMs);
  draft.putAllocation({ ...allocation, state, startedMs: began });
  settle(draft, allocation.workload, nowMs);
}

/** Its agent prepared it: once all that were placed with it are ready, they may start. */
export function markReady(draft: Draft, id: AllocationId, nowMs: number): void {
  const allocation = draft.allocation(id);
  const { state, launch } = allocation;
  if (state !== 'placed' || launch?.stage !== 'waits') return;
  draft.putAllocation({ ...allocation, launch: { ...launch, stage: 'ready' } });
  settle(draft, allocation.workload, nowMs);
}

/** Lets those start that wait for nothing any more. To be called when what held them back beside their gang is over. */
export function letStart(draft: Draft, number: WorkloadNumber, nowMs: number): void {
  settle(draft, number, nowMs);
}

/**
 * The process is over (or never was): the task ended; its GPUs stay held until {@link markReleased}.
 * `ofItsOwn` = it ended without having got its stop signal, so that the stop asked for does not decide its fate.
 */
export function markEnded(
  draft: Draft,
  id: AllocationId,
  end: { readonly exit: Exit; readonly endedMs: number; readonly ofItsOwn: boolean },
  nowMs: number,
): void {
  const allocation = draft.allocation(id);
  if (hasEnded(allocation)) return;
  const endedMs = within(allocation.startedMs ?? allocation.placedMs, end.endedMs, nowMs);
  const stop = end.ofItsOwn ? null : allocation.stop;
  draft.putAllocation({ ...step(allocation, 'exited'), exit: end.exit, endedMs, stop });
  const workload = draft.workload(allocation.workload);
  draft.putWorkload(withCharge(workload, chargeOf(draft.allocation(id), endedMs)));
  settle(draft, allocation.workload, nowMs);
}

/** The workload, charged for more GPU time. */
export function withCharge(workload: Workload, more: GpuTime): Workload {
  const { ms, parts } = addGpuTime({ ms: workload.gpuMs, parts: workload.gpuRestParts ?? 0 }, more);
  const { gpuRestParts: _, ...rest } = workload;
  return { ...rest, gpuMs: ms, ...(parts === 0 ? {} : { gpuRestParts: parts }) };
}

/** A time of another machine's clock, which may be far off, between what came before it and now. */
function within(earliestMs: number, timeMs: number, nowMs: number): number {
  return Math.max(earliestMs, Math.min(timeMs, nowMs));
}

/** The GPUs of an ended task are confirmed clean, or proven to be out of its reach: they are free. */
export function markReleased(draft: Draft, id: AllocationId, proof: ReleaseProof, nowMs: number): void {
  const allocation = draft.allocation(id);
  invariant(hasEnded(allocation), 'only ended tasks release', `${id} is ${allocation.state}`);
  if (allocation.state === 'released') return;
  // A grant never ends before it began, however the time of day is set meanwhile.
  const timeMs = Math.max(allocation.endedMs ?? allocation.placedMs, allocation.lent?.sinceMs ?? 0, nowMs);
  draft.putAllocation({ ...step(allocation, 'released'), release: { timeMs, proof } });
}

/**
 * A program declared a checkpoint complete. Of equal steps the later one counts, so that tasks of a gang that each report
 * their own cannot take turns for ever, and a program that writes into one folder again and again is followed.
 */
export function noteCheckpoint(draft: Draft, number: WorkloadNumber, checkpoint: Checkpoint, nowMs: number): void {
  const workload = draft.workload(number);
  const known = workload.checkpoint;
  const isNewer =
    known === null ||
    checkpoint.step > known.step ||
    (checkpoint.step === known.step && checkpoint.timeMs > known.timeMs);
  if (!isNewer) return;
  const noted = { ...workload, checkpoint };
  draft.putWorkload(withEvent(noted, nowMs, 'checkpoint', `step ${checkpoint.step} at ${checkpoint.path}`));
}

/** Whether the task's process is over. */
export function hasEnded(allocation: Allocation): boolean {
  return allocation.state === 'exited' || allocation.state === 'released';
}

/** Derives a workload's state from its allocations and carries out what follows from it. */
function settle(draft: Draft, number: WorkloadNumber, nowMs: number): void {
  const before = draft.workload(number);
  if (isTerminal(before.state) || before.state === 'pending') return;
  let workload = before.afterStop === null ? letGoOfSurplus(draft, before) : before;
  const allocations = workload.allocations.map((id) => draft.allocation(id));
  // After a loss of history a gang comes together again one agent after the other: what is not whole has not ended.
  const isComplete = (): boolean => workload.afterStop !== null || isWhole(workload.spec, allocations, () => true);
  if (allocations.every(hasEnded) && isComplete()) {
    finish(draft, workload, allocations, nowMs);
    return;
  }
  const failed = firstFailure(allocations.filter((allocation) => hasEnded(allocation)));
  if (failed !== undefined && workload.afterStop === null && asksForRequeue(workload.spec, failed)) {
    requestStop(draft, number, 'requeue', {
      reason: 'gang_ended',
      requestedMs: nowMs,
      forWorkload: null,
      message: `${whoAsked([failed])}; the other tasks of the gang are stopped`,
    });
    return;
  }
  if (failed !== undefined && workload.afterStop === null) {
    requestStop(draft, number, 'fail', {
      reason: 'gang_ended',
      requestedMs: nowMs,
      forWorkload: null,
      message: `${nameOf(draft, workload, failed)} ${howItEnded(failed.exit)}; the other tasks of the gang are stopped`,
    });
    return;
  }
  // While tasks of a lost history are awaited, one of these may belong to the gang, and count.
  const isAwaited = (draft.get('meta', META_KEY)?.recovery ?? null) !== null;
  if (
    workload.afterStop === null &&
    !isAwaited &&
    isWhole(workload.spec, allocations, (one) => isLive(one) || isDone(one))
  ) {
    const starting = mayStart(workload.spec, allocations);
    for (const allocation of starting) draft.putAllocation(allocation);
    if (starting.length > 0) {
      const present = workload.allocations.map((id) => draft.allocation(id));
      workload = { ...workload, ...enterRound(draft, workload, present, starting) };
      draft.putWorkload(workload);
    }
  }
  const runs = (one: Allocation): boolean => one.state === 'running' || isDone(one);
  if (workload.state === 'starting' && isWhole(workload.spec, allocations, runs)) {
    const startedMs = workload.startedMs ?? nowMs;
    const deadline = deadlineOf(workload.spec, nowMs);
    const running = enter({ ...workload, startedMs, deadline, message: '' }, 'running');
    const resume = allocations[0]?.resume ?? null;
    const from = resume === null ? '' : `, resuming from step ${resume.step}`;
    draft.putWorkload(withEvent(running, nowMs, 'started', `attempt ${workload.attempt} runs${from}`));
  }
  forgetRounds(draft, number);
}

/** Once every task of a round has started, nobody has to be told of it any more. */
function forgetRounds(draft: Draft, number: WorkloadNumber): void {
  const { rounds, ...rest } = draft.workload(number);
  if (rounds === undefined) return;
  const left = roundsInUse(
    rounds,
    rest.allocations.map((id) => draft.allocation(id)),
  );
  if (left.length === rounds.length) return;
  draft.putWorkload(left.length === 0 ? rest : { ...rest, rounds: left });
}

/** Surplus tasks that were told to stop and are over belong to the past: their numbers can be given again. */
function letGoOfSurplus(draft: Draft, workload: Workload): Workload {
  const over = workload.allocations.filter((id) => {
    const allocation = draft.allocation(id);
    return hasEnded(allocation) && allocation.stop !== null;
  });
  if (over.length === 0) return workload;
  const allocations = workload.allocations.filter((id) => !over.includes(id));
  const left = { ...workload, allocations, pastAllocations: keepPast(draft, [...workload.pastAllocations, ...over]) };
  draft.putWorkload(left);
  return left;
}

/** Every task is over: the workload ends, or goes back to pending. */
function finish(draft: Draft, workload: Workload, allocations: readonly Allocation[], nowMs: number): void {
  // What ended of its own accord before its stop signal came ended as it ended.
  const stop = allocations.find((allocation) => allocation.stop !== null)?.stop ?? null;
  const failures = allocations.filter((allocation) => allocation.stop === null && !isDone(allocation));
  const failed = firstFailure(failures);
  const asking = allocations.filter((one) => one.stop === null && asksForRequeue(workload.spec, one));
  const asked = failed !== undefined && asking.includes(failed);
  const onLimit = stop?.reason === 'time_limit' ? afterTimeLimit(workload, allocations) : null;
  if (workload.afterStop === 'requeue' && (stop !== null || asked)) {
    requeue(draft, workload, allocations, asking, nowMs);
  } else if (stop !== null && workload.afterStop === 'cancel') {
    end(draft, workload, 'cancelled', workload.message, nowMs);
  } else if (asked && workload.afterStop === 'cancel') {
    end(draft, workload, 'cancelled', workload.message, nowMs);
  } else if (asked || onLimit === 'requeue') {
    requeue(draft, workload, allocations, asking, nowMs);
  } else if (onLimit === 'fail') {
    fail(draft, workload, workload.message, TIME_LIMIT_CODE, nowMs);
  } else if (failed !== undefined) {
    fail(draft, workload, `${nameOf(draft, workload, failed)} ${howItEnded(failed.exit)}`, codeOf(failed.exit), nowMs);
  } else if (workload.afterStop === 'fail' && stop !== null && onLimit === null) {
    end(draft, workload, 'failed', workload.message, nowMs);
  } else {
    end(draft, workload, 'succeeded', `${plural(allocations.length, 'task')} done`, nowMs);
  }
}

/**
 * The one that failed first: when one of a gang dies the others soon die of that, and their reports may come first.
 * Agents tell how long a task ran, so that clocks which differ do not matter much (endOf in fleet/reconcile.ts).
 */
function firstFailure(ended: readonly Allocation[]): Allocation | undefined {
  const failed = ended.filter((allocation) => !isDone(allocation));
  return failed.reduce<Allocation | undefined>(
    (first, one) => (first === undefined || (one.endedMs ?? 0) < (first.endedMs ?? 0) ? one : first),
    undefined,
  );
}

/** `task 3`; of a gang `task 3 (rank 3 on n2)`, or where a task has several ranks `task 3 (node rank 3 on n2)`. */
function nameOf(draft: Draft, { spec }: Workload, { task, node, launch }: Allocation): string {
  if (launch === undefined) return `task ${task}`;
  const rank = launch.rank === null ? '' : `${launcherOf(spec) === 'none' ? '' : 'node '}rank ${launch.rank} `;
  return `task ${task} (${rank}on ${draft.node(node).name})`;
}

function end(draft: Draft, workload: Workload, state: WorkloadState, message: string, nowMs: number): void {
  const ended = enter(
    { ...workload, afterStop: null, claim: null, gate: null, deadline: null, message, endedMs: nowMs },
    state,
  );
  draft.putWorkload(withEvent(ended, nowMs, 'finished', message === '' ? state : `${state}: ${message}`));
}

/** Its program ended with an error: it is tried again, if its policy says so, or has failed. */
function fail(draft: Draft, workload: Workload, why: string, code: number | null, nowMs: number): void {
  const { retry } = workload.spec;
  const delayMs = retryDelayMs(retry, workload.retries, code);
  // Who cancelled it was told that it ends: that its program failed before the stop signal came changes nothing of that.
  if (delayMs === null || workload.afterStop === 'cancel') {
    end(draft, workload, 'failed', why, nowMs);
    return;
  }
  const { hastyRequeues: _, ...rest } = workload;
  const retries = workload.retries + 1;
  const notBeforeMs = delayMs === 0 ? 0 : nowMs + delayMs;
  const pending = backToPending({ ...rest, retries, notBeforeMs }, nowMs);
  const when = delayMs === 0 ? 'at once' : `in ${spanText(delayMs)}`;
  draft.putWorkload(
    withEvent(pending, nowMs, 'retried', `${why}; tried again ${when}, retry ${retries} of ${retry.max}`),
  );
}

/** @param asking the tasks whose program asked for it of its own accord */
function requeue(
  draft: Draft,
  workload: Workload,
  allocations: readonly Allocation[],
  asking: readonly Allocation[],
  nowMs: number,
): void {
  const lostMs = allocations.reduce((sum, allocation) => sum + lostGpuMs(allocation, workload.checkpoint), 0);
  const resume = workload.checkpoint === null ? 'starts over' : `resumes from step ${workload.checkpoint.step}`;
  const { hastyRequeues: _, ...rest } = workload;
  const hasty = asking.length === 0 ? 0 : hastyInARow(workload, allocations);
  const pauseMs = requeuePauseMs(hasty);
  const again = {
    ...rest,
    ...(hasty === 0 ? {} : { hastyRequeues: hasty }),
    requeues: workload.requeues + 1,
    lostGpuMs: workload.lostGpuMs + lostMs,
    notBeforeMs: pauseMs === 0 ? workload.notBeforeMs : nowMs + pauseMs,
  };
  const asked = asking.length === 0 ? '' : `${whoAsked(asking)}${pauseMs === 0 ? '' : `, in ${spanText(pauseMs)}`}; `;
  const cost = `lost ${formatDuration(lostMs)} of GPU time`;
  draft.putWorkload(withEvent(backToPending(again, nowMs), nowMs, 'requeued', `${asked}${cost}; ${resume}`));
}

/** `task 0 asked to be tried again (exit code 75)` */
function whoAsked(asking: readonly Allocation[]): string {
  return `${taskText(asking.map(({ task }) => task))} asked to be tried again (exit code ${REQUEUE_CODE})`;
}

/** One that is moved keeps its claim, unless it is held back meanwhile: GPUs are not kept for what may not have them. */
function backToPending(workload: Workload, nowMs: number): Workload {
  const gate = gateAtRequeue(workload, nowMs);
  const claim = gate === null ? workload.claim : null;
  return enter({ ...workload, afterStop: null, message: '', deadline: null, gate, claim }, 'pending');
}

/** GPU time since the last checkpoint, or since the start when there is none: what a stopped task has to do again. */
export function lostGpuMs(allocation: Allocation, checkpoint: Checkpoint | null): number {
  if (allocation.startedMs === null || allocation.endedMs === null) return 0;
  const savedMs = Math.max(allocation.startedMs, checkpoint?.timeMs ?? 0);
  return gpuMsOf(allocation, Math.max(0, allocation.endedMs - savedMs));
}

/** GPU time of a span: half a GPU for 10 s is 5 s of it. */
function gpuMsOf(allocation: Allocation, spanMs: number): number {
  return Math.round((partsOf(allocation) * spanMs) / GPU_PARTS);
}

/** GPUs of an allocation, in parts. */
export function partsOf({ gpus }: Allocation): number {
  return gpus.reduce((sum, { parts }) => sum + parts, 0);
}

/** In words that follow "task 3 ": `exited with code 127: command not found`, `was ended by SIGKILL`. */
export function howItEnded(exit: Exit | null): string {
  if (exit === null) return 'ended';
  const words = exit.code === null ? exit.signal && `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
  return [words, exit.message].filter((part) => part !== '').join(': ') || 'ended without a record of how';
}

/** The workload in another state, if that step is legal. */
export function enter(workload: Workload, state: WorkloadState): Workload {
  invariant(
    isWorkloadStep(workload.state, state),
    'legal workload steps',
    `${workload.number}: ${workload.state} to ${state}`,
  );
  const { startByMs: _, rounds, ...rest } = workload;
  // Tasks that come later are told of while it starts and runs.
  const isOpen = state === 'starting' || state === 'running';
  return { ...rest, ...(isOpen && rounds !== undefined ? { rounds } : {}), state };
}

function step(allocation: Allocation, state: AllocationState): Allocation {
  const legal = allocation.state !== state && isAllocationStep(allocation.state, state);
  invariant(legal, 'legal allocation steps', `${allocation.id}: ${allocation.state} to ${state}`);
  return { ...allocation, state };
}

// The life of workloads and allocations: every legal change of state, as functions on a draft. Who decides that a change
// is due (a user, the engine, an agent's report) is none of its business; what follows from it is.
import { invariant } from '../../common/assert.js';
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import { formatDuration, plural } from '../../common/units.js';
import { isTerminal } from './cluster-state.js';
import type { Draft } from './draft.js';
import type {
  Allocation,
  AllocationState,
  Checkpoint,
  Exit,
  Placement,
  StopOrder,
  Workload,
  WorkloadEventType,
  WorkloadState,
} from './records.js';
import { minTasks, roleOf } from './requests.js';

/** How many events a workload's record keeps; the oldest are dropped. */
export const MAX_EVENTS = 50;

/** How many allocations of earlier attempts a workload keeps. */
export const MAX_PAST_ALLOCATIONS = 64;

/** From which state an allocation may go to which. Releasing is final. */
const ALLOCATION_STEPS: Readonly<Record<AllocationState, readonly AllocationState[]>> = {
  placed: ['running', 'stopping', 'exited', 'released'],
  running: ['stopping', 'exited', 'released'],
  stopping: ['exited', 'released'],
  exited: ['released'],
  released: [],
};

/** From which state a workload may go to which. Terminal states are final. */
const WORKLOAD_STEPS: Readonly<Record<WorkloadState, readonly WorkloadState[]>> = {
  pending: ['starting', 'cancelled'],
  starting: ['running', 'stopping', 'pending', 'succeeded', 'failed', 'cancelled'],
  running: ['stopping', 'pending', 'succeeded', 'failed', 'cancelled'],
  stopping: ['pending', 'succeeded', 'failed', 'cancelled'],
  succeeded: [],
  failed: [],
  cancelled: [],
};

/** The workload with one more event. */
export function withEvent(workload: Workload, nowMs: number, type: WorkloadEventType, message: string): Workload {
  const events = [...workload.events, { timeMs: nowMs, type, message }];
  return { ...workload, events: events.slice(-MAX_EVENTS) };
}

/** Gives every task of a pending workload its GPUs and raises their generations. */
export function place(
  draft: Draft,
  number: WorkloadNumber,
  placements: readonly Placement[],
  nowMs: number,
  newUlid: (nowMs: number) => string,
): void {
  const workload = draft.workload(number);
  invariant(workload.state === 'pending', 'only pending work is placed', `${number} is ${workload.state}`);
  invariant(placements.length >= minTasks(workload.spec), 'gangs start whole', `${number}: ${placements.length} tasks`);
  const attempt = workload.attempt + 1;
  const ids: AllocationId[] = [];
  const where = new Map<string, number>();
  for (const placement of placements) {
    const node = draft.node(placement.node);
    const granted = placement.gpus.map((index) => {
      const gpu = node.gpus[index];
      invariant(gpu !== undefined && gpu.health === 'healthy', 'granted GPUs exist', `${node.name}:${index}`);
      return gpu;
    });
    const id = newUlid(nowMs) as AllocationId;
    ids.push(id);
    where.set(node.name, (where.get(node.name) ?? 0) + granted.length);
    draft.putNode({
      ...node,
      gpus: node.gpus.map((gpu) => (granted.includes(gpu) ? { ...gpu, generation: gpu.generation + 1 } : gpu)),
    });
    draft.putAllocation({
      id,
      workload: number,
      attempt,
      task: placement.task,
      node: placement.node,
      gpus: granted.map(({ uuid, index, model, simulated, generation }, at) => ({
        uuid,
        index,
        model,
        simulated,
        generation: generation + 1,
        parts: placement.parts,
        instance: placement.instances[at] ?? '',
      })),
      cpuMilli: roleOf(workload.spec, placement.task).request.cpuMilli,
      memoryMib: roleOf(workload.spec, placement.task).request.memoryMib,
      state: 'placed',
      resume: workload.checkpoint,
      placedMs: nowMs,
      startedMs: null,
      endedMs: null,
      stop: null,
      exit: null,
      endpoints: [],
    });
  }
  const nodes = [...where].map(([name, gpus]) => `${name} (${plural(gpus, 'GPU')})`).join(', ');
  const pastAllocations = keepPast(draft, [...workload.pastAllocations, ...workload.allocations]);
  const placed = enter(
    { ...workload, attempt, allocations: ids, pastAllocations, claim: null, message: '' },
    'starting',
  );
  draft.putWorkload(withEvent(placed, nowMs, 'placed', `attempt ${attempt} on ${nodes}`));
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
  order: Omit<StopOrder, 'graceMs'>,
): void {
  const workload = draft.workload(number);
  invariant(!isTerminal(workload.state), 'only live work is stopped', `${number} is ${workload.state}`);
  for (const id of workload.allocations) {
    const allocation = draft.allocation(id);
    if (allocation.state !== 'placed' && allocation.state !== 'running') continue;
    draft.putAllocation({ ...allocation, state: 'stopping', stop: { ...order, graceMs: workload.spec.graceMs } });
  }
  draft.putWorkload(
    withEvent(
      enter({ ...workload, afterStop, message: order.message }, 'stopping'),
      order.requestedMs,
      'stopping',
      order.message,
    ),
  );
  settle(draft, number, order.requestedMs);
}

/** The agent confirmed that the process runs. */
export function markStarted(draft: Draft, id: AllocationId, startedMs: number, nowMs: number): void {
  const allocation = draft.allocation(id);
  const state = allocation.state === 'placed' ? 'running' : allocation.state;
  if (allocation.startedMs !== null && state === allocation.state) return;
  const began = allocation.startedMs ?? within(allocation.placedMs, startedMs, nowMs);
  draft.putAllocation({ ...allocation, state, startedMs: began });
  settle(draft, allocation.workload, nowMs);
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
  const heldMs = allocation.gpus.length * (endedMs - allocation.placedMs);
  draft.putWorkload({ ...workload, gpuMs: workload.gpuMs + heldMs });
  settle(draft, allocation.workload, nowMs);
}

/** A time of another machine's clock, which may be far off, between what came before it and now. */
function within(earliestMs: number, timeMs: number, nowMs: number): number {
  return Math.max(earliestMs, Math.min(timeMs, nowMs));
}

/** The GPUs of an ended task are confirmed clean, or proven to be out of its reach: they are free. */
export function markReleased(draft: Draft, id: AllocationId): void {
  const allocation = draft.allocation(id);
  invariant(hasEnded(allocation), 'only ended tasks release', `${id} is ${allocation.state}`);
  if (allocation.state !== 'released') draft.putAllocation(step(allocation, 'released'));
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
  const workload = draft.workload(number);
  if (isTerminal(workload.state) || workload.state === 'pending') return;
  const allocations = workload.allocations.map((id) => draft.allocation(id));
  if (allocations.every(hasEnded)) {
    finish(draft, workload, allocations, nowMs);
    return;
  }
  const failed = allocations.find((allocation) => hasEnded(allocation) && !endedWell(allocation));
  if (failed !== undefined && workload.afterStop === null) {
    requestStop(draft, number, 'fail', {
      reason: 'gang_ended',
      requestedMs: nowMs,
      forWorkload: null,
      message: `task ${failed.task} ${howItEnded(failed.exit)}; the other tasks of the gang are stopped`,
    });
    return;
  }
  if (workload.state === 'starting' && allocations.every((allocation) => allocation.state !== 'placed')) {
    const startedMs = workload.startedMs ?? nowMs;
    const running = enter({ ...workload, startedMs, message: '' }, 'running');
    const resume = allocations[0]?.resume ?? null;
    const from = resume === null ? '' : `, resuming from step ${resume.step}`;
    draft.putWorkload(withEvent(running, nowMs, 'started', `attempt ${workload.attempt} runs${from}`));
  }
}

/** Every task is over: the workload ends, or goes back to pending. */
function finish(draft: Draft, workload: Workload, allocations: readonly Allocation[], nowMs: number): void {
  const stopped = allocations.some((allocation) => allocation.stop !== null);
  const failed = allocations.find((allocation) => !endedWell(allocation));
  if (workload.afterStop === 'requeue' && stopped) {
    requeue(draft, workload, allocations, nowMs);
  } else if (workload.afterStop === 'cancel' && stopped) {
    end(draft, workload, 'cancelled', workload.message, nowMs);
  } else if (failed !== undefined || workload.afterStop === 'fail') {
    const first = allocations.find((allocation) => allocation.stop === null && !endedWell(allocation)) ?? failed;
    end(draft, workload, 'failed', first ? `task ${first.task} ${howItEnded(first.exit)}` : workload.message, nowMs);
  } else {
    end(draft, workload, 'succeeded', `${plural(allocations.length, 'task')} done`, nowMs);
  }
}

function end(draft: Draft, workload: Workload, state: WorkloadState, message: string, nowMs: number): void {
  const ended = enter({ ...workload, afterStop: null, message, endedMs: nowMs }, state);
  draft.putWorkload(withEvent(ended, nowMs, 'finished', message === '' ? state : `${state}: ${message}`));
}

function requeue(draft: Draft, workload: Workload, allocations: readonly Allocation[], nowMs: number): void {
  const lostMs = allocations.reduce((sum, allocation) => sum + lostGpuMs(allocation, workload.checkpoint), 0);
  const resume = workload.checkpoint === null ? 'starts over' : `resumes from step ${workload.checkpoint.step}`;
  const pending = enter(
    {
      ...workload,
      afterStop: null,
      message: '',
      requeues: workload.requeues + 1,
      lostGpuMs: workload.lostGpuMs + lostMs,
    },
    'pending',
  );
  const cost = `lost ${formatDuration(lostMs)} of GPU time`;
  draft.putWorkload(withEvent(pending, nowMs, 'requeued', `${cost}; ${resume}`));
}

/** GPU time since the last checkpoint, or since the start when there is none: what a stopped task has to do again. */
export function lostGpuMs(allocation: Allocation, checkpoint: Checkpoint | null): number {
  if (allocation.startedMs === null || allocation.endedMs === null) return 0;
  const savedMs = Math.max(allocation.startedMs, checkpoint?.timeMs ?? 0);
  return allocation.gpus.length * Math.max(0, allocation.endedMs - savedMs);
}

/** In words that follow "task 3 ": `exited with code 127: command not found`, `was ended by SIGKILL`. */
export function howItEnded(exit: Exit | null): string {
  if (exit === null) return 'ended';
  const words = exit.code === null ? exit.signal && `was ended by ${exit.signal}` : `exited with code ${exit.code}`;
  return [words, exit.message].filter((part) => part !== '').join(': ') || 'ended without a record of how';
}

function endedWell(allocation: Allocation): boolean {
  return allocation.exit?.code === 0;
}

function enter(workload: Workload, state: WorkloadState): Workload {
  const legal = workload.state === state || WORKLOAD_STEPS[workload.state].includes(state);
  invariant(legal, 'legal workload steps', `${workload.number}: ${workload.state} to ${state}`);
  return { ...workload, state };
}

function step(allocation: Allocation, state: AllocationState): Allocation {
  const legal = ALLOCATION_STEPS[allocation.state].includes(state);
  invariant(legal, 'legal allocation steps', `${allocation.id}: ${allocation.state} to ${state}`);
  return { ...allocation, state };
}

// Taking over what agents run and the store does not know: after a loss of history their journals are the truth. Changes
// on a draft, and pure. Nothing is taken over that would give a GPU, a task or a workload two owners; the agent is then not
// told to keep it, and ends it.
//
//   the store has of the workload                       then
//   nothing                                             it is made from what the agent kept, under its number if that is free
//   nothing, but its request was repeated meanwhile     the workload of the repetition becomes it
//   the same, and the repetition has begun, or is over  not taken: it was overtaken
//   it pending                                          it runs: the attempt that the agent reports
//   it starting or running, an earlier attempt          it runs the later one; the earlier ended in what was lost
//   it starting or running, this attempt                one task more, if that task has no other owner
//   it starting or running, a later attempt             not taken: it was overtaken
//   it stopping, or ended                               not taken: its end is final
import type { AllocationId, NodeId, QueueName, WorkloadNumber } from '../../common/ids.js';
import { isTerminal } from './cluster-state.js';
import type { Draft } from './draft.js';
import { isCounted, portFor, START_LIMIT_MS } from './launch.js';
import { enter, hasEnded, withCharge, withEvent } from './lifecycle.js';
import { newWorkload } from './new-workload.js';
import type { Origin, OriginRequest } from './origin.js';
import { META_KEY, workloadKey, type Allocation, type GrantedGpu, type Queue, type Workload } from './records.js';
import { chargeOf } from './usage.js';
import { GPU_PARTS, maxTasks, ONLY_GPUS_COUNT, roleOf } from './requests.js';

/** What an agent says of an allocation beyond its state. */
export interface Reported {
  readonly id: AllocationId;
  readonly node: NodeId;
  readonly workload: WorkloadNumber;
  readonly attempt: number;
  readonly task: number;
  readonly gpus: readonly GrantedGpu[];
  readonly startedMs: number | null;
}

export type AdoptionVerdict =
  | { readonly type: 'adopted'; readonly allocation: Allocation }
  /** `isOver`: the store knows its workload, and that it has no place in it any more. */
  | { readonly type: 'left'; readonly why: string; readonly isOver: boolean };

/** Takes an allocation over, with its workload. It is `placed` afterwards: what the agent says of it follows as any report does. */
export function adopt(draft: Draft, reported: Reported, origin: Origin, nowMs: number): AdoptionVerdict {
  const gpus = grantOf(draft, reported);
  if (typeof gpus === 'string') return left(gpus);
  if (reported.task >= maxTasks(origin.spec)) return left(`task ${reported.task} is none of its workload`);
  const known = identify(draft, origin);
  if (typeof known === 'string') return { type: 'left', why: known, isOver: true };
  const workload = known ?? knownAgain(draft, origin, nowMs);
  const entered = withAttempt(draft, workload, reported, nowMs);
  if (typeof entered === 'string') return { type: 'left', why: entered, isOver: true };
  const { request } = roleOf(entered.spec, reported.task);
  const allocation: Allocation = {
    id: reported.id,
    workload: entered.number,
    attempt: reported.attempt,
    task: reported.task,
    node: reported.node,
    gpus,
    cpuMilli: request.cpuMilli,
    memoryMib: request.memoryMib,
    state: 'placed',
    resume: null,
    placedMs: Math.min(nowMs, reported.startedMs ?? nowMs),
    startedMs: null,
    endedMs: null,
    stop: null,
    exit: null,
    endpoints: [],
    adopted: true,
    pool: draft.node(reported.node).pool,
    ...launchAgain(entered, reported),
    queue: entered.spec.queue,
  };
  draft.putAllocation(allocation);
  const tasks = new Map(entered.allocations.map((id) => [id, draft.allocation(id).task]));
  const allocations = [...entered.allocations, reported.id].toSorted(
    (a, b) => (tasks.get(a) ?? reported.task) - (tasks.get(b) ?? reported.task),
  );
  const what = `task ${reported.task} of attempt ${reported.attempt} was found on ${draft.node(reported.node).name} and goes on`;
  const was = entered.number === origin.number ? '' : `; it was workload ${origin.number} in the history that was lost`;
  draft.putWorkload(withEvent({ ...entered, allocations }, nowMs, 'placed', `${what}${was}`));
  noteRequest(draft, origin.request, entered.number, nowMs);
  return { type: 'adopted', allocation };
}

/** Numbers of new workloads start above all that anybody has seen. */
export function raiseLastWorkload(draft: Draft, seen: number): void {
  if (seen > draft.meta.lastWorkload) draft.put('meta', META_KEY, { ...draft.meta, lastWorkload: seen });
}

/** The next grant of each GPU is above all that its agent has accepted. */
export function raiseGenerations(
  draft: Draft,
  id: NodeId,
  accepted: Readonly<Record<string, number>>,
  reported: readonly GrantedGpu[],
): void {
  const highest = new Map(Object.entries(accepted));
  for (const { uuid, generation } of reported) highest.set(uuid, Math.max(highest.get(uuid) ?? 0, generation));
  const node = draft.node(id);
  const gpus = node.gpus.map((gpu) => {
    const slots = [gpu.uuid, ...(gpu.mig ?? []).map(({ uuid }) => uuid)];
    const generation = Math.max(gpu.generation, ...slots.map((uuid) => highest.get(uuid) ?? 0));
    return generation === gpu.generation ? gpu : { ...gpu, generation };
  });
  if (gpus.some((gpu, at) => gpu !== node.gpus[at])) draft.putNode({ ...node, gpus });
}

/** The workload that the origin tells of, whatever number it has here; null = none, a text = another one stands for it by now. */
function identify(draft: Draft, { number, uid, request }: Origin): Workload | string | null {
  const same = draft.get('workloads', workloadKey(number));
  if (same?.uid === uid) return same;
  // Its number was given to another one before anybody knew of it, so it may go by another number since. Once work is placed
  // again the other one may have ended and be forgotten: then a free number tells nothing. Until then it does, and nobody is
  // made to wait for a look at all workloads for each of many agents.
  const mayHaveMoved = same !== undefined || !draft.meta.recovery;
  const elsewhere = mayHaveMoved ? draft.workloads().find((one) => one.uid === uid) : undefined;
  if (elsewhere !== undefined) return elsewhere;
  const record = request === null ? undefined : draft.get('requests', request.key);
  if (record === undefined || request === null || record.digest !== request.digest) return null;
  const at = record.partial === undefined ? request.place : record.partial.places.indexOf(request.place);
  const again = at < 0 ? undefined : record.workloads[at];
  const repeated = again === undefined ? undefined : draft.get('workloads', workloadKey(again));
  if (repeated === undefined) return null;
  // Another task of it was found before, when it became the one that runs.
  if (repeated.uid === uid) return repeated;
  if (repeated.attempt > 0 || isTerminal(repeated.state)) {
    return `its request was repeated as workload ${repeated.number}, which ${isTerminal(repeated.state) ? 'has ended' : 'has begun'} since`;
  }
  // From now on it is the one that runs; other tasks of it are found by this.
  draft.putWorkload({ ...repeated, uid });
  return draft.workload(repeated.number);
}

function knownAgain(draft: Draft, origin: Origin, nowMs: number): Workload {
  const isFree = draft.get('workloads', workloadKey(origin.number)) === undefined;
  const number = (isFree ? origin.number : draft.meta.lastWorkload + 1) as WorkloadNumber;
  raiseLastWorkload(draft, number);
  needQueue(draft, origin.spec.queue, nowMs);
  const { uid, spec, owner, request } = origin;
  const requestKey = request?.key ?? null;
  const submittedMs = Math.min(origin.submittedMs, nowMs);
  const workload = newWorkload({ number, uid, spec, owner, requestKey, gate: null, submittedMs });
  return withEvent(workload, workload.submittedMs, 'submitted', `by ${owner} to queue ${spec.queue}`);
}

/** A queue that was made in what was lost comes back without any guarantee: who guarantees it again is for a person. */
function needQueue(draft: Draft, name: QueueName, nowMs: number): void {
  if (draft.get('queues', name) !== undefined) return;
  const queue: Queue = {
    name,
    parent: null,
    guaranteeGpus: 0,
    limitGpus: null,
    weight: 1,
    priority: 100,
    ...ONLY_GPUS_COUNT,
    createdMs: nowMs,
  };
  draft.put('queues', name, queue);
}

/** The workload, starting or running the attempt that was reported; a text = why it cannot. */
function withAttempt(draft: Draft, workload: Workload, reported: Reported, nowMs: number): Workload | string {
  const { state, attempt } = workload;
  const what = `workload ${workload.number}`;
  if (isTerminal(state) || state === 'stopping') return `${what} is ${state}`;
  if (attempt > reported.attempt) return `${what} is at attempt ${attempt}, this is of attempt ${reported.attempt}`;
  if (state === 'pending') {
    if (attempt === reported.attempt && attempt > 0) return `attempt ${attempt} of ${what} has ended`;
    const pastAllocations = [...workload.pastAllocations, ...workload.allocations];
    const placed = { ...workload, attempt: reported.attempt, allocations: [], pastAllocations, claim: null };
    const limit = maxTasks(workload.spec) < 2 ? {} : { startByMs: nowMs + START_LIMIT_MS };
    return { ...enter({ ...placed, gate: null, notBeforeMs: 0 }, 'starting'), ...limit };
  }
  if (attempt === reported.attempt) {
    const taken = workload.allocations.find((id) => draft.allocation(id).task === reported.task);
    return taken === undefined ? workload : `task ${reported.task} of ${what} has allocation ${taken}`;
  }
  const charged = workload.allocations.reduce(
    (one, id) => endUnseen(draft, one, draft.allocation(id), nowMs),
    workload,
  );
  const pastAllocations = [...workload.pastAllocations, ...workload.allocations];
  return { ...charged, attempt: reported.attempt, allocations: [], pastAllocations, claim: null };
}

/** An allocation of an attempt that was over when a later one began. Its GPUs stay held until its own agent was heard. */
function endUnseen(draft: Draft, workload: Workload, allocation: Allocation, nowMs: number): Workload {
  if (hasEnded(allocation)) return workload;
  const exit = { code: null, signal: '', message: 'its end is in the part of the history that was lost' };
  const endedMs = Math.max(allocation.startedMs ?? allocation.placedMs, nowMs);
  draft.putAllocation({ ...allocation, state: 'exited', exit, endedMs });
  return withCharge(workload, chargeOf(draft.allocation(allocation.id), endedMs));
}

/** What waited for its gang in what was lost waits for it again; of one that runs this tells no more than its rank. */
function launchAgain({ spec, number }: Workload, { task, attempt }: Reported): Pick<Allocation, 'launch'> {
  if (maxTasks(spec) < 2) return {};
  const rank = isCounted(spec, task) ? task : null;
  return { launch: { rank, port: portFor({ number, attempt }, []), stage: 'waits' } };
}

/** The GPUs as this node's record names them; a text = why they cannot be granted to it. */
function grantOf(draft: Draft, { node: id, gpus, id: allocation }: Reported): readonly GrantedGpu[] | string {
  const node = draft.node(id);
  const held = draft.heldOn(id).filter((one) => one.id !== allocation);
  const granted: GrantedGpu[] = [];
  for (const gpu of gpus) {
    const here = node.gpus.find(({ uuid }) => uuid === gpu.uuid);
    if (here === undefined) return `node ${node.name} has no GPU ${gpu.uuid}`;
    const beside = [...held.flatMap((one) => one.gpus), ...granted].filter(({ uuid }) => uuid === gpu.uuid);
    const parts = beside.reduce((sum, one) => sum + one.parts, gpu.parts);
    const isShared = beside.every(({ instance }) => (instance === '') === (gpu.instance === ''));
    const isTaken = gpu.instance !== '' && beside.some(({ instance }) => instance === gpu.instance);
    if (gpu.parts < 1 || parts > GPU_PARTS || !isShared || isTaken)
      return `GPU ${gpu.uuid} of ${node.name} is held by others`;
    granted.push({ ...gpu, index: here.index, model: here.model, simulated: here.simulated });
  }
  return granted;
}

/** What the request made, as far as it is known again: repeating it answers with that, and makes the rest. */
function noteRequest(draft: Draft, request: OriginRequest | null, number: WorkloadNumber, nowMs: number): void {
  if (request === null) return;
  const known = draft.get('requests', request.key);
  if (known !== undefined && (known.partial === undefined || known.digest !== request.digest)) return;
  if (known?.workloads.includes(number) === true) return;
  const workloads = [...(known?.workloads ?? []), number];
  const places = [...(known?.partial?.places ?? []), request.place];
  const whole = workloads.length >= request.count;
  const inOrder = places
    .map((place, at) => ({ place, number: workloads[at] ?? number }))
    .toSorted((a, b) => a.place - b.place);
  draft.put('requests', request.key, {
    key: request.key,
    digest: request.digest,
    workloads: inOrder.map((one) => one.number),
    timeMs: known?.timeMs ?? nowMs,
    ...(whole ? {} : { partial: { places: inOrder.map(({ place }) => place), count: request.count } }),
  });
}

function left(why: string): AdoptionVerdict {
  return { type: 'left', why, isOver: false };
}

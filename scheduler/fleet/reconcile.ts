// The table of desired × observed: what follows when an agent reports the full set of allocations it has. Commands that
// any repetition, delay or loss of reports leaves without harm.
//
//   store says        agent says                     then
//   not started yet   nothing                        nothing: the order is sent (again) and runs at most once; absence
//                                                    proves nothing here, since the report may be older than the order
//   placed, held      ready                          ready; once all of its gang are, they may start
//   placed, running   running                        running
//   any live          exited                         ended; its GPUs stay held
//   any live          released                       ended, GPUs free (dirty ones quarantined)
//   any live          never started                  ended without blame, the workload is requeued
//   no stop asked     ended by a stop of the agent   the same, whatever its exit code: without a lease it stopped its tasks
//   any live          ended, nobody saw how          the same: machine or supervisor went down under it; also when its
//                                                    gang was stopped because another task had failed of that before
//   started           nothing, machine rebooted      lost; GPUs free (a reboot proves that nothing runs)
//   started           nothing, same boot             lost; GPUs quarantined, since nothing proves them free
//   anything          nothing, and it knows more of  ended in what was lost; requeued, GPUs free
//                     a history that was lost
//   nothing           live, and it knows more        taken over (model/adoption.ts)
//   nothing           live                           a stray: its GPUs are kept from new work, it is ended (strays.ts)
import type { AllocationId, NodeId } from '../../common/ids.js';
import { findNode, nodeOfAgent } from '../control/commands/find-node.js';
import { quarantineGpus, registerNode, type NodeReport } from '../control/commands/nodes.js';
import { adopt, raiseGenerations, raiseLastWorkload } from '../model/adoption.js';
import type { Command } from '../control/command.js';
import { followInventory, type HealthEvent, type HealthFindings, judgeEvents } from '../control/commands/gpu-health.js';
import { DEFAULT_GPU_POLICY, type GpuPolicy } from '../model/gpu-policy.js';
import { plural } from '../../common/units.js';
import { noteIncident } from '../model/incidents.js';
import type { Draft } from '../model/draft.js';
import { SOUND_RUN_MS } from '../model/asked-requeue.js';
import { MAX_FALSE_STARTS } from '../model/elastic.js';
import {
  hasEnded,
  loseSurplus,
  markEnded,
  markReady,
  markReleased,
  markStarted,
  noteCheckpoint,
  requestStop,
} from '../model/lifecycle.js';
import { isTerminal } from '../model/cluster-state.js';
import { isHeld, wasLetGo } from '../model/launch.js';
import type { Origin } from '../model/origin.js';
import { META_KEY, type Allocation, type ClusterNode, type Exit, type Stray, type Workload } from '../model/records.js';
import type { Observed } from './observed.js';
import { noteStrays, type StrayPolicy } from './strays.js';

interface End {
  readonly exit: Exit;
  readonly endedMs: number;
  /** Its agent says that it was never started; absent = nobody says so. */
  readonly neverStarted?: true;
}

/** What an agent's hello tells beyond its machine and its tasks. */
export interface Past {
  /** Whether it obeyed more of a lost history than the store knows: then what it has is the truth. */
  readonly knowsMore: boolean;
  /** What it kept of the workloads whose allocations the store does not know. */
  readonly origins: ReadonlyMap<AllocationId, Origin>;
  /** The highest generation it accepted, by the UUID of the GPU and of the MIG instance. */
  readonly generations: Readonly<Record<string, number>>;
}

/** The past of an agent that knows no more than the store. */
export const PLAIN_PAST: Past = { knowsMore: false, origins: new Map(), generations: {} };

/** What a report brought to light. */
export interface Findings {
  /** Allocations taken over from a lost history. */
  readonly adopted: readonly AllocationId[];
  /** Tasks that are there and should not be, found for the first time. */
  readonly strays: readonly Stray[];
}

export interface Welcomed extends Findings {
  readonly node: ClusterNode;
  readonly health: HealthFindings;
}

const END_AT_ONCE: StrayPolicy = { orphanTtlMs: 0 };

/** An agent says hello: the node is taken in and what it has is compared with what it should have. */
export function welcomeNode(
  report: NodeReport,
  observed: readonly Observed[],
  past: Past = PLAIN_PAST,
  policy: StrayPolicy & { readonly gpu?: GpuPolicy } = END_AT_ONCE,
  events: readonly HealthEvent[] = [],
): Command<Welcomed> {
  return {
    name: 'register_node',
    isReport: true,
    // On a full disk, too: without a session an agent loses its lease and ends what it runs.
    whenSpace: 'critical',
    run: (draft, context) => {
      const { nowMs } = context;
      const rebooted = draft.get('nodes', report.id)?.bootId !== report.bootId;
      const { id } = registerNode(draft, report, nowMs);
      // Before the ends that they explain.
      const { gpu: gpuPolicy = DEFAULT_GPU_POLICY } = policy;
      const health = judgeEvents(draft, id, events, gpuPolicy, context);
      const told = report.inventory.gpuProblem === '';
      const followed = followInventory(draft, id, told, gpuPolicy, context);
      const grants = observed.flatMap(({ grant }) => (grant === undefined ? [] : [grant]));
      raiseGenerations(
        draft,
        id,
        past.generations,
        grants.flatMap(({ gpus }) => gpus),
      );
      raiseLastWorkload(draft, Math.max(0, ...grants.map(({ workload }) => workload)));
      reconcile(draft, id, observed, past.knowsMore ? 'history lost' : rebooted ? 'rebooted' : 'seen', nowMs);
      const { adopted, over } = past.knowsMore ? adoptAll(draft, id, observed, past.origins, nowMs) : NOTHING_ADOPTED;
      const strays = noteStrays(draft, id, observed, policy, context, over);
      return { node: draft.node(id), adopted, strays, health: { ...health, notes: [...health.notes, ...followed] } };
    },
  };
}

/** An agent reports the full set it has. */
export function takeObservation(
  node: NodeId,
  observed: readonly Observed[],
  policy: StrayPolicy = END_AT_ONCE,
): Command<Findings> {
  return {
    name: 'observe',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, context) => {
      nodeOfAgent(draft, node);
      reconcile(draft, node, observed, 'seen', context.nowMs);
      return { adopted: [], strays: noteStrays(draft, node, observed, policy, context) };
    },
  };
}

/** The fence time of a silent node has passed: nothing of it can run any more. */
export function fenceNode(
  node: NodeId,
  allocations: readonly string[],
  isSilent: () => boolean = () => true,
): Command<void> {
  return {
    name: 'fence_node',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, { nowMs }) => {
      if (!isSilent()) return;
      const held = draft.base.heldOn(node).filter(({ id }) => allocations.includes(id));
      for (const allocation of held) {
        const why = 'its node was not heard of until the fence time had passed';
        loseAllocation(draft, allocation, why, unseen(why, nowMs), nowMs);
        markReleased(draft, allocation.id, 'fenced', nowMs);
      }
    },
  };
}

/**
 * A person certified that a machine is off, or that nothing of ours runs there: all it holds is given up at once.
 * @returns what was given up
 */
export function certifyNodeOff(name: string, reason: string, actor: string): Command<readonly AllocationId[]> {
  return {
    name: 'certify_node_off',
    whenSpace: 'critical',
    run: (draft, context) => {
      const node = findNode(draft, name);
      const held = draft.base.heldOn(node.id);
      const why = `${actor} certified that its node is off`;
      for (const allocation of held) {
        loseAllocation(draft, allocation, why, unseen(why, context.nowMs), context.nowMs);
        markReleased(draft, allocation.id, 'certified', context.nowMs);
      }
      const what = `node ${name} was certified to be off; ${plural(held.length, 'allocation')} given up`;
      noteIncident(draft, 'node_fenced', reason === '' ? what : `${what}: ${reason}`, actor, context);
      return held.map(({ id }) => id);
    },
  };
}

/** What it means that an agent has no trace of something. */
type Absence = 'seen' | 'rebooted' | 'history lost';

/** Whether its machine went down when it was to start, or had just started; it is not to start any more, so that nothing can follow. */
function wentDown(allocation: Allocation, absence: Absence): boolean {
  return absence === 'rebooted' && allocation.stop !== null && wasLetGo(allocation);
}

function reconcile(draft: Draft, node: NodeId, observed: readonly Observed[], absence: Absence, nowMs: number): void {
  const seen = new Map(observed.map((one) => [one.id, one]));
  for (const allocation of draft.base.heldOn(node)) {
    const one = seen.get(allocation.id);
    // What it obeyed in the lost part of the history may have come and gone there: it must not start again.
    const wasThere =
      absence === 'history lost' ||
      allocation.startedMs !== null ||
      hasEnded(allocation) ||
      wentDown(allocation, absence);
    if (one !== undefined) follow(draft, allocation, one, nowMs);
    else if (wasThere) missing(draft, allocation, absence, nowMs);
  }
}

interface Adopted {
  readonly adopted: readonly AllocationId[];
  /** What has no place in its workload any more: it is to be ended at once, since that may be started anew. */
  readonly over: ReadonlySet<AllocationId>;
}

const NOTHING_ADOPTED: Adopted = { adopted: [], over: new Set() };

/** Takes over what the agent runs of a history that was lost. What cannot be is left to be ended as a stray. */
function adoptAll(
  draft: Draft,
  node: NodeId,
  observed: readonly Observed[],
  origins: ReadonlyMap<AllocationId, Origin>,
  nowMs: number,
): Adopted {
  const adopted: AllocationId[] = [];
  const over = new Set<AllocationId>();
  for (const one of observed) {
    const origin = origins.get(one.id);
    if (origin === undefined || one.grant === undefined || one.neverStarted) continue;
    if (draft.get('allocations', one.id) !== undefined) continue;
    const verdict = adopt(draft, { id: one.id, node, startedMs: one.startedMs, ...one.grant }, origin, nowMs);
    if (verdict.type === 'adopted') {
      adopted.push(one.id);
      follow(draft, verdict.allocation, one, nowMs);
    } else if (verdict.isOver) over.add(one.id);
  }
  if (adopted.length > 0) {
    // One that comes late: the others of its gangs get their time, too.
    const known = draft.meta.recovery ?? { why: 'lost', sinceMs: nowMs, adopted: 0 };
    const recovery = { ...known, adopted: known.adopted + adopted.length };
    draft.put('meta', META_KEY, { ...draft.meta, recovery });
  }
  return { adopted, over };
}

function follow(draft: Draft, allocation: Allocation, one: Observed, nowMs: number): void {
  if (one.endpoints.length > 0 && JSON.stringify(one.endpoints) !== JSON.stringify(allocation.endpoints)) {
    draft.putAllocation({ ...draft.allocation(allocation.id), endpoints: one.endpoints });
  }
  // Before the end, so that the cost of a stop is counted from the checkpoint that the stop itself brought.
  const isPresent = draft.workload(allocation.workload).attempt === allocation.attempt;
  if (one.checkpoint !== null && isPresent) noteCheckpoint(draft, allocation.workload, one.checkpoint, nowMs);
  const over = one.state === 'exited' || one.state === 'released';
  if (one.neverStarted) {
    const why = one.exit?.message ?? '';
    if (over) neverStarted(draft, allocation, why === '' ? 'it was never started' : why, one, nowMs);
    return;
  }
  if (one.state === 'ready') {
    markReady(draft, allocation.id, nowMs);
    return;
  }
  if (one.startedMs !== null && one.state !== 'starting') {
    markStarted(draft, allocation.id, one.startedMs, nowMs);
  }
  if (!over) return;
  noteUse(draft, allocation.id, one);
  const exit = one.exit ?? { code: null, signal: '', message: '' };
  const endedMs = endOf(draft.allocation(allocation.id), one, nowMs);
  const why = whyCutOff(draft.allocation(allocation.id), one, exit);
  if (why !== null) loseAllocation(draft, allocation, why, { exit, endedMs }, nowMs, !isOnCondemned(draft, allocation));
  else markEnded(draft, allocation.id, { exit, endedMs, ofItsOwn: !one.stopSignalled }, nowMs);
  if (one.state !== 'released') return;
  noteDirty(draft, allocation, one);
  markReleased(draft, allocation.id, 'clean', nowMs);
}

/** What it used is kept with its end: nobody asks for more of it afterwards. */
function noteUse(draft: Draft, id: AllocationId, { use }: Observed): void {
  const allocation = draft.allocation(id);
  if (use === undefined || hasEnded(allocation)) return;
  const { cpuMs, memoryPeakMib, gpus } = use;
  draft.putAllocation({
    ...allocation,
    use: { cpuMs, memoryPeakMib, gpus: gpus.slice(0, allocation.gpus.length) },
  });
}

function noteDirty(draft: Draft, { node, workload }: Allocation, { dirtyGpus }: Observed): void {
  if (dirtyGpus.length > 0) quarantineGpus(draft, node, dirtyGpus, `not clean after workload ${workload}`);
}

/**
 * When it ended, by this machine's time of day: as long after its start as its agent says. The agent's time of day may be far
 * off, but how long the program ran is measured by a clock that nobody sets.
 */
function endOf({ startedMs }: Allocation, one: Observed, nowMs: number): number {
  if (one.endedMs === null) return nowMs;
  if (startedMs === null || one.startedMs === null) return one.endedMs;
  return startedMs + Math.max(0, one.endedMs - one.startedMs);
}

/**
 * Why the end of a task says nothing about its program; null = it does. Without this an agent that lost its lease and
 * stopped its tasks would make a training that saved its work and left with code 0 look done.
 */
function whyCutOff({ stop, fault }: Allocation, one: Observed, exit: Exit): string | null {
  if (one.stopSignalled && stop === null) return 'its node had no lease any more and stopped it';
  if (fault !== undefined && exit.code !== 0) return fault;
  if (exit.code !== null || exit.signal !== '') return null;
  return exit.message === '' ? 'how it ended is unknown' : exit.message.replace(/^lost: /, '');
}

/** Whether a GPU of it takes nothing new: its next attempt is elsewhere, so that it cannot fail there for ever. */
function isOnCondemned(draft: Draft, { node, gpus, fault }: Allocation): boolean {
  const known = draft.node(node).gpus;
  return (
    fault !== undefined &&
    gpus.some(({ index, uuid }) => known[index]?.uuid !== uuid || known[index].health !== 'healthy')
  );
}

/** The agent has no trace of something that ran. */
function missing(draft: Draft, allocation: Allocation, absence: Absence, nowMs: number): void {
  const why = WHY_ABSENT[absence];
  loseAllocation(draft, allocation, why, unseen(why, nowMs), nowMs, absence !== 'history lost');
  if (absence === 'seen') {
    const uuids = allocation.gpus.map(({ uuid }) => uuid);
    quarantineGpus(draft, allocation.node, uuids, `held by workload ${allocation.workload}, of which no trace is left`);
  }
  markReleased(draft, allocation.id, PROOF_OF_ABSENCE[absence], nowMs);
}

const WHY_ABSENT: Readonly<Record<Absence, string>> = {
  seen: 'its agent has no trace of it',
  rebooted: 'its node was rebooted',
  'history lost': 'its end is in the part of the history that was lost',
};
/** An agent forgets what it had only after it saw it end and its GPUs clean, and a scheduler took note of it. */
const PROOF_OF_ABSENCE = { seen: 'quarantined', rebooted: 'rebooted', 'history lost': 'clean' } as const;

/** The program was not started and never will be under this id: nothing is to be cleaned, and the workload tries again. */
function neverStarted(draft: Draft, allocation: Allocation, why: string, one: Observed, nowMs: number): void {
  // One that its node did not start for a reason of its own counts for nothing.
  const { fault } = draft.allocation(allocation.id);
  loseAllocation(draft, allocation, why, { ...unseen(why, nowMs), neverStarted: true }, nowMs, fault === undefined);
  // Its agent still looks at what others left behind on a GPU that it had a share of.
  if (one.state !== 'released') return;
  noteDirty(draft, allocation, one);
  // An agent that reported it running before has seen it gone since.
  markReleased(draft, allocation.id, allocation.startedMs === null ? 'never_started' : 'clean', nowMs);
}

/** In words. */
function whatBecameOf(draft: Draft, { id, task, node }: Allocation): string {
  if (!isHeld(draft.allocation(id))) return `task ${task} was lost`;
  return `no task was started, since task ${task} could not be made ready on ${draft.node(node).name}`;
}

/** The end of what nobody saw ending. */
function unseen(why: string, endedMs: number): End {
  return { exit: { code: null, signal: '', message: `was lost: ${why}` }, endedMs };
}

/**
 * Ends an allocation whose program is gone without its doing; the whole gang is requeued, unless it was a surplus task. A workload that brings down
 * whatever it runs on, or that no node manages to start, must not be tried for ever: after MAX_FALSE_STARTS attempts in a
 * row that did not last SOUND_RUN_MS it has failed.
 */
function loseAllocation(
  draft: Draft,
  allocation: Allocation,
  why: string,
  end: End,
  nowMs: number,
  countsAsFalseStart = true,
): void {
  if (hasEnded(draft.allocation(allocation.id))) return;
  const workload = draft.workload(allocation.workload);
  const isOpen = workload.afterStop === null || isExcuse(draft.allocation(allocation.id), workload, end);
  if (!isTerminal(workload.state) && isOpen) {
    const ranMs = allocation.startedMs === null ? 0 : end.endedMs - allocation.startedMs;
    const more = countsAsFalseStart ? 1 : 0;
    const falseStarts = ranMs < SOUND_RUN_MS ? workload.falseStarts + more : 0;
    if (loseSurplus(draft, allocation.id, { ...end, why, falseStarts }, nowMs)) return;
    const givenUp = falseStarts >= MAX_FALSE_STARTS;
    draft.putWorkload({ ...workload, falseStarts });
    requestStop(draft, workload.number, givenUp ? 'fail' : 'requeue', {
      reason: 'node_lost',
      requestedMs: nowMs,
      forWorkload: null,
      message: `${whatBecameOf(draft, allocation)}${givenUp ? `, as in ${falseStarts} attempts in a row` : ''}: ${why}`,
    });
  }
  markEnded(draft, allocation.id, { ...end, ofItsOwn: false }, nowMs);
}

/**
 * Whether the loss of a task explains why another one of its gang failed before it was known: its peers feel at once that a machine is
 * gone, and the scheduler learns of it when the fence time has passed. Then the program is not to blame, and no retry is charged.
 */
function isExcuse(allocation: Allocation, { afterStop }: Workload, { exit, neverStarted }: End): boolean {
  const { stop, fault } = allocation;
  if (afterStop !== 'fail' || stop?.reason !== 'gang_ended') return false;
  // One that its agent stopped before it was started was stopped because of that failure. Of one that was let go nobody else knows: the report
  // of its start may have been lost with the machine.
  if (neverStarted === true || (allocation.startedMs === null && !wasLetGo(allocation))) return false;
  return fault !== undefined || (exit.code === null && exit.signal === '');
}

// The table of desired × observed: what follows when an agent reports the full set of allocations it has. Commands that
// any repetition, delay or loss of reports leaves without harm.
//
//   store says        agent says                     then
//   not started yet   nothing                        nothing: the order is sent (again) and runs at most once; absence
//                                                    proves nothing here, since the report may be older than the order
//   placed, running   running                        running
//   any live          exited                         ended; its GPUs stay held
//   any live          released                       ended, GPUs free (dirty ones quarantined)
//   any live          never started                  ended without blame, the workload is requeued
//   no stop asked     ended by a stop of the agent   the same, whatever its exit code: without a lease it stopped its tasks
//   any live          ended, nobody saw how          the same: machine or supervisor went down under it
//   started           nothing, machine rebooted      lost; GPUs free (a reboot proves that nothing runs)
//   started           nothing, same boot             lost; GPUs quarantined, since nothing proves them free
//   nothing           anything                       nothing here: the agent ends what it is not asked to have
import type { NodeId } from '../../common/ids.js';
import { quarantineGpus, registerNode, type NodeReport } from '../control/commands/nodes.js';
import type { Command } from '../control/command.js';
import type { Draft } from '../model/draft.js';
import { MAX_FALSE_STARTS } from '../model/elastic.js';
import {
  hasEnded,
  loseSurplus,
  markEnded,
  markReleased,
  markStarted,
  noteCheckpoint,
  requestStop,
} from '../model/lifecycle.js';
import { isTerminal } from '../model/cluster-state.js';
import type { Allocation, ClusterNode, Exit } from '../model/records.js';
import type { Observed } from './observed.js';

/** A shorter run that is lost is a false start. */
const SOUND_RUN_MS = 60_000;

interface End {
  readonly exit: Exit;
  readonly endedMs: number;
}

/** An agent says hello: the node is taken in and what it has is compared with what it should have. */
export function welcomeNode(report: NodeReport, observed: readonly Observed[]): Command<ClusterNode> {
  return {
    name: 'register_node',
    isReport: true,
    // On a full disk, too: without a session an agent loses its lease and ends what it runs.
    whenSpace: 'critical',
    run: (draft, { nowMs }) => {
      const rebooted = draft.get('nodes', report.id)?.bootId !== report.bootId;
      const node = registerNode(draft, report, nowMs);
      reconcile(draft, node.id, observed, rebooted, nowMs);
      return draft.node(node.id);
    },
  };
}

/** An agent reports the full set it has. */
export function takeObservation(node: NodeId, observed: readonly Observed[]): Command<void> {
  return {
    name: 'observe',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, { nowMs }) => reconcile(draft, node, observed, false, nowMs),
  };
}

/** The fence time of a silent node has passed: nothing of it can run any more. */
export function fenceNode(node: NodeId, allocations: readonly string[]): Command<void> {
  return {
    name: 'fence_node',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, { nowMs }) => {
      const held = draft.base.heldOn(node).filter(({ id }) => allocations.includes(id));
      for (const allocation of held) {
        const why = 'its node was not heard of until the fence time had passed';
        loseAllocation(draft, allocation, why, unseen(why, nowMs), nowMs);
        markReleased(draft, allocation.id, 'fenced', nowMs);
      }
    },
  };
}

function reconcile(draft: Draft, node: NodeId, observed: readonly Observed[], rebooted: boolean, nowMs: number): void {
  const seen = new Map(observed.map((one) => [one.id, one]));
  for (const allocation of draft.base.heldOn(node)) {
    const one = seen.get(allocation.id);
    if (one !== undefined) follow(draft, allocation, one, nowMs);
    else if (allocation.startedMs !== null || hasEnded(allocation)) missing(draft, allocation, rebooted, nowMs);
  }
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
    if (over) neverStarted(draft, allocation, why === '' ? 'it was never started' : why, nowMs);
    return;
  }
  if (one.startedMs !== null && one.state !== 'starting') {
    markStarted(draft, allocation.id, one.startedMs, nowMs);
  }
  if (!over) return;
  const exit = one.exit ?? { code: null, signal: '', message: '' };
  const endedMs = one.endedMs ?? nowMs;
  const why = whyCutOff(draft.allocation(allocation.id), one, exit);
  if (why !== null) loseAllocation(draft, allocation, why, { exit, endedMs }, nowMs);
  else markEnded(draft, allocation.id, { exit, endedMs, ofItsOwn: !one.stopSignalled }, nowMs);
  if (one.state !== 'released') return;
  if (one.dirtyGpus.length > 0) {
    quarantineGpus(draft, allocation.node, one.dirtyGpus, `not clean after workload ${allocation.workload}`);
  }
  markReleased(draft, allocation.id, 'clean', nowMs);
}

/**
 * Why the end of a task says nothing about its program; null = it does. Without this an agent that lost its lease and
 * stopped its tasks would make a training that saved its work and left with code 0 look done.
 */
function whyCutOff({ stop }: Allocation, one: Observed, exit: Exit): string | null {
  if (one.stopSignalled && stop === null) return 'its node had no lease any more and stopped it';
  if (exit.code !== null || exit.signal !== '') return null;
  return exit.message === '' ? 'how it ended is unknown' : exit.message.replace(/^lost: /, '');
}

/** The agent has no trace of something that ran. */
function missing(draft: Draft, allocation: Allocation, rebooted: boolean, nowMs: number): void {
  const why = rebooted ? 'its node was rebooted' : 'its agent has no trace of it';
  loseAllocation(draft, allocation, why, unseen(why, nowMs), nowMs);
  if (!rebooted) {
    const uuids = allocation.gpus.map(({ uuid }) => uuid);
    quarantineGpus(draft, allocation.node, uuids, `held by workload ${allocation.workload}, of which no trace is left`);
  }
  markReleased(draft, allocation.id, rebooted ? 'rebooted' : 'quarantined', nowMs);
}

/** The program was not started and never will be under this id: nothing is to be cleaned, and the workload tries again. */
function neverStarted(draft: Draft, allocation: Allocation, why: string, nowMs: number): void {
  loseAllocation(draft, allocation, why, unseen(why, nowMs), nowMs);
  markReleased(draft, allocation.id, 'never_started', nowMs);
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
function loseAllocation(draft: Draft, allocation: Allocation, why: string, end: End, nowMs: number): void {
  if (hasEnded(draft.allocation(allocation.id))) return;
  const workload = draft.workload(allocation.workload);
  if (!isTerminal(workload.state) && workload.afterStop === null) {
    const ranMs = allocation.startedMs === null ? 0 : end.endedMs - allocation.startedMs;
    const falseStarts = ranMs < SOUND_RUN_MS ? workload.falseStarts + 1 : 0;
    if (loseSurplus(draft, allocation.id, { ...end, why, falseStarts }, nowMs)) return;
    const givenUp = falseStarts >= MAX_FALSE_STARTS;
    draft.putWorkload({ ...workload, falseStarts });
    requestStop(draft, workload.number, givenUp ? 'fail' : 'requeue', {
      reason: 'node_lost',
      requestedMs: nowMs,
      forWorkload: null,
      message: `task ${allocation.task} was lost${givenUp ? `, as in ${falseStarts} attempts in a row` : ''}: ${why}`,
    });
  }
  markEnded(draft, allocation.id, { ...end, ofItsOwn: false }, nowMs);
}

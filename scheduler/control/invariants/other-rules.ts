// What must hold of a change of a node, of a request id, of a queue, and of the cluster's counters.
import type { ReadableState } from '../../model/cluster-state.js';
import type { ClusterMeta, ClusterNode, Queue, RequestRecord } from '../../model/records.js';
import { checkGpusOfNode } from './allocation-rules.js';
import type { Complain } from './violation.js';

/** A node keeps its GPUs in their places, with generations that never fall. */
export function checkNodeStep(state: ReadableState, before: ClusterNode, after: ClusterNode, complain: Complain): void {
  if (before.gpus === after.gpus) return;
  for (let at = 0; at < before.gpus.length; at += 1) {
    const [was, is] = [before.gpus[at], after.gpus[at]];
    if (was === undefined || was === is) continue;
    // The place of a GPU that a person took away is the next one's.
    if (was.retired === true) continue;
    if (is?.uuid !== was.uuid) {
      complain('whole_nodes', `${after.name}:${at}`, `GPU ${was.uuid}`, is?.uuid ?? 'nothing');
    } else if (is.generation < was.generation) {
      complain(
        'rising_generations',
        `${after.name}:${at}`,
        `generation ${was.generation} or higher`,
        `${is.generation}`,
      );
    }
  }
  if (before.gpus.length !== after.gpus.length) checkNode(state, after, complain);
}

/** The GPUs of a node are numbered through and each is there once; what is held on it is part of it. Cost: its GPUs. */
export function checkNode(state: ReadableState, node: ClusterNode, complain: Complain): void {
  const uuids = new Set<string>();
  for (const [at, { index, uuid }] of node.gpus.entries()) {
    if (index !== at) complain('whole_nodes', `${node.name}:${at}`, `index ${at}`, `${index}`);
    if (uuids.has(uuid)) complain('whole_nodes', `${node.name}:${at}`, 'each GPU once', `${uuid} twice`);
    uuids.add(uuid);
  }
  for (const held of state.heldOn(node.id)) checkGpusOfNode(node, held, complain);
}

/** The record of a node goes only when nothing is held on it. */
export function checkNodeDropped(state: ReadableState, before: ClusterNode, complain: Complain): void {
  const held = state.heldOn(before.id)[0];
  if (held !== undefined)
    complain('whole_nodes', `node ${before.name}`, 'a node that is held in parts', `deleted with ${held.id}`);
}

/** A request id answers the same for as long as it is known, and what it made exists when it is made. */
export function checkRequest(
  state: ReadableState,
  before: RequestRecord | null,
  after: RequestRecord | null,
  complain: Complain,
): void {
  if (after === null) return;
  const where = `request ${after.key}`;
  if (before !== null) {
    // What came back of an answer that was lost in part grows until it is whole.
    if (before.partial !== undefined) return;
    const isSame = before.digest === after.digest && before.workloads.join() === after.workloads.join();
    if (!isSame) complain('one_answer', where, `workloads ${before.workloads.join()}`, after.workloads.join());
    return;
  }
  const missing = after.workloads.find((number) => state.workload(number) === undefined);
  if (missing !== undefined) complain('nothing_lost', where, `workload ${missing}`, 'no such record');
}

/** A queue goes only when nobody waits or runs in it. */
export function checkQueueDropped(state: ReadableState, before: Queue, complain: Complain): void {
  const left = state.unfinishedIn(before.name);
  if (left > 0)
    complain('nothing_lost', `queue ${before.name}`, 'a queue for its work', `deleted with ${left} workloads`);
}

/** Numbers only rise, and the cluster stays the same. */
export function checkMeta(before: ClusterMeta | null, after: ClusterMeta | null, complain: Complain): void {
  if (before === null) return;
  if (after === null || after.lastWorkload < before.lastWorkload) {
    complain('one_answer', 'the last number', `${before.lastWorkload} or higher`, `${after?.lastWorkload}`);
  }
  if (after !== null && after.clusterId !== before.clusterId) {
    complain('nothing_lost', 'the cluster', `id ${before.clusterId}`, after.clusterId);
  }
}

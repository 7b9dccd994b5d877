// Fair shares of parts of the cluster: each part that a queue names is divided like the whole, among all queues, by the
// guarantees and limits that they have there, their weights and priorities. Work that could go to several parts asks for each
// of them: what is decided must not move shares. Also what parts mean for the division of the whole: what a queue is
// guaranteed of them is its own first, and what it asks for beyond a limit it does not ask for.
import { at, GPU } from './amounts.js';
import { divide } from './fair-share.js';
import { GPU_PARTS } from '../model/requests.js';
import type { PastUse } from './past-use.js';
import type { QueueNode } from './queues.js';
import type { Scopes } from './scopes.js';

/**
 * Divides every part over the whole tree, top-down. To be called before the whole is divided. Cost: a pass over the queues
 * for each part.
 * @param pastUse what counts against queues in dealing surplus; null = nothing does
 * @returns whether any share changed
 */
export function divideScopes(root: QueueNode, scopes: Scopes, pastUse: PastUse | null): boolean {
  if (scopes.isNone) return false;
  for (const child of root.children) sumRequestable(child, scopes);
  let changed = false;
  for (const scope of scopes.all) {
    const account = root.scopes[scope.index];
    if (account === undefined) continue;
    account.fairShare = scopes.capacityOf(scope);
    account.allocatableShare = account.fairShare;
    if (divideBelow(root, scope.index, pastUse)) changed = true;
  }
  return changed;
}

function sumRequestable(queue: QueueNode, scopes: Scopes): void {
  for (const child of queue.children) sumRequestable(child, scopes);
  const beyond: number[] = [];
  for (const account of queue.scopes) {
    let wanted = account.demand;
    let bound = account.boundDemand;
    for (const { scopes: ofChild } of queue.children) {
      const below = ofChild[account.scope.index];
      if (below === undefined) continue;
      wanted += below.requestable - below.demand;
      bound += below.boundRequestable - below.boundDemand;
    }
    const limit = Math.min(account.limit, at(queue.limit, GPU));
    account.requestable = Math.min(limit, wanted);
    account.boundRequestable = Math.min(account.limit, bound);
    beyond.push(bound - account.boundRequestable);
  }
  queue.beyondLimits = scopes.sumApart(beyond);
  queue.entitled = scopes.sumApart(queue.scopes.map(({ guarantee, requestable }) => Math.min(guarantee, requestable)));
}

function divideBelow(queue: QueueNode, index: number, pastUse: PastUse | null): boolean {
  const { children } = queue;
  if (children.length === 0) return false;
  const claimants = children.map(({ scopes, weight, priority, createdMs, name }) => {
    const { guarantee = 0, requestable = 0 } = scopes[index] ?? {};
    return { guarantee, requestable, weight, priority, createdMs, name };
  });
  const usages = pastUse === null ? null : { of: children.map(({ name }) => pastUse.of(name)), weight: pastUse.weight };
  const shares = divide(queue.scopes[index]?.fairShare ?? 0, claimants, GPU_PARTS, usages);
  let changed = false;
  children.forEach((child, turn) => {
    const account = child.scopes[index];
    if (account === undefined) return;
    const share = shares[turn] ?? 0;
    const allocatable = Math.min(account.limit, at(child.limit, GPU), Math.max(account.guarantee, share));
    if (share !== account.fairShare || allocatable !== account.allocatableShare) changed = true;
    account.fairShare = share;
    account.allocatableShare = allocatable;
    if (divideBelow(child, index, pastUse)) changed = true;
  });
  return changed;
}

// By what a queue is entitled to take GPUs back: what it is due of the whole cluster, or of a part of it that queues name. A
// search for victims (victims.ts) goes by one entitlement at a time, and by the figures of that account alone: what a queue is
// guaranteed of a part it takes from whoever holds more of that part than he is guaranteed of it, though he may hold no more of
// the whole than he is guaranteed of that. So whoever names the kind comes before whoever named only a number.
import { type Amounts, amounts, at, CPU, GPU, MEMORY, RESOURCES } from './amounts.js';
import type { BankClass, Confinement } from './nodes.js';
import { isWithin, type QueueNode } from './queues.js';
import type { Scope, Scopes } from './scopes.js';
import type { Group } from './shapes.js';

/** What a search for victims goes by. */
export interface Entitlement {
  /** The part of the cluster; null = the whole. */
  readonly scope: Scope | null;
  /** The GPUs that may be taken. */
  readonly confinement: Confinement;
  /** What it asks for of that. */
  readonly asked: Amounts;
}

/** Up to what it goes: what a queue is guaranteed, or its fair share. */
export type Due = 'guarantee' | 'fairShare';

/** To take anywhere, by what is due of the whole. */
export function ofWhole({ charge }: Group['shape']): Entitlement {
  return { scope: null, confinement: null, asked: charge };
}

/** Whether a group is entitled to anything within what its own queue is due. */
export function isEntitled(scopes: Scopes, group: Pick<Group, 'queue' | 'shape'>, due: Due): boolean {
  if (scopes.isNone) return isWithin(group.queue, group.shape.charge, group.queue[due]);
  return entitlementsOf(scopes, group, due).length > 0;
}

/** What a group is entitled to within what its own queue is due, the most particular first. */
export function entitlementsOf(
  scopes: Scopes,
  { queue, shape }: Pick<Group, 'queue' | 'shape'>,
  due: Due,
): readonly Entitlement[] {
  const whole = ofWhole(shape);
  const isDue = isWithin(queue, shape.charge, queue[due]);
  if (scopes.isNone) return isDue ? [whole] : NO_ENTITLEMENTS;
  const first: Entitlement[] = [];
  const others: Entitlement[] = [];
  for (const { scope, parts, isBound } of scopes.wantsOfShape(shape)) {
    const asked = amounts(parts, at(shape.charge, CPU), at(shape.charge, MEMORY));
    if (!isWithinOf(queue, asked, due, scope)) continue;
    // What is promised of the part to a queue above goes to whom the whole is due below it: he would take it from all others.
    if (!isWithinOf(queue, asked, 'guarantee', scope) && !isWithin(queue, shape.charge, queue.fairShare)) continue;
    const isFirst = isBound || due === 'guarantee';
    (isFirst ? first : others).push({ scope, confinement: (one) => scopes.has(scope, one), asked });
  }
  if (isDue) {
    // Beyond its guarantee it takes of no part more than it is due of that.
    const isFree = isWithin(queue, shape.charge, queue.guarantee);
    const confinement = isFree ? null : withinShares(scopes, queue, shape);
    if (leavesRoom(shape, confinement)) first.push({ ...whole, confinement });
  }
  return [...first, ...others];
}

const NO_ENTITLEMENTS: readonly Entitlement[] = [];

/** GPUs of parts of which the queue holds no more than its fair shares with all that it asks for. */
function withinShares(scopes: Scopes, queue: QueueNode, shape: Group['shape']): Confinement {
  const full = scopes.all.filter(({ index }) => {
    const account = queue.scopes[index];
    const scope = scopes.all[index];
    return account && scope && account.charged + scopes.partsOf(shape, scope) > account.fairShare;
  });
  return full.length === 0 ? null : (one: BankClass) => !full.some((scope) => scopes.has(scope, one));
}

function leavesRoom({ parts }: Group['shape'], confinement: Confinement): boolean {
  return confinement === null || parts.every(({ ask }) => ask.unit === 'none' || ask.classes.some(confinement));
}

// --- the figures of an account ---

/** Of which a queue has figures. */
export type Figure = 'charged' | 'guarantee' | 'fairShare' | 'allocatableShare';

/** A figure of a queue: of GPUs those of the part, if there is one; of CPU and memory always those of the whole. */
export function figureOf(queue: QueueNode, figure: Figure, resource: number, scope: Scope | null): number {
  if (scope === null || resource !== GPU) return at(ofWholeIn(queue, figure), resource);
  return queue.scopes[scope.index]?.[figure] ?? 0;
}

/** By name and not by key: searches ask this for every victim (`engine.reclaim_many_ms`). */
function ofWholeIn(queue: QueueNode, figure: Figure): Amounts {
  switch (figure) {
    case 'charged':
      return queue.charged;
    case 'guarantee':
      return queue.guarantee;
    case 'fairShare':
      return queue.fairShare;
    case 'allocatableShare':
      return queue.allocatableShare;
  }
}

/** Whether what a queue is charged with, and `more`, stays within a figure. */
export function isWithinOf(queue: QueueNode, more: Amounts, bound: Figure, scope: Scope | null): boolean {
  if (scope === null) return isWithin(queue, more, ofWholeIn(queue, bound));
  for (let resource = 0; resource < RESOURCES; resource++) {
    const used = figureOf(queue, 'charged', resource, scope) + at(more, resource);
    if (used > figureOf(queue, bound, resource, scope)) return false;
  }
  return true;
}

/** The first resource asked for of which a queue is charged with more than that; -1 = none. Of a part only GPUs count. */
export function resourceAbove(queue: QueueNode, bound: Figure, asked: Amounts, scope: Scope | null): number {
  if (scope !== null) {
    return at(asked, GPU) > 0 && figureOf(queue, 'charged', GPU, scope) > figureOf(queue, bound, GPU, scope) ? GPU : -1;
  }
  const bounds = ofWholeIn(queue, bound);
  for (let resource = 0; resource < RESOURCES; resource++) {
    if (at(asked, resource) > 0 && at(queue.charged, resource) > at(bounds, resource)) return resource;
  }
  return -1;
}

/** Whether a queue holds no more of some part, in which the GPUs are, than it is guaranteed of that part. */
export function isGuaranteedPart(queue: QueueNode, scopes: readonly Scope[]): boolean {
  return scopes.some(({ index }) => {
    const account = queue.scopes[index];
    return account !== undefined && account.guarantee > 0 && account.charged <= account.guarantee;
  });
}

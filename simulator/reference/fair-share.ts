// What every queue may expect of each resource: guarantees, then the surplus by priority and weight, then the remainders.
// Rules: kai-semantics 1.2, which follows KAI Scheduler, plugins/proportion/resource_division.
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { RESOURCES, eachResource, type Amounts, type Resource } from './amounts.js';
import { beyondLimits, entitledTo, type Parts, usableOf } from './parts.js';
import type { ShareNode } from './share-node.js';

/** A queue in the division of one level. */
export interface Claimant {
  readonly name: string;
  /** Infinity = as much as there is. */
  readonly guarantee: number;
  /** Infinity = no limit. */
  readonly limit: number;
  /** What it holds and asks for. */
  readonly request: number;
  /** Its share of the surplus; 0 = none of it. */
  readonly weight: number;
  /** Higher is served first from the surplus. */
  readonly priority: number;
  readonly createdMs: number;
}

/** The surplus is dealt in whole units: GPUs, thousandths of a core, MiB. */
const UNIT: Amounts = { cpuMilli: 1, memoryMib: 1, gpuParts: GPU_PARTS };

/**
 * The fair share of every queue, by name.
 * @param total what the nodes have
 * @param parts the parts of the cluster that queues name: what is guaranteed of them is guaranteed
 */
export function fairShares(total: Amounts, roots: readonly ShareNode[], parts: Parts = NO_PARTS): Map<string, Amounts> {
  const shares = new Map<string, Amounts>();
  divideLevel(total, roots, shares, parts);
  return shares;
}

const NO_PARTS: Parts = { all: [], totals: [], overlap: () => false };

function divideLevel(total: Amounts, level: readonly ShareNode[], shares: Map<string, Amounts>, parts: Parts): void {
  const divided = new Map(
    RESOURCES.map((resource) => [
      resource,
      divide(
        total[resource],
        level.map((node) => claimant(node, resource, parts)),
        UNIT[resource],
      ),
    ]),
  );
  for (const node of level) {
    const share = eachResource((resource) => divided.get(resource)?.get(node.name) ?? 0);
    shares.set(node.name, share);
    divideLevel(share, node.children, shares, parts);
  }
}

function claimant(node: ShareNode, resource: Resource, parts: Parts): Claimant {
  return {
    ...node,
    guarantee: Math.max(node.guarantee[resource], resource === 'gpuParts' ? entitledTo(node, parts) : 0),
    limit: node.limit[resource],
    request: usable(node, resource, parts),
    weight: resource === 'gpuParts' ? node.weight : 1,
  };
}

/** What it and those below hold and ask for, each cut to its own limit: what limits forbid is no reason for a share. */
function usable(node: ShareNode, resource: Resource, parts: Parts): number {
  const { request, limit, children } = node;
  const cutBelow = children.reduce((cut, child) => cut + child.request[resource] - usable(child, resource, parts), 0);
  const beyond = resource === 'gpuParts' ? beyondLimits(node, parts) : 0;
  return Math.min(limit[resource], request[resource] - cutBelow - beyond);
}

/**
 * Divides one resource among the queues of one level.
 * @param unit the surplus is dealt in multiples of it
 * @returns the share of each, by name
 */
export function divide(total: number, claimants: readonly Claimant[], unit: number): Map<string, number> {
  const shares = new Map<string, number>();
  let left = total;
  for (const each of claimants) {
    const share = Math.min(each.guarantee === Infinity ? total : each.guarantee, requestable(each));
    shares.set(each.name, share);
    left -= share;
  }
  const buckets = [...new Set(claimants.map((each) => each.priority))]
    .toSorted((left_, right) => right - left_)
    .map((priority) => claimants.filter((each) => each.priority === priority));
  const remainders = new Map<string, number>();
  for (const bucket of buckets) if (left > 0) left = dealSurplus(left, bucket, unit, shares, remainders);
  for (const bucket of buckets) if (left > 0) left = dealRemainders(left, bucket, unit, shares, remainders);
  return shares;
}

function requestable(each: Claimant): number {
  return Math.min(each.limit, each.request);
}

/** Rounds in proportion to weight, until nobody asks for less than his part; returns what is left. */
function dealSurplus(
  surplus: number,
  bucket: readonly Claimant[],
  unit: number,
  shares: Map<string, number>,
  remainders: Map<string, number>,
): number {
  let left = surplus;
  for (;;) {
    const amount = left;
    const hungry = bucket.filter((each) => wanted(each, shares) > 0 && each.weight > 0);
    const weights = hungry.reduce((all, each) => all + each.weight, 0);
    let anyModest = false;
    for (const each of hungry) {
      const part = (amount * each.weight) / weights;
      const want = wanted(each, shares);
      const give = want <= part ? want : Math.floor(part / unit) * unit;
      shares.set(each.name, (shares.get(each.name) ?? 0) + give);
      left -= give;
      if (want <= part) remainders.delete(each.name);
      else if (part > give) remainders.set(each.name, part - give);
      if (want < part) anyModest = true;
    }
    if (!anyModest || left <= 0) return left;
  }
}

function wanted(each: Claimant, shares: ReadonlyMap<string, number>): number {
  return requestable(each) - (shares.get(each.name) ?? 0);
}

/** One unit each by largest remainder; returns what is left. */
function dealRemainders(
  surplus: number,
  bucket: readonly Claimant[],
  unit: number,
  shares: Map<string, number>,
  remainders: ReadonlyMap<string, number>,
): number {
  let left = surplus;
  const remainderOf = (each: Claimant): number => remainders.get(each.name) ?? 0;
  const order = bucket
    .filter((each) => remainderOf(each) > 0)
    .toSorted((a, b) => remainderOf(b) - remainderOf(a) || a.createdMs - b.createdMs || (a.name < b.name ? -1 : 1));
  for (const each of order) {
    const give = Math.min(unit, left);
    shares.set(each.name, (shares.get(each.name) ?? 0) + give);
    left -= give;
  }
  return left;
}

/** The fair share of every queue of every part, by name. */
export function fairSharesOfParts(roots: readonly ShareNode[], parts: Parts): ReadonlyMap<string, readonly number[]> {
  const shares = new Map<string, number[]>();
  const divideLevel = (total: number, level: readonly ShareNode[], at: number): void => {
    const claimants = level.map((node) => ({
      name: node.name,
      guarantee: node.parts?.[at]?.guarantee ?? 0,
      limit: Infinity,
      request: usableOf(node, at),
      weight: node.weight,
      priority: node.priority,
      createdMs: node.createdMs,
    }));
    const divided = divide(total, claimants, GPU_PARTS);
    for (const node of level) {
      const share = divided.get(node.name) ?? 0;
      shares.set(node.name, [...(shares.get(node.name) ?? []), share]);
      divideLevel(share, node.children, at);
    }
  };
  parts.totals.forEach((total, at) => divideLevel(total, roots, at));
  return shares;
}

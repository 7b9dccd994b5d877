// Whether what was taken would be taken back. A victim may carry its queue below its guarantee, since a gang cannot be cut; then
// smaller work of that queue, which waits, is within the guarantee and takes what it needs from whoever took more. Where it can
// go nowhere else the taker loses its place again, and both would go on taking turns: so the taker has to leave it room.
import { at, GPU } from './amounts.js';
import { entitlementsOf, isEntitled } from './entitlements.js';
import { isWithin, pathBeside, type QueueNode } from './queues.js';
import { entitledOf, type Reserving } from './reserving.js';
import { type Group, nextMember } from './shapes.js';
import { type Eviction, takeOver } from './victims.js';

/** How many of those who would come to be within a guarantee are looked at. */
const MAX_LOOKED_AT = 4;

/** The numbers that its next tasks get; null = a gang starts. */
type TasksOf = (group: Group) => readonly number[] | null;

/** Who would come to be within a guarantee by a takeover, the first to wait first. May assume that the takeover is tried out. */
export function dueByTakeover({ trial }: Reserving, group: Group, evictions: readonly Eviction[]): readonly Group[] {
  const { view } = trial;
  // From who stays within his own guarantee, or may run for a while, nobody takes it back.
  if (!group.preemptible || !isAboveGuarantee(group.queue) || view.minRuntimeOf(group.queue, 'reclaim') > 0) {
    return NOBODY;
  }
  // With those who go on elsewhere their queue holds as much as before.
  if (evictions.some(({ movesTo }) => movesTo === 'later')) return NOBODY;
  const found = new Set<Group>();
  const looked = new Set<QueueNode>();
  for (const { workload, movesTo } of evictions) {
    const { queue } = workload;
    if (queue === null || looked.has(queue) || movesTo !== null) continue;
    looked.add(queue);
    const beside = pathBeside(queue, group.queue);
    if (!beside.some(isBelowGuarantee) || !pathBeside(group.queue, queue).every(isAboveGuarantee)) continue;
    for (const other of view.stuckQueues) {
      const path = pathBeside(other, group.queue);
      if (path.at(-1) !== beside.at(-1)) continue;
      for (const waiting of other.stuck.all()) {
        if (!isEntitled(view.scopes, waiting, 'guarantee')) continue;
        if (path.every((each) => isWithin(each, waiting.shape.charge, each.guarantee))) found.add(waiting);
      }
    }
  }
  return [...found].sort((a, b) => numberOf(a) - numberOf(b)).slice(0, MAX_LOOKED_AT);
}

/** Whether a group has a place, or finds victims, within the guarantee of its queue; what is tried for that is taken back. */
export function canHave(turn: Reserving, group: Group, tasksOf: TasksOf): boolean {
  const { trial, withheld, nowMs } = turn;
  const workload = nextMember(group);
  if (workload === null || workload.claim !== null) return false;
  withheld.from(() => entitledOf(nowMs, group, workload));
  const mark = trial.mark();
  const entitlements = entitlementsOf(trial.view.scopes, group, 'guarantee');
  const takeover = takeOver(turn, group, workload, tasksOf(group), 'reclaim', entitlements);
  trial.rollback(mark);
  return takeover !== null;
}

/** Tells those whom a takeover evicts to leave, without giving anybody what they leave. */
export function evictAgain({ trial }: Reserving, evictions: readonly Eviction[]): void {
  for (const { workload, allocations } of evictions) {
    for (const unit of workload.units) {
      if (!unit.evicting && unit.allocations.some((each) => allocations.includes(each))) trial.evict(unit);
    }
  }
}

const NOBODY: readonly Group[] = [];

function isBelowGuarantee({ charged, guarantee }: QueueNode): boolean {
  return at(charged, GPU) < at(guarantee, GPU);
}

function isAboveGuarantee({ charged, guarantee }: QueueNode): boolean {
  return at(charged, GPU) > at(guarantee, GPU);
}

function numberOf(group: Group): number {
  return nextMember(group)?.number ?? Infinity;
}

// Why a queue with a right to more finds nobody to take it from, in words: what runs there is its owners' own, or may run on for a
// while because of a min-runtime, and then of whose rule.
import type { WorkloadNumber } from '../../common/ids.js';
import { formatDuration } from '../../common/units.js';
import { banksOf } from './asks.js';
import { entitlementsOf, isWithinOf } from './entitlements.js';
import { lenderOf, type RuleOfQueue, ruleAbove, sidesOf } from './lending.js';
import { exceeds, type QueueNode } from './queues.js';
import type { Shape, ShapePart } from './shapes.js';
import type { ClusterView } from './view.js';

/** Who asks, for what. */
interface Asking {
  readonly view: ClusterView;
  readonly queue: QueueNode;
  readonly shape: Shape;
  readonly part: ShapePart;
  readonly nowMs: number;
}

/** What a min-runtime spares for now. */
interface Spared {
  readonly workload: WorkloadNumber;
  readonly queue: QueueNode;
  readonly endsMs: number;
}

/** Why a queue with a right to more finds no victims: one sentence for all of them, with the first time it may be otherwise. */
export function whyNobodyGives(asking: Asking): string {
  const { view, queue, part, nowMs } = asking;
  let someBorrow = false;
  let first: Spared | null = null;
  const leastOf = new Map<QueueNode, number>();
  for (const { slots } of banksOf(part.ask)) {
    for (const { workload, leaving } of slots.flatMap(({ holds }) => holds)) {
      const giver = workload.queue;
      if (leaving || giver === null || giver === queue || !workload.account.preemptible) continue;
      if (!exceeds(giver, giver.guarantee)) continue;
      someBorrow = true;
      const leastMs =
        leastOf.get(giver) ?? Math.min(view.minRuntimeOf(giver, 'reclaim'), lentFor(asking, giver)?.ms ?? Infinity);
      leastOf.set(giver, leastMs);
      const endsMs = workload.placedMs + leastMs;
      if (endsMs <= nowMs || (first !== null && first.endsMs <= endsMs)) continue;
      first = { workload: workload.number, queue: giver, endsMs };
    }
  }
  if (first !== null) return saySpared(asking, first);
  return someBorrow
    ? `no work on them may be taken back for queue ${queue.name}`
    : 'what runs on them is not preemptible or within the guarantee of its queue';
}

/** What the lender allows, where the queue takes back what it is guaranteed; null = nothing is said. */
function lentFor({ view, queue, shape }: Asking, giver: QueueNode): RuleOfQueue | null {
  const sides = sidesOf(queue, giver);
  if (sides === null) return null;
  let shortest: RuleOfQueue | null = null;
  for (const { asked, scope } of entitlementsOf(view.scopes, { queue, shape }, 'fairShare')) {
    const lender = lenderOf(queue, sides.taker, (each) => isWithinOf(each, asked, 'guarantee', scope));
    const rule = ruleAbove(lender, 'lendMaxMinRuntimeMs');
    if (rule !== null && (shortest === null || rule.ms < shortest.ms)) shortest = rule;
  }
  return shortest;
}

function saySpared(asking: Asking, { workload, queue: giver, endsMs }: Spared): string {
  const { view, queue, nowMs } = asking;
  const head =
    `what queue ${queue.name} might take back is in its min-runtime: ` +
    `${workload} (queue ${giver.name}) may run for another ${formatDuration(endsMs - nowMs)}, as `;
  const rule = ruleAbove(giver, 'reclaimMinRuntimeMs') ?? { queue: giver, ms: 0 };
  const own = `queue ${rule.queue.name} has ${formatDuration(rule.ms)}`;
  const clusterMs = view.policy.maxMinRuntimeMs;
  const lent = lentFor(asking, giver);
  if (rule.ms <= Math.min(clusterMs, lent?.ms ?? Infinity)) return head + own;
  const isLent = lent !== null && lent.ms < clusterMs;
  const who = isLent ? `queue ${lent.queue.name} lends for` : 'the cluster allows';
  return `${head}${who} ${formatDuration(isLent ? lent.ms : clusterMs)} (${own})`;
}

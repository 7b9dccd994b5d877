// Why a workload is pending: the one constraint that binds, with its numbers, in words. Reads the view as it stands;
// changes nothing but the view's memo. Cost: one pass over the nodes that the workload's shape could go to.
import type { WorkloadNumber } from '../../common/ids.js';
import { formatDuration, plural } from '../../common/units.js';
import type { Explanation, PendingReason } from './decisions.js';
import { type Bank, compareNames, type NodeEntry } from './nodes.js';
import { charged, findStop, type QueueNode, type Stop } from './queues.js';
import { countBefore, fits, type Group, isBefore, settleShape, type Shape, usablePortions } from './shapes.js';
import type { ClusterView } from './view.js';
import { type HeldClaim, requestOf, type WorkloadEntry } from './workloads.js';

/** How many workloads, or nodes, an explanation names before it only counts. */
const NAMED_AT_MOST = 3;

/** What an explanation is about. */
interface Subject {
  readonly view: ClusterView;
  readonly workload: WorkloadEntry;
  readonly queue: QueueNode;
  readonly shape: Shape;
  readonly requestGpus: number;
  readonly preemptible: boolean;
  readonly priority: number;
  readonly nowMs: number;
}

type Cause =
  | { readonly reason: 'RECLAIMING'; readonly claim: HeldClaim }
  | { readonly reason: 'QUEUE_LIMIT' | 'GUARANTEE_EXHAUSTED'; readonly stop: Stop }
  | { readonly reason: Exclude<PendingReason, 'RECLAIMING' | 'QUEUE_LIMIT' | 'GUARANTEE_EXHAUSTED'> };

/**
 * Why a workload is pending.
 * @param nowMs the present, milliseconds since 1970
 * @returns null when it is not pending
 */
export function explain(view: ClusterView, workload: WorkloadNumber, nowMs: number): Explanation | null {
  const subject = subjectOf(view, workload, nowMs);
  if (!subject) return null;
  const cause = findCause(subject);
  const lines = [
    { title: 'Needs', text: sayNeeds(subject) },
    { title: 'Pool', text: sayPool(subject) },
    { title: 'Quota', text: sayQuota(subject) },
    { title: 'Ahead', text: sayAhead(subject) },
    { title: 'Blockers', text: HAS_NO_BLOCKERS.has(cause.reason) ? '' : sayBlockers(subject) },
    { title: 'Claim', text: cause.reason === 'RECLAIMING' ? sayClaim(subject, cause.claim) : '' },
  ];
  return { reason: cause.reason, summary: summarise(subject, cause), lines: lines.filter(({ text }) => text !== '') };
}

/** Reasons for which it does not matter who holds what: its victims leave already, or it could not run on empty nodes. */
const HAS_NO_BLOCKERS: ReadonlySet<PendingReason> = new Set(['RECLAIMING', 'NO_SUCH_GPU']);

/** The reason alone, for listings. Cost: constant, but for the first look after nodes came or went. */
export function pendingReason(view: ClusterView, workload: WorkloadNumber): PendingReason | null {
  const subject = subjectOf(view, workload, 0);
  return subject && findCause(subject).reason;
}

function subjectOf(view: ClusterView, number: WorkloadNumber, nowMs: number): Subject | null {
  const workload = view.workloads.get(number);
  const record = workload?.record;
  const shape = workload?.group?.shape ?? workload?.shape;
  if (!workload || record?.state !== 'pending' || !workload.queue || !shape) return null;
  view.settle();
  settleShape(shape, view.nodes);
  const { preemptible, priority } = record.spec;
  return {
    view,
    workload,
    queue: workload.queue,
    shape,
    requestGpus: requestOf(record),
    preemptible,
    priority,
    nowMs,
  };
}

// --- the cause ---

/** The first that holds: what no time can mend comes first, then what the queue's rules forbid, then room. */
function findCause({ workload, queue, shape, requestGpus, preemptible }: Subject): Cause {
  if (workload.claim) return { reason: 'RECLAIMING', claim: workload.claim };
  if (!isRegistered(shape)) return { reason: 'NO_SUCH_GPU' };
  const stop = findStop(queue, requestGpus, preemptible, 'bind');
  if (stop) return { reason: stop.kind === 'limit' ? 'QUEUE_LIMIT' : 'GUARANTEE_EXHAUSTED', stop };
  if (!isAvailable(shape)) return { reason: 'NODES_UNAVAILABLE' };
  if ((workload.group?.block ?? null) === null || fits(shape, 'free')) return { reason: 'NOT_EVALUATED' };
  return { reason: freeGpus(shape) >= requestGpus && requestGpus > 0 ? 'FRAGMENTED' : 'RESOURCES' };
}

function isRegistered(shape: Shape): boolean {
  const { tasks, gpusPerTask } = shape;
  if (gpusPerTask === 0) return shape.tiers.some((tier) => tier.nodes.length > 0);
  return shape.classes.reduce((sum, each) => sum + each.registeredPortions(gpusPerTask, tasks), 0) >= tasks;
}

function isAvailable(shape: Shape): boolean {
  if (shape.gpusPerTask === 0) return shape.tiers.some((tier) => tier.nodes.some((node) => node.available));
  return usablePortions(shape, shape.tasks) >= shape.tasks;
}

// --- one sentence ---

function summarise(subject: Subject, cause: Cause): string {
  const { queue, shape, requestGpus } = subject;
  switch (cause.reason) {
    case 'RECLAIMING':
      return sayClaim(subject, cause.claim);
    case 'QUEUE_LIMIT': {
      const { at } = cause.stop;
      if (at.record === null) return `Queue ${at.name} does not exist.`;
      const never = requestGpus > at.limit ? '; it can never run there' : '';
      return `Queue ${at.name} holds ${at.held} of at most ${plural(at.limit, 'GPU')} and this asks for ${requestGpus}${never}.`;
    }
    case 'GUARANTEE_EXHAUSTED': {
      const { at } = cause.stop;
      const never = requestGpus > at.guarantee ? '; it can only run there as preemptible' : '';
      return (
        `Work that is not preemptible must stay within the guarantee: queue ${at.name} is guaranteed ` +
        `${plural(at.guarantee, 'GPU')}, holds ${at.heldNotPreemptible} for such work, and this asks for ${requestGpus}${never}.`
      );
    }
    case 'NO_SUCH_GPU':
      return sayNoSuch(subject);
    case 'NODES_UNAVAILABLE':
      return `The nodes that would fit take no work now: ${sayUnavailable(poolFacts(shape))}.`;
    case 'NOT_EVALUATED':
      return 'It has not had its turn yet.';
    case 'FRAGMENTED': {
      const facts = poolFacts(shape);
      const together =
        shape.tasks === 1 ? `not ${shape.gpusPerTask} on one node` : `not ${shape.tasks} × ${shape.gpusPerTask}`;
      return `${plural(facts.free, 'GPU')} are free, enough in number, but ${together}: the most on one node is ${facts.mostFree}.`;
    }
    case 'RESOURCES': {
      if (shape.gpusPerTask === 0) return 'Every node runs as many tasks as it may.';
      const facts = poolFacts(shape);
      return (
        `It needs ${plural(requestGpus, 'GPU')} and ${facts.free} of ${facts.total} that fit are free; ` +
        `${sayEntitlement(queue, requestGpus)}.`
      );
    }
  }
}

function sayNoSuch({ shape }: Subject): string {
  const where = shape.pool === '' ? 'the cluster' : `pool ${shape.pool}`;
  if (shape.gpusPerTask === 0) return `No node is in ${where}.`;
  const kind = shape.model === '' ? 'GPUs' : `${shape.model} GPUs`;
  if (shape.classes.every((each) => each.banks.length === 0)) return `No node in ${where} has ${kind}.`;
  const largest = Math.max(...shape.classes.flatMap((each) => each.banks.map((bank) => bank.slots.length)));
  if (largest < shape.gpusPerTask) {
    return `A task needs ${plural(shape.gpusPerTask, 'GPU')} on one node, and no node in ${where} has more than ${largest} ${kind}.`;
  }
  return `All ${plural(shape.tasks, 'task')} of ${plural(shape.gpusPerTask, 'GPU')} do not fit on the ${kind} of ${where}, even when nothing else runs.`;
}

function sayEntitlement(queue: QueueNode, requestGpus: number): string {
  const use = charged(queue);
  if (use + requestGpus > queue.fairShare) {
    return `with them queue ${queue.name} would hold ${use + requestGpus}, above its fair share of ${queue.fairShare}, so it may take none back`;
  }
  return `no work on them may be taken back for queue ${queue.name}`;
}

// --- facts ---

interface PoolFacts {
  readonly total: number;
  readonly nodes: number;
  readonly held: number;
  readonly leaving: number;
  readonly promised: number;
  readonly free: number;
  readonly unhealthy: number;
  readonly cordoned: number;
  readonly down: number;
  readonly unknown: number;
  readonly mostFree: number;
  readonly nodesThatFit: number;
}

/** Counts the GPUs a shape could go to; each GPU in one column only, in use before out of service. */
function poolFacts(shape: Shape): PoolFacts {
  const facts = {
    total: 0,
    nodes: 0,
    held: 0,
    leaving: 0,
    promised: 0,
    free: 0,
    unhealthy: 0,
    cordoned: 0,
    down: 0,
    unknown: 0,
    mostFree: 0,
    nodesThatFit: 0,
  };
  for (const bank of banksOf(shape)) {
    facts.nodes++;
    facts.total += bank.slots.length;
    facts.free += bank.free;
    facts.mostFree = Math.max(facts.mostFree, bank.free);
    if (bank.free >= shape.gpusPerTask) facts.nodesThatFit++;
    for (const slot of bank.slots) {
      if (slot.holder !== null) facts[slot.leaving ? 'leaving' : 'held']++;
      else if (slot.claimer !== null) facts.promised++;
      else if (!bank.node.available) facts[outage(bank.node)]++;
      else if (!slot.healthy) facts.unhealthy++;
    }
  }
  return facts;
}

function outage(node: NodeEntry): 'cordoned' | 'down' | 'unknown' {
  if (node.record?.cordoned) return 'cordoned';
  return node.liveness === 'down' ? 'down' : 'unknown';
}

function* banksOf(shape: Shape): Generator<Bank> {
  for (const bankClass of shape.classes) yield* bankClass.banks;
}

function freeGpus(shape: Shape): number {
  return shape.classes.reduce((sum, each) => sum + each.freeGpus, 0);
}

// --- lines ---

function sayNeeds({ shape, requestGpus, preemptible, priority }: Subject): string {
  const kind = shape.model === '' ? 'GPU' : `${shape.model} GPU`;
  const size =
    shape.gpusPerTask === 0
      ? `${plural(shape.tasks, 'task')} without GPUs`
      : shape.tasks === 1
        ? `${plural(shape.gpusPerTask, kind)} on one node`
        : `${plural(requestGpus, kind)}: ${shape.tasks} tasks of ${shape.gpusPerTask}, all at once`;
  const pool = shape.pool === '' ? '' : `, pool ${shape.pool}`;
  return `${size}${pool}; priority ${priority}, ${preemptible ? 'preemptible' : 'not preemptible'}`;
}

function sayPool({ shape }: Subject): string {
  if (shape.gpusPerTask === 0) {
    const nodes = shape.tiers.flatMap((tier) => tier.nodes);
    return `${plural(nodes.length, 'node')}, ${nodes.filter((node) => node.available).length} ready for work`;
  }
  const facts = poolFacts(shape);
  const parts = [`${facts.held} in use`, `${facts.free} free`];
  if (facts.leaving > 0) parts.push(`${facts.leaving} being given back`);
  if (facts.promised > 0) parts.push(`${facts.promised} promised`);
  const outages = sayUnavailable(facts);
  if (outages !== '') parts.push(outages);
  return (
    `${plural(facts.total, 'GPU')} on ${plural(facts.nodes, 'node')}: ${parts.join(', ')}; ` +
    `${facts.nodesThatFit} of ${facts.nodes} nodes have ${shape.gpusPerTask} free`
  );
}

function sayUnavailable(facts: PoolFacts): string {
  const parts: string[] = [];
  if (facts.cordoned > 0) parts.push(`${facts.cordoned} on cordoned nodes`);
  if (facts.down > 0) parts.push(`${facts.down} on nodes that are down`);
  if (facts.unknown > 0) parts.push(`${facts.unknown} on nodes not heard of yet`);
  if (facts.unhealthy > 0) parts.push(`${facts.unhealthy} not healthy`);
  return parts.join(', ');
}

function sayQuota({ workload, queue, requestGpus }: Subject): string {
  if (requestGpus === 0) return '';
  const levels: string[] = [];
  for (let at = queue; at.parent !== null; at = at.parent) {
    const limit = at.limit === Infinity ? 'no limit' : `limit ${at.limit}`;
    levels.push(`${at.name} holds ${at.held}, guaranteed ${at.guarantee}, fair share ${at.fairShare}, ${limit}`);
  }
  const use = charged(queue) - (workload.claim ? requestGpus : 0);
  const right =
    use + requestGpus <= queue.guarantee
      ? `within its guarantee, so ${queue.name} is entitled to it`
      : use + requestGpus <= queue.fairShare
        ? `beyond its guarantee, within its fair share`
        : `beyond its fair share, so ${queue.name} may only borrow what is free`;
  return `${levels.join('; ')}; with this ${use + requestGpus}: ${right}`;
}

function sayAhead({ view, queue, workload, priority }: Subject): string {
  if (workload.claim) return '';
  const first = [...view.claimers].filter((claimer) => claimer.queue === queue);
  let count = first.length;
  for (const group of queue.groups.values()) {
    if (group.priority < priority) continue;
    const ahead = group.priority > priority ? group.waiting : countBefore(group, workload);
    count += ahead;
    first.push(...firstOf(group, Math.min(ahead, NAMED_AT_MOST)));
  }
  if (count === 0) return '';
  first.sort((a, b) => (b.record?.spec.priority ?? 0) - (a.record?.spec.priority ?? 0) || (isBefore(a, b) ? -1 : 1));
  const named = first.slice(0, NAMED_AT_MOST).map(sayWaiting);
  return `${plural(count, 'workload')} in queue ${queue.name}: ${named.join(', ')}${count > named.length ? ', …' : ''}`;
}

function firstOf(group: Group, count: number): WorkloadEntry[] {
  const found: WorkloadEntry[] = [];
  for (let at = group.head; at < group.members.length && found.length < count; at++) {
    const member = group.members[at];
    if (member?.group === group) found.push(member);
  }
  return found;
}

function sayWaiting(workload: WorkloadEntry): string {
  const { record } = workload;
  const gpus = record ? plural(requestOf(record), 'GPU') : '';
  return `${workload.number} (priority ${record?.spec.priority ?? 0}, ${gpus})`;
}

/** Who is on the nodes that come nearest to fitting. */
function sayBlockers({ shape }: Subject): string {
  if (shape.gpusPerTask === 0) return '';
  const nearest: Bank[] = [];
  for (const bank of banksOf(shape)) {
    if (bank.slots.length < shape.gpusPerTask) continue;
    nearest.push(bank);
    nearest.sort((a, b) => b.usable - a.usable || b.free - a.free || compareNames(a.node.name, b.node.name));
    nearest.length = Math.min(nearest.length, NAMED_AT_MOST);
  }
  return nearest
    .filter((bank) => bank.free < shape.gpusPerTask)
    .map((bank) => `${bank.node.name} has ${bank.free} of ${bank.slots.length} free${sayHolders(bank)}`)
    .join('; ');
}

function sayHolders(bank: Bank): string {
  const outages = bank.node.available ? '' : `, is ${sayOutage(bank.node)}`;
  const gpus = new Map<WorkloadEntry, number>();
  for (const { holder } of bank.slots) if (holder) gpus.set(holder, (gpus.get(holder) ?? 0) + 1);
  const largest = [...gpus].sort(([a, countA], [b, countB]) => countB - countA || a.number - b.number);
  const named = largest
    .slice(0, NAMED_AT_MOST)
    .map(([holder, count]) => `${holder.number} (queue ${holder.queue?.name ?? '?'}, ${plural(count, 'GPU')})`);
  if (named.length === 0) return outages;
  return `${outages}, held by ${named.join(', ')}${largest.length > named.length ? ', …' : ''}`;
}

function sayOutage(node: NodeEntry): string {
  const words = { cordoned: 'cordoned', down: 'down', unknown: 'not heard of yet' };
  return words[outage(node)];
}

/** Who leaves for it, and until when at the latest. */
function sayClaim({ nowMs }: Subject, claim: HeldClaim): string {
  const leaving = new Map<WorkloadEntry, number>();
  let freeNow = 0;
  for (const { slots } of claim.places) {
    for (const { holder } of slots) {
      if (holder === null) freeNow++;
      else leaving.set(holder, (leaving.get(holder) ?? 0) + 1);
    }
  }
  const held = freeNow === 0 ? '' : `${plural(freeNow, 'GPU')} held for it already; `;
  if (leaving.size === 0) return `${held}it starts when its queue has room.`;
  const named = [...leaving].slice(0, NAMED_AT_MOST).map(([workload, gpus]) => {
    return `${workload.number} (queue ${workload.queue?.name ?? '?'}) gives back ${plural(gpus, 'GPU')}${sayGrace(workload, nowMs)}`;
  });
  const more = leaving.size > named.length ? `; ${leaving.size - named.length} more leave` : '';
  return `${held}${named.join('; ')}${more}.`;
}

function sayGrace(workload: WorkloadEntry, nowMs: number): string {
  const orders = workload.allocations.flatMap(({ stop }) => stop ?? []);
  if (orders.length === 0) return ', its processes are over';
  const askedMs = Math.min(...orders.map((stop) => stop.requestedMs));
  const endsMs = Math.max(...orders.map((stop) => stop.requestedMs + stop.graceMs));
  const asked = `, told to stop ${formatDuration(Math.max(0, nowMs - askedMs))} ago`;
  return endsMs <= nowMs ? `${asked}, its grace is over` : `${asked}, grace ends in ${formatDuration(endsMs - nowMs)}`;
}

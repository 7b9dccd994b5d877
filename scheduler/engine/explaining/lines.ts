// The lines of an explanation that tell of demand and supply: needs, pool, nearest node, quota, shapes, who is ahead, blockers.
import { formatDuration, plural } from '../../../common/units.js';
import { toGpus } from '../../model/requests.js';
import { at, CPU, GPU, isNothing, RESOURCES } from '../amounts.js';
import { admits, type Ask, banksOf, partsIn } from '../asks.js';
import type { PendingReason } from '../decisions.js';
import { type Bank, compareNames, freeOf, type NodeEntry } from '../nodes.js';
import type { QueueNode } from '../queues.js';
import { sayScope } from '../scopes.js';
import { countBefore, type Group, isBefore, type ShapePart } from '../shapes.js';
import type { WorkloadEntry } from '../workloads.js';
import { NAMED_AT_MOST, round, sayAmount, sayParts } from './amounts-text.js';
import type { Subject } from './cause.js';
import { freeOn, nodesOf, poolFacts, sharesLeft } from './facts.js';
import { nearestDomain, sayCpuAndMemory, sayGpus, sayLevel, sayOutage, sayUnavailable } from './places-text.js';

/** What it asks for, in all and a task. */
export function sayNeeds({ shape, request, preemptible, priority, workload }: Subject): string {
  const tasks = shape.parts.map((part) => sayPart(part, workload)).join(' and ');
  const gang = shape.tasks > 1 ? `, all at once` : '';
  const gpus = at(request, GPU) > 0 && shape.tasks > 1 ? `${sayParts(at(request, GPU))}: ` : '';
  const { pool } = shape.parts[0]?.ask.rules ?? { pool: '' };
  const where = pool === '' ? '' : `, pool ${pool}`;
  const rule = shape.topology;
  const together = rule === null ? '' : `, ${rule.required ? '' : 'if possible '}in one ${sayLevel(rule.level)}`;
  return `${gpus}${tasks}${gang}${where}${together}; priority ${priority}, ${preemptible ? 'preemptible' : 'not preemptible'}`;
}

function sayPart({ ask, count, role }: ShapePart, { record }: WorkloadEntry): string {
  const name = record?.spec.roles[role]?.name ?? '';
  const needs = [ask.unit === 'none' ? '' : sayGpus(ask), sayCpuAndMemory(ask)].filter((part) => part !== '');
  const what = needs.length === 0 || (ask.unit === 'none' && needs.length === 0) ? 'without GPUs' : needs.join(', ');
  const label = name === '' ? '' : `${name}: `;
  if (count > 1) return `${label}${count} tasks ${ask.unit === 'none' && needs.length === 0 ? what : `of ${what}`}`;
  return ask.unit === 'none'
    ? `${label}1 task ${needs.length === 0 ? what : `with ${what}`}`
    : `${label}${what} on one node`;
}

/** What becomes of the GPUs that it could go to. */
export function sayPool({ part, view }: Subject): string {
  const { ask } = part;
  if (ask.unit === 'none') {
    const nodes = ask.tiers.flatMap((tier) => tier.nodes);
    return `${plural(nodes.length, 'node')}, ${nodes.filter((node) => node.available).length} ready for work`;
  }
  const facts = poolFacts(ask, view.nodes);
  const parts = [`${facts.held} in use`, `${facts.free} free`];
  if (facts.shared > 0) parts.push(`${facts.shared} shared with room left`);
  if (facts.leaving > 0) parts.push(`${facts.leaving} being given back`);
  if (facts.promised > 0) parts.push(`${facts.promised} promised`);
  const outages = sayUnavailable(facts);
  if (outages !== '') parts.push(outages);
  return (
    `${plural(facts.total, 'GPU')} on ${plural(facts.nodes, 'node')}: ${parts.join(', ')}; ` +
    `${facts.nodesThatFit} of ${facts.nodes} nodes have ${ask.gpus} free`
  );
}

/** The node that comes nearest to running one task, and what it lacks. */
export function sayNearest(subject: Subject): string {
  const { part, nowMs } = subject;
  const { ask } = part;
  const domain = nearestDomain(subject);
  if (domain !== null) return domain;
  let best: { node: NodeEntry; misses: readonly string[]; lacking: number } | null = null;
  for (const node of nodesOf(ask)) {
    if (!node.available) continue;
    const free = ask.unit === 'none' ? 0 : freeOn(node, ask);
    const misses: string[] = [];
    if (free < ask.gpus) misses.push(sayMiss(node, ask, free));
    if (freeOf(node.cpu) < ask.cpuMilli)
      misses.push(`${sayAmount(Math.max(0, freeOf(node.cpu)), CPU)} of ${sayAmount(ask.cpuMilli, CPU)}`);
    if (freeOf(node.memory) < ask.memoryMib) misses.push(`${Math.max(0, freeOf(node.memory))} of ${ask.memoryMib} MiB`);
    if (misses.length === 0 && nowMs > 0 && !admits(node, ask, nowMs)) {
      misses.push(MAINTAINED_SOON);
    }
    const lacking = misses.length * 1_000 + (ask.gpus - free) + short(ask.cpuMilli, freeOf(node.cpu));
    if (best === null || lacking < best.lacking || (lacking === best.lacking && node.name < best.node.name)) {
      best = { node, misses, lacking };
    }
  }
  if (best === null) return '';
  const { node, misses } = best;
  if (misses.length === 0) return `${node.name} has room for one task`;
  if (misses[0] === MAINTAINED_SOON)
    return `${node.name}${MAINTAINED_SOON}${formatDuration(node.maintenanceMs - nowMs)}`;
  return `${node.name} has ${misses.join(', ')} free`;
}

/** Which part of what is asked for is not there. */
export function short(asked: number, free: number): number {
  return asked === 0 ? 0 : Math.max(0, asked - free) / asked;
}

const MAINTAINED_SOON = ' has everything, but its maintenance begins in ';

function sayMiss(node: NodeEntry, ask: Ask, free: number): string {
  if (ask.unit !== 'share' || ask.gpus > 1) return `${free} of ${ask.gpus} GPUs`;
  const [need] = ask.classes.map((bankClass) => partsIn(ask, bankClass));
  return `${round(toGpus(sharesLeft(ask, node).most))} of ${round(toGpus(need ?? 0))} of a GPU`;
}

/** What its queue holds and may hold. */
export function sayQuota({ workload, queue, request }: Subject): string {
  if (isNothing(request)) return '';
  const gpus = at(request, GPU);
  const levels: string[] = [];
  for (let each = queue; each.parent !== null; each = each.parent) {
    const why = each.isHeldToGuarantee ? ' while its budget is spent' : '';
    const limit = at(each.limit, GPU) === Infinity ? 'no limit' : `limit ${sayAmount(at(each.limit, GPU), GPU)}${why}`;
    const [held, guarantee, share] = [each.held, each.guarantee, each.fairShare].map((sum) =>
      sayAmount(at(sum, GPU), GPU),
    );
    levels.push(
      `${each.name} holds ${held}, guaranteed ${guarantee}, fair share ${share}, ${limit}${sayOtherQuota(each)}${sayPartsQuota(each)}`,
    );
  }
  if (gpus === 0) return levels.join('; ');
  const use = at(queue.charged, GPU) - (workload.claim ? gpus : 0) + gpus;
  const right =
    use <= at(queue.guarantee, GPU)
      ? `within its guarantee, so ${queue.name} is entitled to it`
      : use <= at(queue.fairShare, GPU)
        ? `beyond its guarantee, within its fair share`
        : `beyond its fair share, so ${queue.name} may only borrow what is free`;
  return `${levels.join('; ')}; with this ${sayAmount(use, GPU)}: ${right}`;
}

/** Parts of the cluster that the queue rules. */
function sayPartsQuota(queue: QueueNode): string {
  return queue.scopes
    .filter(({ guarantee, limit }) => guarantee > 0 || limit !== Infinity)
    .map(({ scope, held, guarantee, fairShare, limit }) => {
      const most = limit === Infinity ? 'no limit' : `limit ${sayAmount(limit, GPU)}`;
      const [holds, due, share] = [held, guarantee, fairShare].map((parts) => sayAmount(parts, GPU));
      return ` (${sayScope(scope)} holds ${holds}, guaranteed ${due}, fair share ${share}, ${most})`;
    })
    .join('');
}

/** How guaranteed shapes stand: those that this may count on, and those of others that stand in its way. */
export function sayShapes({ view, queue, shape }: Subject, reason: PendingReason): string {
  const { cells } = view;
  if (cells === null || !cells.concerns(shape)) return '';
  const isOwn = (other: QueueNode): boolean => {
    for (let each: QueueNode | null = queue; each !== null; each = each.parent) if (each === other) return true;
    return false;
  };
  const said: string[] = [];
  for (const each of [...view.queues.values()].sort((a, b) => compareNames(a.name, b.name))) {
    if (reason !== 'OWED_TO_OTHERS' && !isOwn(each)) continue;
    for (const { count, gpus, level, model, pool, inUse, impossible } of cells.standings(each)) {
      const kind = model === '' ? 'GPU' : `${model} GPU`;
      const where = `in one ${sayLevel(level)}${pool === '' ? '' : ` of pool ${pool}`}`;
      const lacks = impossible === 0 ? '' : `, ${impossible} cannot be had with the hardware there is`;
      said.push(`${each.name} is guaranteed ${count} × ${plural(gpus, kind)} ${where}: ${inUse} in use${lacks}`);
    }
  }
  return said.join('; ');
}

/** CPU and memory, where the queue rules them. */
function sayOtherQuota(queue: QueueNode): string {
  let said = '';
  for (let resource = GPU + 1; resource < RESOURCES; resource++) {
    const [limit, guarantee] = [at(queue.limit, resource), at(queue.guarantee, resource)];
    if (limit === Infinity && guarantee === Infinity) continue;
    said += `, holds ${sayAmount(at(queue.held, resource), resource)}`;
    if (guarantee !== Infinity) said += ` (guaranteed ${sayAmount(guarantee, resource)})`;
    if (limit !== Infinity) said += ` (limit ${sayAmount(limit, resource)})`;
  }
  return said;
}

/** Who is served before it in its queue; empty = nobody. */
export function sayAhead({ view, queue, workload, priority }: Subject): string {
  if (workload.claim || workload.group === null) return '';
  const first = [...view.claimers].filter((claimer) => claimer.queue === queue && claimer.record?.state === 'pending');
  let count = first.length;
  for (const group of queue.groups.values()) {
    if (group.priority < priority || group.surplus !== null) continue;
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
  for (let index = group.head; index < group.members.length && found.length < count; index++) {
    const member = group.members[index];
    if (member?.group === group) found.push(member);
  }
  return found;
}

function sayWaiting({ number, record, core }: WorkloadEntry): string {
  return `${number} (priority ${record?.spec.priority ?? 0}, ${core ? sayParts(at(core.charge, GPU)) : ''})`;
}

/** Whether "no" was the answer of a search that was given up. */
export function saySearch({ workload: { group } }: Subject): string {
  const units = group === null ? 0 : Math.max(...Object.values(group.cutShort));
  return units === 0
    ? ''
    : `not found within budget: looking for GPUs to take back was given up after ${units} units of work; it is tried again when something changes`;
}

/** Who is on the nodes that come nearest to fitting. */
export function sayBlockers({ part }: Subject): string {
  const { ask } = part;
  if (ask.unit === 'none') return '';
  const nearest: Bank[] = [];
  for (const bank of banksOf(ask)) {
    if (bank.slots.length < ask.gpus) continue;
    nearest.push(bank);
    nearest.sort((a, b) => b.usable - a.usable || b.free - a.free || compareNames(a.node.name, b.node.name));
    nearest.length = Math.min(nearest.length, NAMED_AT_MOST);
  }
  return nearest
    .filter((bank) => bank.free < ask.gpus)
    .map((bank) => `${bank.node.name} has ${bank.free} of ${bank.slots.length} free${sayHolders(bank)}`)
    .join('; ');
}

function sayHolders(bank: Bank): string {
  const outages = bank.node.available ? '' : `, is ${sayOutage(bank.node)}`;
  const held = new Map<WorkloadEntry, number>();
  for (const { holds } of bank.slots) {
    for (const { workload, parts } of holds) held.set(workload, (held.get(workload) ?? 0) + parts);
  }
  const largest = [...held].sort(([a, partsA], [b, partsB]) => partsB - partsA || a.number - b.number);
  const named = largest
    .slice(0, NAMED_AT_MOST)
    .map(([holder, parts]) => `${holder.number} (queue ${holder.queue?.name ?? '?'}, ${sayParts(parts)})`);
  if (named.length === 0) return outages;
  return `${outages}, held by ${named.join(', ')}${largest.length > named.length ? ', …' : ''}`;
}

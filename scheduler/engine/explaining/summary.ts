// One sentence with the numbers of the constraint that binds.
import { formatDuration, plural } from '../../../common/units.js';
import { usedText } from '../../model/budgets.js';
import { dayText } from '../../model/days.js';
import type { Gate, PlacementRules } from '../../model/records.js';
import { toGpus } from '../../model/requests.js';
import { at, CPU, GPU, MEMORY } from '../amounts.js';
import type { Ask } from '../asks.js';
import { isEntitled } from '../entitlements.js';
import { compareNames } from '../nodes.js';
import { isWithin, type QueueNode, type Stop } from '../queues.js';
import { sayScope, type Scope } from '../scopes.js';
import type { ShapePart } from '../shapes.js';
import { whyNobodyGives } from '../why-nobody-gives.js';
import { round, sayAmount, sayParts, sayUnit } from './amounts-text.js';
import {
  type Cause,
  isPartRegistered,
  isRegistered,
  lackingBeside,
  type Subject,
  tasksBeside,
  tooFewTogether,
  tooLargeBeside,
} from './cause.js';
import { freeOn, nodesOf, poolFacts, sharesLeft } from './facts.js';
import { kindOf, sayCpuAndMemory, sayGpus, sayIll, sayLevel, sayNoRest, sayOutages } from './places-text.js';
import { sayClaim, sayKeptOut } from './promises.js';

/** The constraint that binds, in one sentence. */
export function summarise(subject: Subject, cause: Cause): string {
  const { part, request } = subject;
  const { nodes } = subject.view;
  switch (cause.reason) {
    case 'HELD':
    case 'DEPENDENCY':
    case 'ARRAY_CAP':
      return asSentence(cause.gate.message);
    case 'BACKOFF':
      return asSentence(`${cause.gate.message}${sayRestOf(cause.gate, subject.nowMs)}`);
    case 'RECLAIMING':
      return sayClaim(subject, cause.claim);
    case 'QUEUE_LIMIT':
    case 'GUARANTEE_EXHAUSTED':
    case 'USER_LIMIT':
      return sayStop(subject, cause.stop);
    case 'NO_SUCH_GPU':
      return sayNoSuch(subject);
    case 'NODES_UNAVAILABLE':
      return `The nodes that would fit take no work now: ${sayOutages(part.ask, nodes)}.`;
    case 'MAINTENANCE':
      return `A maintenance of every node that would fit begins before it could end${sayLastMaintenance(subject)}.`;
    case 'OWED_TO_OTHERS': {
      const { free } = poolFacts(part.ask, nodes);
      const are = free === 1 ? 'is' : 'are';
      return `${plural(free, 'GPU')} ${are} free, but others are guaranteed them in shapes, and work that is not preemptible cannot borrow them.`;
    }
    case 'RESERVED':
      return sayKeptOut(subject, cause.reservation);
    case 'NOT_EVALUATED':
      return 'It has not had its turn yet.';
    case 'FRAGMENTED': {
      const facts = poolFacts(part.ask, nodes);
      const { gpus } = part.ask;
      if (part.ask.unit === 'share' && gpus === 1) return sayNoRest(part.ask);
      const together = part.count === 1 ? `not ${gpus} on one node` : `not ${part.count} × ${gpus}`;
      return `${plural(facts.free, 'GPU')} are free, enough in number, but ${together}: the most on one node is ${facts.mostFree}.`;
    }
    case 'TOPOLOGY': {
      const level = subject.shape.topology?.level ?? part.topology?.level ?? 'node';
      return `Enough GPUs are free, but its tasks must be in one ${sayLevel(level)} and no ${sayLevel(level)} has room for them together.`;
    }
    case 'CPU_OR_MEMORY':
      return sayLacking(subject);
    case 'RESOURCES': {
      const gpus = at(request, GPU);
      if (gpus === 0) return sayNoRoomWithoutGpus(part.ask);
      const facts = poolFacts(part.ask, nodes);
      const free = part.ask.unit === 'share' ? round(toGpus(sharesLeft(part.ask).all)) : facts.free;
      const ill = sayIll(facts);
      const but = ill === '' ? '' : ` (${ill})`;
      return `It needs ${sayParts(gpus)} and ${free} of ${facts.total} that fit are free${but}; ${sayEntitlement(subject)}.`;
    }
  }
}

function sayLacking(subject: Subject): string {
  const { shape, view, part } = subject;
  const tooLarge = tooLargeBeside(subject.shape, subject.view);
  if (tooLarge !== null) return sayTooLarge(tooLarge);
  const { ask, count } = lackingBeside(shape, view) ?? part;
  if (ask.unit === 'none') return sayNoRoomWithoutGpus(ask);
  const tasks = tasksBeside(ask, view);
  const needs = sayCpuAndMemory(ask);
  return tasks === 0
    ? `GPUs are free, but no node that has them also has ${needs} free.`
    : `GPUs are free, but with ${needs} for each only ${tasks} of ${plural(count, 'task')} fit beside each other.`;
}

/** Completes the message of a pause: how long it still is. */
function sayRestOf({ untilMs }: Gate, nowMs: number): string {
  return untilMs === null || nowMs === 0 || untilMs <= nowMs
    ? ''
    : `, which ends in ${formatDuration(untilMs - nowMs)}`;
}

/** Of the nodes that have room for a task, the one that goes away last: what ends before that may start there. */
function sayLastMaintenance({ part, nowMs }: Subject): string {
  const fitting = nodesOf(part.ask).filter((node) => node.available && freeOn(node, part.ask) >= part.ask.gpus);
  const [last] = fitting.toSorted((a, b) => b.maintenanceMs - a.maintenanceMs || compareNames(a.name, b.name));
  if (last === undefined || last.maintenanceMs === Infinity) return '';
  const span = formatDuration(last.maintenanceMs - nowMs);
  return `; the last begins in ${span}, of ${last.name}: with a time limit that ends before that it may start there`;
}

function asSentence(message: string): string {
  return message.endsWith('.') ? message : `${message}.`;
}

function sayNoRoomWithoutGpus(ask: Ask): string {
  const needs = sayCpuAndMemory(ask);
  return needs === '' ? 'Every node runs as many tasks as it may.' : `No node has ${needs} free.`;
}

function sayStop(subject: Subject, stop: Stop): string {
  const { kind, at: queue, resource, scope } = stop;
  const { workload } = subject;
  if (queue.record === null) return `Queue ${queue.name} does not exist.`;
  if (scope !== null) return sayStopOfPart(subject, stop, scope);
  const asked = at(workload.core?.charge ?? queue.held, resource);
  if (kind === 'user') {
    const owner = workload.record?.owner ?? '';
    const holds = queue.heldByUser.get(owner) ?? 0;
    const never = asked > queue.userLimit ? '; it can never run there' : '';
    return `${owner} holds ${sayParts(holds)} of at most ${sayParts(queue.userLimit)} a user in queue ${queue.name} and this asks for ${sayAmount(asked, GPU)}${never}.`;
  }
  const say = (amount: number): string => sayAmount(amount, resource);
  const unit = sayUnit(resource);
  if (kind === 'limit') {
    const limit = at(queue.limit, resource);
    if (resource === GPU && queue.isHeldToGuarantee) return sayBudget(queue, asked);
    const never = asked > limit ? '; it can never run there' : '';
    return `Queue ${queue.name} holds ${say(at(queue.held, resource))} of at most ${unit(limit)} and this asks for ${say(asked)}${never}.`;
  }
  const guarantee = resource === GPU ? queue.promised : at(queue.guarantee, resource);
  const never = asked > guarantee ? '; it can only run there as preemptible' : '';
  return (
    `Work that is not preemptible must stay within the guarantee: queue ${queue.name} is guaranteed ` +
    `${unit(guarantee)}, holds ${say(at(queue.heldFixed, resource))} for such work, and this asks for ${say(asked)}${never}.`
  );
}

/** What a spent budget has to do with it. */
function sayBudget(queue: QueueNode, asked: number): string {
  const { budget, budgetStanding: standing } = queue.record ?? {};
  const spent =
    budget === undefined || budget === null || standing === undefined
      ? ''
      : `: ${usedText(budget, standing.used)}, until ${dayText(standing.untilMs)}`;
  return (
    `The budget of queue ${queue.name} is spent${spent}; borrowing stops: it holds ${sayAmount(at(queue.held, GPU), GPU)} ` +
    `of the ${sayParts(queue.promised)} it is guaranteed, and this asks for ${sayAmount(asked, GPU)}.`
  );
}

/** The same where a part of the cluster is what decides. */
function sayStopOfPart(
  { view, workload, shape, queue: own }: Subject,
  { kind, at: queue }: Stop,
  scope: Scope,
): string {
  const account = queue.scopes[scope.index];
  const where = sayScope(scope);
  const asked = sayAmount(view.scopes.partsOf(shape, scope), GPU);
  if (kind === 'limit') {
    const limit = account?.limit ?? 0;
    const never = view.scopes.boundPartsOf(shape, scope) > limit ? '; it can never run there' : '';
    return (
      `Queue ${queue.name} holds ${sayAmount(account?.held ?? 0, GPU)} of at most ${sayParts(limit)} ${where} ` +
      `and this asks for ${asked}${never}.`
    );
  }
  const left = Math.max(0, view.roomOf(workload.account, 'bind')?.unpromised(scope, own) ?? 0);
  return (
    `Work that is not preemptible must leave others what they are guaranteed: of the ` +
    `${sayParts(view.scopes.capacityOf(scope))} ${where} queue ${own.name} may take ${sayAmount(left, GPU)} more for such ` +
    `work, and this asks for ${asked}.`
  );
}

function sayNoSuch(subject: Subject): string {
  const { shape, part } = subject;
  const together = isRegistered(shape) ? tooFewTogether(subject) : null;
  if (together !== null) {
    const level = sayLevel(together.level);
    return `No ${level} has room for all ${plural(part.count, 'task')} of ${sayGpus(part.ask)}, even when nothing else runs.`;
  }
  const { ask, count } = shape.parts.find((each) => !isPartRegistered(each)) ?? part;
  const { rules, request } = ask;
  const where = rules.pool === '' ? 'the cluster' : `pool ${rules.pool}`;
  if (ask.isPicky && nodesOf(ask).length === 0) {
    return `No node in ${where} meets ${sayRules(rules)}.`;
  }
  if (ask.unit === 'none') return `No node is in ${where}.`;
  const kind = kindOf(request, rules);
  if (ask.classes.every((each) => each.banks.length === 0)) {
    const leastMib = Math.max(rules.minGpuMemoryMib, request.gpuMemoryMib);
    return `No node in ${where} has ${kind}s${leastMib > 0 ? ` with ${leastMib} MiB of memory or more` : ''}.`;
  }
  const largest = Math.max(...ask.classes.flatMap((each) => each.banks.map((bank) => bank.slots.length)));
  if (largest < ask.gpus) {
    return `A task needs ${plural(ask.gpus, 'GPU')} on one node, and no node in ${where} has more than ${largest} ${kind}s.`;
  }
  const what = ask.unit === 'whole' && request.migProfile === '' ? plural(ask.gpus, 'GPU') : sayGpus(ask);
  return `All ${plural(count, 'task')} of ${what} do not fit on the ${kind}s of ${where}, even when nothing else runs.`;
}

function sayRules({ nodes, labels, minDriver }: PlacementRules): string {
  const parts = Object.entries(labels).map(([name, value]) => `label ${name}=${value}`);
  if (nodes.length > 0) parts.push(`the name ${nodes.join(' or ')}`);
  if (minDriver !== '') parts.push(`driver ${minDriver} or newer`);
  return parts.join(', ');
}

function sayEntitlement(subject: Subject): string {
  const { view, queue, shape, request, preemptible, workload } = subject;
  const use = toGpus(at(queue.charged, GPU) + at(request, GPU));
  if (!isEntitled(view.scopes, { queue, shape }, 'fairShare')) {
    const part = isWithin(queue, request, queue.fairShare) ? sayNotDueOfPart(subject) : '';
    if (part !== '') return part;
    return `with them queue ${queue.name} would hold ${use}, above its fair share of ${sayAmount(at(queue.fairShare, GPU), GPU)}, so it may take none back`;
  }
  const stop = preemptible ? null : view.findStop(workload.account, shape, 'promise');
  return stop
    ? `queue ${stop.at.name} has no guarantee left for work that is not preemptible`
    : whyNobodyGives(subject);
}

/** The part of the cluster of which it would have more than its fair share. */
function sayNotDueOfPart({ view, queue, shape }: Subject): string {
  for (const { scope, parts } of view.scopes.wantsOfShape(shape)) {
    const account = queue.scopes[scope.index];
    if (account === undefined || account.charged + parts <= account.fairShare) continue;
    const [use, share] = [sayAmount(account.charged + parts, GPU), sayAmount(account.fairShare, GPU)];
    return (
      `with them queue ${queue.name} would hold ${use} ${sayScope(scope)}, above its fair share of ${share} there, so it ` +
      'may take none back'
    );
  }
  return '';
}

function sayTooLarge({ ask }: ShapePart): string {
  const nodes = nodesOf(ask);
  const most = [
    { asked: ask.cpuMilli, has: Math.max(...nodes.map(({ cpu }) => cpu.capacity)), resource: CPU },
    { asked: ask.memoryMib, has: Math.max(...nodes.map(({ memory }) => memory.capacity)), resource: MEMORY },
  ];
  const short = most.find(({ asked, has }) => asked > has);
  const them = ask.unit === 'none' ? 'no node' : 'no node that has them';
  const beside = ask.unit === 'none' ? 'on one node' : 'beside its GPUs on one node';
  if (!short) return `No node has ${sayCpuAndMemory(ask)} together.`;
  const unit = short.resource === MEMORY ? ' of memory' : '';
  return `A task needs ${sayCpuAndMemory(ask)} ${beside}, and ${them} has more than ${sayAmount(short.has, short.resource)}${unit}.`;
}

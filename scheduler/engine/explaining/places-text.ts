// GPUs, CPU, memory and what keeps nodes from being used, in words.
import { plural } from '../../../common/units.js';
import type { PlacementRules, TaskRequest } from '../../model/records.js';
import { toGpus } from '../../model/requests.js';
import { CPU } from '../amounts.js';
import type { Ask } from '../asks.js';
import type { NodeEntry, NodeTable } from '../nodes.js';
import { round, sayAmount, sayParts } from './amounts-text.js';
import { domainRule, mostInDomain, type Subject } from './cause.js';
import { FoundOut, nodesOf, outage, type PoolFacts, poolFacts, sharesLeft } from './facts.js';

/** Why shares find no room although their sum is free. */
export function sayNoRest(ask: Ask): string {
  const { all, most } = sharesLeft(ask);
  return `${sayParts(all)} are free, enough in number, but not ${sayGpus(ask)}: the most of one GPU is ${round(toGpus(most))}.`;
}

/** "2 H100 GPUs", "0.5 of a GPU", "2 × 3g.20gb". */
export function sayGpus({ gpus, request, rules, unit }: Ask): string {
  if (request.migProfile !== '') return `${gpus} × MIG ${request.migProfile}`;
  const kind = kindOf(request, rules);
  if (unit !== 'share') return plural(gpus, kind);
  const share = request.gpuMemoryMib > 0 ? `${request.gpuMemoryMib} MiB` : `${request.gpuMilli / 1_000}`;
  return gpus === 1 ? `${share} of one ${kind}` : `${share} of each of ${plural(gpus, kind)}`;
}

/** "4 cores and 8192 MiB of memory"; empty = neither is asked for. */
export function sayCpuAndMemory({ cpuMilli, memoryMib }: Ask): string {
  const parts: string[] = [];
  if (cpuMilli > 0) parts.push(sayAmount(cpuMilli, CPU));
  if (memoryMib > 0) parts.push(`${memoryMib} MiB of memory`);
  return parts.join(' and ');
}

/** A level of topology as people call it. */
export function sayLevel(level: string): string {
  return level === 'nvlink' ? 'NVLink group' : level;
}

/** What of the GPUs is out of service, and why; empty = nothing. */
export function sayUnavailable(facts: PoolFacts): string {
  const parts: string[] = [];
  if (facts.cordoned > 0) parts.push(`${facts.cordoned} on cordoned nodes`);
  if (facts.maintained > 0) parts.push(`${facts.maintained} on nodes in maintenance`);
  if (facts.down > 0) parts.push(`${facts.down} on nodes that are down`);
  if (facts.unknown > 0) parts.push(`${facts.unknown} on nodes not heard of yet`);
  if (facts.unfit > 0) parts.push(`${facts.unfit} on nodes whose health check fails`);
  const ill = sayIll(facts);
  return (ill === '' ? parts : [...parts, ill]).join(', ');
}

/** What keeps work off, in GPUs that nobody holds; where there are none of those, in nodes: "2 cordoned, 1 down". */
export function sayOutages(ask: Ask, nodes: NodeTable): string {
  const ofGpus = sayUnavailable(poolFacts(ask, nodes));
  return ofGpus === '' ? OUT_OF_SERVICE.of(ask, nodes) : ofGpus;
}

const OUT_OF_SERVICE = new FoundOut(sayNodesOut);

function sayNodesOut(ask: Ask): string {
  const counts = new Map<string, number>();
  for (const node of nodesOf(ask)) {
    if (node.available) continue;
    const word = sayOutage(node);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${plural(count, 'node')} ${word}`).join(', ');
}

/** GPUs that nobody may have: "3 quarantined, 1 lost". */
export function sayIll({ suspect, quarantined, lost }: PoolFacts): string {
  const counts = { quarantined, suspect, lost };
  return Object.entries(counts)
    .flatMap(([word, count]) => (count > 0 ? [`${count} ${word}`] : []))
    .join(', ');
}

/** The same of one node, in a word or two. */
export function sayOutage(node: NodeEntry): string {
  const words = {
    cordoned: 'cordoned',
    unfit: 'unfit by its health check',
    maintained: 'in maintenance',
    down: 'down',
    unknown: 'not heard of yet',
  };
  return words[outage(node)];
}

/** What is asked for, as a word of one: "H100 GPU", "MIG 3g.20gb instance". */
export function kindOf(request: TaskRequest, { models }: PlacementRules): string {
  if (request.migProfile !== '') return `MIG ${request.migProfile} instance`;
  return models.length === 0 ? 'GPU' : `${models.join(' or ')} GPU`;
}

/** The rack (or block) with room for the most tasks. */
export function nearestDomain(subject: Subject): string | null {
  const level = domainRule(subject);
  if (level === null) return null;
  const { ask, count } = subject.part;
  const { name, tasks } = mostInDomain(subject, level, (bank) => Math.floor(bank.free / ask.gpus));
  return name === '' || tasks >= count ? null : `${level} ${name} has room for ${tasks} of ${plural(count, 'task')}`;
}

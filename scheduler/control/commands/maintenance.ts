// The calendar of nodes: times announced beforehand in which they are not to be used, and what happens when one begins.
import { status } from '@grpc/grpc-js';
import { DRAIN_PREFIX } from '../../../common/drain.js';
import { ApiError } from '../../../common/errors.js';
import type { AllocationId, NodeId, WorkloadNumber } from '../../../common/ids.js';
import { formatDuration } from '../../../common/units.js';
import { windowAt } from '../../engine/maintenance.js';
import type { Draft } from '../../model/draft.js';
import { isLive } from '../../model/elastic.js';
import { requestStopOf } from '../../model/lifecycle.js';
import type { ClusterNode, Maintenance } from '../../model/records.js';
import type { Command } from '../command.js';
import { findNode } from './find-node.js';

/** Announcements that one node keeps. */
export const MAX_MAINTENANCES_PER_NODE = 64;

/** The same window for some nodes, as it was announced together. */
export interface Announcement {
  readonly maintenance: Maintenance;
  /** Names, sorted. */
  readonly nodes: readonly string[];
}

/** What is announced. `startMs` null = now. */
export interface Announced {
  readonly nodes: readonly string[];
  readonly startMs: number | null;
  readonly durationMs: number;
  readonly everyMs: number | null;
  readonly reason: string;
}

/** Announces a maintenance. What all nodes have announced alike already is answered, not announced again. */
export function createMaintenance(announced: Announced): Command<Announcement> {
  return {
    name: 'create_maintenance',
    whenSpace: 'ample',
    run: (draft, { nowMs, newUlid }) => {
      const nodes = announced.nodes.map((name) => findNode(draft, name, 'nothing was changed'));
      const startMs = announced.startMs ?? nowMs;
      const window = {
        startMs,
        endMs: startMs + announced.durationMs,
        everyMs: announced.everyMs,
        reason: announced.reason,
      };
      if (window.everyMs === null && window.endMs <= nowMs) throw isPast(nowMs - window.endMs);
      const known = nodes[0]?.maintenance.find((one) => sameWindow(one, window));
      if (known !== undefined && nodes.every(({ maintenance }) => maintenance.some(({ id }) => id === known.id))) {
        return announcementOf(draft, known);
      }
      const maintenance: Maintenance = { id: newUlid(nowMs), ...window };
      for (const { id } of nodes) {
        const node = draft.node(id);
        if (node.maintenance.includes(maintenance)) continue;
        if (node.maintenance.length >= MAX_MAINTENANCES_PER_NODE) throw tooMany(node);
        draft.putNode({ ...node, maintenance: [...node.maintenance, maintenance] });
      }
      return announcementOf(draft, maintenance);
    },
  };
}

/**
 * Takes an announcement back. Answers with the nodes that are free of it now.
 * @param names of nodes; empty = all that it was announced for
 */
export function cancelMaintenance(id: string, names: readonly string[]): Command<Announcement> {
  return {
    name: 'cancel_maintenance',
    whenSpace: 'critical',
    run: (draft) => {
      const all = [...draft.base.nodes.values()].filter((node) => node.maintenance.some((one) => one.id === id));
      const maintenance = all[0]?.maintenance.find((one) => one.id === id);
      if (maintenance === undefined) throw notAnnounced(id);
      const chosen = names.map((name) => findNode(draft, name, 'nothing was changed').id);
      const nodes = all.filter((node) => chosen.length === 0 || chosen.includes(node.id));
      for (const node of nodes) {
        draft.putNode({ ...node, maintenance: node.maintenance.filter((one) => one.id !== id) });
      }
      return { maintenance, nodes: nodes.map(({ name }) => name).toSorted() };
    },
  };
}

/** All announcements of these nodes, in the order in which they were made. */
export function announcements(nodes: Iterable<ClusterNode>): readonly Announcement[] {
  const found = new Map<string, { maintenance: Maintenance; nodes: string[] }>();
  for (const { name, maintenance } of nodes) {
    for (const one of maintenance) {
      const announcement = found.get(one.id);
      if (announcement === undefined) found.set(one.id, { maintenance: one, nodes: [name] });
      else announcement.nodes.push(name);
    }
  }
  return [...found.values()]
    .map((one) => ({ ...one, nodes: one.nodes.toSorted() }))
    .toSorted((a, b) => (a.maintenance.id < b.maintenance.id ? -1 : 1));
}

/**
 * What is due on a node by now: in a window what runs there is stopped and requeued, and a window that is over and does
 * not come again is let go. Repeating it changes nothing.
 */
export function followCalendar(draft: Draft, id: NodeId, nowMs: number): void {
  const node = draft.get('nodes', id);
  if (node === undefined) return;
  const left = node.maintenance.filter((one) => one.everyMs !== null || one.endMs > nowMs);
  if (left.length < node.maintenance.length) draft.putNode({ ...node, maintenance: left });
  const open = windowAt(left, nowMs);
  if (open === null) return;
  const running = new Map<WorkloadNumber, AllocationId[]>();
  for (const { id: held, workload } of draft.base.heldOn(id)) {
    if (!isLive(draft.allocation(held))) continue;
    const own = running.get(workload);
    if (own === undefined) running.set(workload, [held]);
    else own.push(held);
  }
  const isDrain = open.reason.startsWith(DRAIN_PREFIX);
  const reason = isDrain ? 'drain' : 'maintenance';
  const message = `maintenance of ${node.name} begins${open.reason === '' ? '' : `: ${open.reason}`}`;
  for (const [workload, ids] of running) {
    requestStopOf(draft, workload, ids, { reason, requestedMs: nowMs, forWorkload: null, message });
  }
}

function announcementOf(draft: Draft, maintenance: Maintenance): Announcement {
  const nodes = [...draft.base.nodes.keys()]
    .map((id) => draft.node(id as NodeId))
    .filter((node) => node.maintenance.some(({ id }) => id === maintenance.id))
    .map(({ name }) => name);
  return { maintenance, nodes: nodes.toSorted() };
}

function sameWindow(a: Maintenance, b: Omit<Maintenance, 'id'>): boolean {
  return a.startMs === b.startMs && a.endMs === b.endMs && a.everyMs === b.everyMs && a.reason === b.reason;
}

function isPast(agoMs: number): ApiError {
  return new ApiError({
    code: status.INVALID_ARGUMENT,
    reason: 'MAINTENANCE_IS_PAST',
    message:
      `that maintenance would have ended ${formatDuration(agoMs)} ago; nothing was announced\n` +
      'Give a start and a duration that end in the future.',
  });
}

function tooMany({ name }: ClusterNode): ApiError {
  return new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'TOO_MANY_MAINTENANCES',
    message:
      `node "${name}" has ${MAX_MAINTENANCES_PER_NODE} announced maintenances, the most there may be; nothing was announced\n` +
      `Cancel some of them first: sluice maintenance list ${name}`,
    metadata: { node: name },
  });
}

function notAnnounced(id: string): ApiError {
  return new ApiError({
    code: status.NOT_FOUND,
    reason: 'MAINTENANCE_NOT_FOUND',
    message: `no maintenance with the id "${id}" is announced; it may be over\nSee "sluice maintenance list".`,
    metadata: { maintenance: id },
  });
}

// Requests that steer work and nodes after their submission, checked: reasons, priorities, the calendar of maintenance.
import { fromDuration, fromTimestamp } from '../../common/units.js';
import type { CreateMaintenanceRequest__Output } from '../../proto/gen/sluice/v1/CreateMaintenanceRequest.js';
import type { Announced } from '../control/commands/maintenance.js';
import { Complaints } from './complaints.js';
import { LIMITS } from './limits.js';

/** Checks a reason for people. */
export function parseReason(reason: string): string {
  const complaints = new Complaints();
  checkReason(reason, complaints);
  complaints.throwIfAny();
  return reason;
}

/** Checks a new priority. */
export function parsePriority(priority: number): number {
  const complaints = new Complaints();
  complaints.range('priority', priority, -LIMITS.priority, LIMITS.priority);
  complaints.throwIfAny();
  return priority;
}

/** Checks names of nodes, of which there may be none. */
export function parseNodes(nodes: readonly string[]): readonly string[] {
  const complaints = new Complaints();
  complaints.count('nodes', nodes.length, LIMITS.nodes);
  complaints.throwIfAny();
  return nodes;
}

/** Parses an announcement of maintenance. */
export function parseMaintenance(request: CreateMaintenanceRequest__Output): Announced {
  const complaints = new Complaints();
  if (request.nodes.length === 0) complaints.add('nodes', 'at least one is needed');
  complaints.count('nodes', request.nodes.length, LIMITS.nodes);
  const startMs = fromTimestamp(request.startTime);
  if (startMs !== null) complaints.range('start_time', startMs, 0, LIMITS.timeMs);
  const durationMs = fromDuration(request.duration) ?? 0;
  complaints.span('duration', durationMs, LIMITS.leastMaintenanceMs, LIMITS.maintenanceMs);
  const everyMs = fromDuration(request.every);
  if (everyMs !== null) {
    complaints.span('every', everyMs, Math.max(durationMs, LIMITS.leastMaintenanceMs), LIMITS.maintenanceEveryMs);
  }
  checkReason(request.reason, complaints);
  complaints.throwIfAny();
  return { nodes: [...new Set(request.nodes)], startMs, durationMs, everyMs, reason: request.reason };
}

function checkReason(reason: string, complaints: Complaints): void {
  complaints.text('reason', reason);
  if (reason.length > LIMITS.reasonLength) {
    complaints.add('reason', `has ${reason.length} characters; at most ${LIMITS.reasonLength}`);
  }
}

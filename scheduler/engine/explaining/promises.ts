// What a pending workload was promised, or is kept out of, in words: its reservation, those of others, and who leaves for it.
import { formatDuration } from '../../../common/units.js';
import { at, GPU } from '../amounts.js';
import { leavingFor } from '../estimate.js';
import type { Reservation } from '../reservations.js';
import type { HeldClaim, WorkloadEntry } from '../workloads.js';
import { NAMED_AT_MOST, sayParts } from './amounts-text.js';
import type { Subject } from './cause.js';

/** What is reserved for it, and when it starts there. */
export function sayReserved({ view, workload, nowMs }: Subject): string {
  const reservation = workload.claim ? null : view.reservations.of(workload);
  if (reservation === null) return '';
  const sinceMs = Math.max(0, nowMs - reservation.madeMs);
  return `${sayPlaces(reservation)} for ${formatDuration(sinceMs)} by now; ${sayOutlook(reservation, nowMs)}`;
}

/** Why free GPUs are not for it. */
export function sayKeptOut({ nowMs }: Subject, reservation: Reservation): string {
  const { workload, promisedMs } = reservation;
  const lets =
    promisedMs === Infinity || promisedMs <= nowMs
      ? ''
      : `; work with a time limit that ends within ${formatDuration(promisedMs - nowMs)} may use them`;
  return (
    `Free GPUs are reserved for workload ${workload.number}, which has waited longer: ${sayPlaces(reservation)}; ` +
    `${sayOutlook(reservation, nowMs)}${lets}.`
  );
}

/** "4 GPUs of n1 and 4 GPUs of n2". */
function sayPlaces({ places }: Reservation): string {
  const parts = new Map<string, number>();
  for (const { node, charge } of places) parts.set(node.name, (parts.get(node.name) ?? 0) + at(charge, GPU));
  const named = [...parts].slice(0, NAMED_AT_MOST).map(([name, sum]) => `${sayParts(sum)} of ${name}`);
  return `${named.join(', ')}${parts.size > named.length ? `, … on ${parts.size} nodes` : ''}`;
}

function sayOutlook({ outlook, workload }: Reservation, nowMs: number): string {
  const { startMs, freeSlots, endlessSlots } = outlook;
  const free = `${freeSlots} of them free now`;
  if (startMs === Infinity) {
    return `${free}, ${endlessSlots} in use without a time limit, so when ${workload.number} starts is not known`;
  }
  return startMs <= nowMs
    ? `${free}, ${workload.number} starts as soon as the others are`
    : `${free}, ${workload.number} starts in ${formatDuration(startMs - nowMs)} at the latest`;
}

/** Who leaves for it, and until when at the latest. */
export function sayClaim({ nowMs, view, workload }: Subject, claim: HeldClaim): string {
  const leaving = new Map<WorkloadEntry, number>();
  let freeNow = 0;
  for (const { slots, parts } of claim.places) {
    for (const { holds } of slots) {
      const others = holds.filter((hold) => hold.workload !== workload);
      if (others.length === 0) freeNow += parts;
      for (const hold of others) {
        if (hold.leaving) leaving.set(hold.workload, (leaving.get(hold.workload) ?? 0) + hold.parts);
      }
    }
  }
  // What lacks may be CPU or memory: then those who leave are not on the GPUs that it gets.
  for (const { workload: holder, charge } of leaving.size > 0 ? [] : leavingFor(view, workload)) {
    leaving.set(holder, (leaving.get(holder) ?? 0) + at(charge, GPU));
  }
  const held = freeNow === 0 ? '' : `${sayParts(freeNow)} held for it already; `;
  if (leaving.size === 0) return `${held}it starts when its queue has room.`;
  const inOrder = [...leaving].sort(([a], [b]) => a.number - b.number);
  const named = inOrder.slice(0, NAMED_AT_MOST).map(([holder, parts]) => {
    return `${holder.number} (queue ${holder.queue?.name ?? '?'}) gives back ${parts > 0 ? sayParts(parts) : 'CPU and memory'}${sayGrace(holder, nowMs)}`;
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

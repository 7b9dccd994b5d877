// By when a pending workload would start, as far as anybody can tell: from the graces of those who leave for it, the place
// it has reserved, or the time limits of running work. Asked for one workload by a person, never in a step. The view is as
// before: what is tried out is taken back. Cost: a look at every GPU of the classes asked for, and some placing.
import { formatDuration, plural } from '../../common/units.js';
import type { PendingReason } from './decisions.js';
import { type EarliestPlace, findEarliestPlace } from './earliest-place.js';
import { Endings, endOfHoldMs } from './endings.js';
import type { Outlook } from './outlook.js';
import { Withheld } from './reservations.js';
import type { Shape } from './shapes.js';
import { Trial } from './trial.js';
import type { ClusterView } from './view.js';
import { SEARCH_UNITS, WorkBudget } from './work-budget.js';
import type { AllocationEntry, HeldClaim, TaskPlace, WorkloadEntry } from './workloads.js';

/** Nodes, counted by the kinds of GPU they have, beyond which nobody is made to wait for an estimate. */
export const MAX_BANKS_LOOKED_AT = 50_000;
/** Nodes that an estimate names before it only counts. */
const NAMED_AT_MOST = 3;

/** Why nobody can tell, where it is not GPUs that it waits for. */
const UNKNOWN: Partial<Record<PendingReason, string>> = {
  HELD: 'unknown: somebody holds it back',
  DEPENDENCY: 'unknown: it waits for other work to end',
  ARRAY_CAP: 'unknown: it waits for others of its array to end',
  QUEUE_LIMIT: 'unknown: it waits for work of its queue to end, or for a higher limit',
  USER_LIMIT: 'unknown: it waits for work of its owner to end',
  GUARANTEE_EXHAUSTED: 'unknown: it waits for work of its queue that is not preemptible to end',
  NO_SUCH_GPU: 'never on the nodes there are',
  NODES_UNAVAILABLE: 'unknown: it waits for nodes to take work again',
  NOT_EVALUATED: 'at its next turn',
};

/** By when, in words, and as a time of day where it is known: milliseconds since 1970. */
export interface Estimate {
  readonly text: string;
  readonly byMs: number | null;
}

/** What an estimate is about. */
export interface Estimated {
  readonly view: ClusterView;
  readonly workload: WorkloadEntry;
  readonly shape: Shape;
  readonly nowMs: number;
}

/**
 * By when a pending workload would start at the latest if nothing else is submitted or goes before it, in words; or why
 * that is not known.
 */
export function estimate(subject: Estimated, reason: PendingReason): Estimate {
  const { workload, nowMs, view } = subject;
  if (workload.claim) return sayClaimed(workload.claim, workload, view, nowMs);
  if (reason === 'BACKOFF') return untimed(`unknown: not before its pause is over${sayWhen(workload, nowMs)}`);
  const known = UNKNOWN[reason];
  if (known !== undefined) return untimed(known);
  const own = subject.view.reservations.of(workload);
  if (own !== null) return sayOutlook(own.outlook, own.places, nowMs);
  const banks = subject.shape.parts.flatMap(({ ask }) => ask.classes).reduce((sum, each) => sum + each.banks.length, 0);
  if (banks > MAX_BANKS_LOOKED_AT)
    return untimed(`unknown: there are more than ${MAX_BANKS_LOOKED_AT} nodes to look at`);
  if (banks === 0) return untimed('unknown: it waits for CPU or memory, of which nobody keeps a timetable');
  const found = earliest(subject);
  return found === null
    ? untimed('unknown: no place was found where it would fit when running work has ended')
    : sayOutlook(found.outlook, found.places, nowMs);
}

function sayWhen({ record }: WorkloadEntry, nowMs: number): string {
  const untilMs = record?.gate?.untilMs ?? 0;
  return untilMs <= nowMs ? '' : `, in ${formatDuration(untilMs - nowMs)}`;
}

/** The place of the earliest start, looked for as a reservation would be. */
function earliest({ view, workload, shape, nowMs }: Estimated): EarliestPlace | null {
  const trial = new Trial(view);
  const withheld = new Withheld(view);
  withheld.allBut(null);
  const placing = { trial, work: new WorkBudget(SEARCH_UNITS), nowMs };
  const found = findEarliestPlace(placing, {
    workload,
    shape,
    mayUsePool: () => true,
    endings: new Endings(nowMs, null),
  });
  withheld.nothing();
  trial.end();
  return found;
}

function untimed(text: string): Estimate {
  return { text, byMs: null };
}

function sayOutlook({ startMs, endlessSlots }: Outlook, places: readonly TaskPlace[], nowMs: number): Estimate {
  if (startMs === Infinity) {
    const are = endlessSlots === 1 ? 'is' : 'are';
    return untimed(`unknown: ${plural(endlessSlots, 'GPU')} it waits for ${are} used by work without a time limit`);
  }
  const where = sayNodes(places);
  if (startMs <= nowMs) return untimed(`as soon as nothing else stops it: ${where} has room`);
  const span = formatDuration(startMs - nowMs);
  const text = `within ${span} on ${where}, by the time limits of running work and if nothing goes before it`;
  return { text, byMs: startMs };
}

function sayNodes(places: readonly TaskPlace[]): string {
  const names = [...new Set(places.map(({ node }) => node.name))];
  const named = names.slice(0, NAMED_AT_MOST).join(', ');
  return names.length > NAMED_AT_MOST ? `${named} and ${names.length - NAMED_AT_MOST} more` : named;
}

/** When the last of those who leave for it has to have left. */
function sayClaimed({ places }: HeldClaim, workload: WorkloadEntry, view: ClusterView, nowMs: number): Estimate {
  let lastMs = nowMs;
  for (const hold of places.flatMap(({ slots }) => slots.flatMap(({ holds }) => holds))) {
    if (hold.workload !== workload) lastMs = Math.max(lastMs, endOfHoldMs(hold));
  }
  // What lacked may be CPU, memory or room in a limit: then who leaves for it is not on the GPUs that it gets.
  for (const { endMs } of leavingFor(view, workload)) lastMs = Math.max(lastMs, endMs);
  if (lastMs === Infinity) return untimed('unknown: somebody who was not told to stop is on what it was promised');
  if (lastMs <= nowMs) return { text: 'as soon as those who leave for it have left', byMs: nowMs };
  return { text: `within ${formatDuration(lastMs - nowMs)}, when those who leave for it have left`, byMs: lastMs };
}

/** Tasks that were told to stop for a workload. Cost: a look at all workloads. */
export function leavingFor(view: ClusterView, { number }: WorkloadEntry): readonly AllocationEntry[] {
  const found: AllocationEntry[] = [];
  for (const { allocations } of view.workloads.values()) {
    for (const one of allocations) if (one.leaving && one.stop?.forWorkload === number) found.push(one);
  }
  return found;
}

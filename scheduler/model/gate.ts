// The gate of a pending workload: what keeps it from being offered to the engine, of several things the first. Pure.
//
//   held        a user holds it back; opens with a release
//   dependency  a workload that it waits for has not come so far; opens with that one's progress
//   backoff     it failed and is tried again after a pause; opens with time
//   array       as many of its array run as may at once; opens when one of them ends
import type { WorkloadNumber } from '../../common/ids.js';
import { plural } from '../../common/units.js';
import { REQUEUE_CODE } from './asked-requeue.js';
import { isTerminal } from './cluster-state.js';
import type { Dependency, Gate, Workload, WorkloadSpec } from './records.js';

/** What becomes of a pending workload: it passes, it waits at a gate, or it never can and is cancelled for this reason. */
export type Passage =
  | { readonly type: 'open' }
  | { readonly type: 'closed'; readonly gate: Gate }
  | { readonly type: 'never'; readonly why: string };

const OPEN: Passage = { type: 'open' };

/** What the gates of a workload depend on beside itself. */
export interface Surroundings {
  workload(number: WorkloadNumber): Workload | undefined;
  /** How many workloads of an array take a place, see {@link takesPlace}. */
  placesTakenIn(array: WorkloadNumber): number;
}

/** The gate of a workload that was just submitted; what is open by then is opened before the engine looks at it. */
export function gateAtSubmit(spec: WorkloadSpec): Gate | null {
  const [first] = spec.dependencies;
  if (first !== undefined) return dependencyGate(first, null, spec.dependencies.length - 1);
  return isCapped(spec) ? arrayGate(spec.array) : null;
}

/** The gate of a workload that goes back to pending. It ran, so what it waited for has come; its place in its array is its own. */
export function gateAtRequeue(workload: Workload, nowMs: number): Gate | null {
  return workload.hold === null ? backoffGate(workload, nowMs) : heldGate(workload.hold);
}

/** Where a pending workload stands now. One of an array whose gate is open has its place already. */
export function passageOf(around: Surroundings, workload: Workload, nowMs: number): Passage {
  const { spec } = workload;
  if (workload.hold !== null) {
    const never = workload.attempt > 0 ? null : whyNever(around, spec.dependencies);
    return never === null ? { type: 'closed', gate: heldGate(workload.hold) } : { type: 'never', why: never };
  }
  if (workload.attempt === 0) {
    const never = whyNever(around, spec.dependencies);
    if (never !== null) return { type: 'never', why: never };
    const [unmet, ...others] = spec.dependencies.filter((one) => !isMet(one, around.workload(one.workload)));
    if (unmet !== undefined) {
      const gate = dependencyGate(unmet, around.workload(unmet.workload) ?? null, others.length);
      return { type: 'closed', gate };
    }
  }
  const backoff = backoffGate(workload, nowMs);
  if (backoff !== null) return { type: 'closed', gate: backoff };
  if (isCapped(spec) && !takesPlace(workload) && around.placesTakenIn(spec.array.of) >= spec.array.concurrency) {
    return { type: 'closed', gate: arrayGate(spec.array) };
  }
  return OPEN;
}

/** A workload of an array of which only some may run at once. */
type Capped = WorkloadSpec & { readonly array: NonNullable<WorkloadSpec['array']> };

function isCapped(spec: WorkloadSpec): spec is Capped {
  return spec.array !== null && spec.array.concurrency > 0;
}

/** Whether it is one of those of its array that may run at once: it has not ended, and runs or may be placed. */
export function takesPlace(workload: Workload): boolean {
  return !isTerminal(workload.state) && (workload.state !== 'pending' || workload.gate === null);
}

/** Why a dependency can never be met any more; null = each still can, or is. */
function whyNever(around: Surroundings, dependencies: readonly Dependency[]): string | null {
  for (const dependency of dependencies) {
    const other = around.workload(dependency.workload);
    if (other === undefined) {
      // Only what has ended is let go, so that much is known.
      if (dependency.condition === 'ended') continue;
      return `workload ${dependency.workload}, which must have ${dependency.condition}, is not known any more`;
    }
    if (!isMet(dependency, other) && isTerminal(other.state)) {
      return `${nameOf(other)} ${other.state === 'cancelled' ? 'was cancelled' : other.state}, but it must have ${dependency.condition}`;
    }
  }
  return null;
}

function isMet({ condition }: Dependency, other: Workload | undefined): boolean {
  if (other === undefined) return condition === 'ended';
  switch (condition) {
    case 'succeeded':
    case 'failed':
      return other.state === condition;
    case 'ended':
      return isTerminal(other.state);
    case 'started':
      return other.startedMs !== null;
  }
}

function heldGate(hold: string): Gate {
  return { kind: 'held', message: hold, untilMs: null };
}

/** @param more how many others it waits for beside the first */
function dependencyGate({ workload, condition }: Dependency, other: Workload | null, more: number): Gate {
  const name = other === null ? `workload ${workload}` : nameOf(other);
  const beside = more === 0 ? '' : `, and for ${plural(more, 'other')}`;
  return { kind: 'dependency', message: `waits for ${name} to have ${condition}${beside}`, untilMs: null };
}

function backoffGate({ notBeforeMs, retries, spec, hastyRequeues = 0 }: Workload, nowMs: number): Gate | null {
  if (notBeforeMs <= nowMs) return null;
  const message =
    hastyRequeues > 0
      ? `its program asked to be tried again (exit code ${REQUEUE_CODE}) soon after its start, ${plural(hastyRequeues, 'time')} in a row; that comes after a pause`
      : `its program failed; retry ${retries} of ${spec.retry.max} comes after a pause`;
  return { kind: 'backoff', message, untilMs: notBeforeMs };
}

function arrayGate({ of, concurrency }: { readonly of: WorkloadNumber; readonly concurrency: number }): Gate {
  const message = `${plural(concurrency, 'workload')} of array ${of} may run at once, and as many do`;
  return { kind: 'array', message, untilMs: null };
}

function nameOf({ number, spec }: Workload): string {
  return spec.name === '' ? `workload ${number}` : `workload ${number} (${spec.name})`;
}

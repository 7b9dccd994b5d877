// What must hold of a change of a workload: its steps, its attempts, its end, the tasks it has. Each function looks at one
// change, with the state as it is after the whole commit, and complains.
import type { AllocationId } from '../../../common/ids.js';
import type { ReadableState } from '../../model/cluster-state.js';
import { isTerminal } from '../../model/cluster-state.js';
import { isDone, isLive, isWhole } from '../../model/elastic.js';
import { mayClaim } from '../../model/lifecycle.js';
import type { Allocation, Workload } from '../../model/records.js';
import { isWorkloadStep, WORKLOAD_STEPS } from '../../model/state-steps.js';
import type { Complain } from './violation.js';

/** A new workload waits, has never been placed, and has a number that was never given. */
export function checkNewWorkload(
  state: ReadableState,
  workload: Workload,
  lastNumberBefore: number,
  complain: Complain,
): void {
  const { number, attempt, allocations, spec } = workload;
  if (workload.state !== 'pending' || attempt !== 0 || allocations.length > 0) {
    complain(
      'legal_steps',
      named(workload),
      'a new one waits and was never placed',
      `${workload.state}, attempt ${attempt}`,
    );
  }
  const last = state.meta.lastWorkload;
  if (number <= lastNumberBefore || number > last) {
    complain('one_answer', named(workload), `a number above ${lastNumberBefore} and up to ${last}`, `${number}`);
  }
  if (state.queue(spec.queue) === undefined)
    complain('nothing_lost', named(workload), `queue ${spec.queue}`, 'no such queue');
}

/**
 * A workload goes forward by legal steps, and what has ended stays as it ended.
 * @param adopts whether tasks of it are taken over from agents after a loss of history: its attempt is theirs then
 */
export function checkWorkloadStep(before: Workload, after: Workload, adopts: boolean, complain: Complain): void {
  if (isTerminal(before.state)) {
    const isSame =
      before.state === after.state &&
      before.endedMs === after.endedMs &&
      before.attempt === after.attempt &&
      before.gpuMs === after.gpuMs &&
      before.allocations === after.allocations;
    if (!isSame) complain('final_ends', named(after), `${before.state} for ever`, `${after.state}, or another end`);
    return;
  }
  // Taken over together with all that its agent says of it: several steps at once.
  if (!adopts && !isWorkloadStep(before.state, after.state)) {
    const legal = WORKLOAD_STEPS[before.state].join(' or ') || 'nothing';
    complain('legal_steps', named(after), `${before.state} to ${legal}`, `${before.state} to ${after.state}`);
  }
  if (isTerminal(after.state)) {
    const last = after.events.at(-1)?.type;
    if (after.endedMs === null || last !== 'finished') {
      complain('final_ends', named(after), 'an end with its time and its event', `${after.endedMs}, ${last}`);
    }
  }
  if (adopts) return;
  const starts = before.state === 'pending' && after.state === 'starting';
  if (after.attempt !== before.attempt + Number(starts)) {
    const expected = `attempt ${before.attempt + Number(starts)}`;
    complain('counted_attempts', named(after), expected, `attempt ${after.attempt}, ${before.state} to ${after.state}`);
  }
  const returns = before.state !== 'pending' && after.state === 'pending';
  const counted = after.requeues - before.requeues + after.retries - before.retries;
  if (counted !== Number(returns)) complain('one_return', named(after), `${Number(returns)} counted`, `${counted}`);
  const keepsPlace =
    before.submittedMs === after.submittedMs &&
    before.uid === after.uid &&
    before.owner === after.owner &&
    before.spec.queue === after.spec.queue;
  if (!keepsPlace) complain('one_return', named(after), 'its owner, queue and time of submission', 'another');
}

/** Gates, deadlines and claims are where they belong. */
export function checkFields(workload: Workload, complain: Complain): void {
  const { state, gate, deadline, claim, endedMs, afterStop } = workload;
  if (gate === null && deadline === null && claim === null && endedMs === null && afterStop === null) return;
  const say = (what: string, where_: string): void => {
    complain('fitting_fields', named(workload), `${what} only while ${where_}`, `one while it is ${state}`);
  };
  if (gate !== null && state !== 'pending') say('a gate', 'it waits');
  if (deadline !== null && state !== 'running') say('a deadline', 'it runs');
  if (claim !== null && !mayClaim(workload)) say('a claim', 'it may be placed');
  if (endedMs !== null && !isTerminal(state)) say('the time of its end', 'it has ended');
  if (afterStop !== null && state !== 'stopping') say('what follows its stop', 'it stops');
}

/**
 * The tasks of a workload are records of its present attempt, one for each, and a gang has all of its core.
 * Cost: the tasks it has; asked for only where they changed.
 */
export function checkTasks(state: ReadableState, workload: Workload, complain: Complain): void {
  const { number, attempt, allocations: ids, spec, afterStop } = workload;
  const allocations: Allocation[] = [];
  const mayHold = workload.state === 'starting' || workload.state === 'running' || workload.state === 'stopping';
  let lastTask = -1;
  for (const id of ids) {
    const allocation = state.allocation(id);
    if (allocation === undefined) {
      complain('known_owner', named(workload), `its task ${id}`, 'no such record');
      return;
    }
    if (allocation.workload !== number || allocation.attempt !== attempt) {
      const found = `of workload ${allocation.workload}, attempt ${allocation.attempt}`;
      complain('known_owner', named(workload), `${id} as a task of its attempt ${attempt}`, found);
    }
    if (allocation.task <= lastTask)
      complain('known_owner', named(workload), 'one record a task, in order', `task ${allocation.task}`);
    lastTask = allocation.task;
    const isOver = allocation.state === 'exited' || allocation.state === 'released';
    if (!mayHold && !isOver) {
      complain(
        'known_owner',
        named(workload),
        `no running task while it is ${workload.state}`,
        `${id} is ${allocation.state}`,
      );
    }
    allocations.push(allocation);
  }
  const goesOn = (workload.state === 'starting' || workload.state === 'running') && afterStop === null;
  // After a loss of history a gang comes together one agent after the other.
  if (goesOn && !state.meta.recovery && !isWhole(spec, allocations, (one) => isLive(one) || isDone(one))) {
    complain('whole_gangs', named(workload), 'all tasks of its core', `${allocations.filter(isLive).length} that run`);
  }
}

/** What was granted in a commit is among the tasks of its workload after it, unless it is over. */
export function checkGranted(
  state: ReadableState,
  workload: Workload,
  granted: readonly AllocationId[],
  complain: Complain,
): void {
  const listed = new Set<AllocationId>(workload.allocations);
  for (const id of granted) {
    const allocation = state.allocation(id);
    const isOver = allocation === undefined || allocation.state === 'exited' || allocation.state === 'released';
    if (!isOver && !listed.has(id)) {
      complain('known_owner', named(workload), `${id} among its tasks`, 'it holds GPUs for nobody');
    }
  }
}

/** Tasks that a workload has no more are over: nobody is forgotten while he runs. */
export function checkTasksLeft(state: ReadableState, before: Workload, after: Workload, complain: Complain): void {
  const kept = new Set<AllocationId>(after.allocations);
  for (const id of before.allocations) {
    if (kept.has(id)) continue;
    const left = state.allocation(id);
    if (left === undefined || left.state === 'exited' || left.state === 'released') continue;
    complain(
      'known_owner',
      `workload ${after.number}`,
      `${id} among its tasks while it is ${left.state}`,
      'it is gone',
    );
  }
}

/** The record of a workload goes only when it has ended and holds nothing. */
export function checkWorkloadDropped(state: ReadableState, before: Workload, complain: Complain): void {
  if (!isTerminal(before.state))
    complain('nothing_lost', named(before), 'its record until it ends', `deleted while ${before.state}`);
  for (const ids of [before.allocations, before.pastAllocations]) {
    for (const id of ids) {
      const held = state.allocation(id);
      if (held !== undefined)
        complain('nothing_lost', named(before), `its task ${id} gone with it`, `it is ${held.state}`);
    }
  }
}

/** Made only where there is something to say: these rules run on every change. */
function named({ number }: Workload): string {
  return `workload ${number}`;
}

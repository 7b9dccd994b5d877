// Programs that ask to be tried again: by exit code 75 at any time, or by leaving with code 0 after the signal of their time
// limit when they saved something. That is no failure, and it costs nothing of the retries. Pure.
import { isDone } from './elastic.js';
import type { Allocation, Workload, WorkloadSpec } from './records.js';

/** EX_TEMPFAIL of sysexits.h: "the user is invited to retry". */
export const REQUEUE_CODE = 75;

/** A run that was shorter, and saved nothing, does not count as sound: lost, it was a false start; asked for again, it comes after a pause. */
export const SOUND_RUN_MS = 60_000;

/** The pause after the first hasty run; it doubles with each further one in a row, up to the longest. */
const FIRST_PAUSE_MS = 10_000;
export const LONGEST_REQUEUE_PAUSE_MS = 600_000;

/** Whether its program asked, by its exit code. A retry policy that names the code says itself what the code means. */
export function asksForRequeue({ retry }: Pick<WorkloadSpec, 'retry'>, { exit }: Pick<Allocation, 'exit'>): boolean {
  return exit?.code === REQUEUE_CODE && !retry.codes.includes(REQUEUE_CODE) && !retry.neverCodes.includes(REQUEUE_CODE);
}

/**
 * Whether the attempt saved something: a checkpoint was declared complete since it began. Told without clocks: an attempt notes where
 * it began, and only a newer checkpoint takes the place of that.
 */
export function savedSomething({ checkpoint }: Workload, allocations: readonly Allocation[]): boolean {
  if (checkpoint === null) return false;
  return allocations.every(({ resume }) => resume?.step !== checkpoint.step || resume.timeMs !== checkpoint.timeMs);
}

/**
 * What becomes of work that its time limit stopped. It goes on in another attempt when every task left by itself and well, and one of
 * them asked or something was saved: work that merely obeys its signal would pass its limit for ever. What ended well while only the
 * early signal had come, and saved nothing upon it, ended in time.
 */
export function afterTimeLimit(workload: Workload, allocations: readonly Allocation[]): 'requeue' | 'fail' | 'succeed' {
  const { spec, events } = workload;
  const asks = (one: Allocation): boolean => asksForRequeue(spec, one);
  if (!allocations.every((one) => isDone(one) || asks(one))) return 'fail';
  if (allocations.some(asks)) return 'requeue';
  const aheadMs = spec.earlySignal?.aheadMs ?? 0;
  const stoppedMs = Math.min(...allocations.map(({ stop }) => stop?.requestedMs ?? Infinity));
  const isInTime = allocations.every(({ endedMs }) => endedMs !== null && endedMs < stoppedMs + aheadMs);
  if (isInTime && !events.some(({ type, timeMs }) => type === 'checkpoint' && timeMs >= stoppedMs)) return 'succeed';
  return savedSomething(workload, allocations) ? 'requeue' : 'fail';
}

/**
 * The pause before the next attempt of work that asked for it, in ms: none after a sound run. Work that asks again and again soon after
 * its start waits for something that is not there yet, and starting it costs others their turn.
 * @param hasty how many attempts in a row were hasty, this one included
 */
export function requeuePauseMs(hasty: number): number {
  return hasty === 0 ? 0 : Math.min(LONGEST_REQUEUE_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(hasty - 1, 16));
}

/** How many attempts in a row asked soon after their start and without having saved anything. */
export function hastyInARow(workload: Workload, allocations: readonly Allocation[]): number {
  const ranMs = Math.max(
    0,
    ...allocations.map(({ startedMs, endedMs }) => (endedMs ?? 0) - (startedMs ?? endedMs ?? 0)),
  );
  return ranMs >= SOUND_RUN_MS || savedSomething(workload, allocations) ? 0 : (workload.hastyRequeues ?? 0) + 1;
}

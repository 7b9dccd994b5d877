// Orders in a line: what the scheduler would send for one task.
import { createUlidMaker } from '../../common/ids.js';
import { toDuration } from '../../common/units.js';
import type { DesiredAllocation } from '../../proto/gen/sluice/v1/DesiredAllocation.js';

const newUlid = createUlidMaker();

/** An id that was never used before. */
export function newId(): string {
  return newUlid(Date.now());
}

/** A task without GPUs that runs a program; anything can be said differently. */
export function orderOf(
  argv: readonly string[],
  rest: Partial<DesiredAllocation> = {},
): DesiredAllocation & { id: string } {
  return {
    workload: 7,
    workloadName: 'train-mnist',
    kind: 'WORKLOAD_KIND_TRAIN',
    queue: 'vision',
    pool: 'default',
    attempt: 1,
    task: 0,
    tasks: 1,
    restartCount: 0,
    gpus: [],
    command: { argv: [...argv] },
    environment: [],
    linger: toDuration(60_000),
    grace: toDuration(1_000),
    ...rest,
    id: rest.id ?? newId(),
  };
}

/** The same order with a stop. */
export function stopped(
  order: DesiredAllocation & { id: string },
  graceMs: number,
  reason: 'STOP_REASON_RECLAIMED' | 'STOP_REASON_CANCELLED' = 'STOP_REASON_RECLAIMED',
): DesiredAllocation & { id: string } {
  return { ...order, stop: { reason, grace: toDuration(graceMs), forWorkload: 0, message: '' } };
}

/** A shell program. */
export function sh(script: string, rest: Partial<DesiredAllocation> = {}): DesiredAllocation & { id: string } {
  return orderOf(['/bin/sh', '-c', script], rest);
}

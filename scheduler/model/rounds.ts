// Rounds of an elastic workload: its tasks come and go, and those that start together are told at different moments, so what they are told is
// written down when they may start. Without that one rank would wait for another that never heard of it. Pure.
import { isDone, isLive } from './elastic.js';
import { processesOf } from './launch.js';
import type { Allocation, Round, Workload, WorkloadSpec } from './records.js';
import { maxTasks, minTasks } from './requests.js';

/** Whether its tasks may come and go while it runs: others are the same for all of an attempt. */
export function hasRounds(spec: Pick<WorkloadSpec, 'roles'>): boolean {
  return maxTasks(spec) > minTasks(spec);
}

/**
 * Opens a round for tasks that may start now.
 * @param all every allocation of the attempt, those of the round included
 * @returns the rounds that somebody may still have to be told of, and the tasks of this one, marked
 */
export function openRound(
  { spec, rounds = [] }: Pick<Workload, 'spec' | 'rounds'>,
  all: readonly Allocation[],
  starting: readonly Allocation[],
): { readonly rounds: readonly Round[]; readonly tasks: readonly Allocation[] } {
  const number = 1 + Math.max(0, ...rounds.map((one) => one.number), ...all.map(({ launch }) => launch?.round ?? 0));
  const members = all
    .flatMap((one) => {
      const rank = one.launch?.rank ?? null;
      if (rank === null || !(isLive(one) || isDone(one))) return [];
      return [{ rank, node: one.node, processes: processesOf(spec, one) }];
    })
    .toSorted((a, b) => a.rank - b.rank);
  const tasks = starting.map((one) =>
    one.launch === undefined ? one : { ...one, launch: { ...one.launch, round: number } },
  );
  return { rounds: [...roundsInUse(rounds, all), { number, members }], tasks };
}

/** Those that somebody may still have to be told of: an order is sent again until its start is heard of. */
export function roundsInUse(rounds: readonly Round[], allocations: readonly Allocation[]): readonly Round[] {
  const used = new Set(allocations.flatMap(({ state, launch }) => (state === 'placed' ? [launch?.round] : [])));
  return rounds.filter(({ number }) => used.has(number));
}

/** The round of a task; null = it has none, and goes by who is there now. */
export function roundOf({ rounds }: Pick<Workload, 'rounds'>, { launch }: Allocation): Round | null {
  return rounds?.find(({ number }) => number === launch?.round) ?? null;
}

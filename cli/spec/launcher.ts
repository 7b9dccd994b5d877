// How tasks that work together are started: the words of people, and of the protocol.
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';

const LAUNCHERS = {
  none: 'LAUNCHER_NONE',
  torchrun: 'LAUNCHER_TORCHRUN',
  per_gpu: 'LAUNCHER_PER_GPU',
} as const satisfies Record<string, WorkloadSpec['launcher']>;

export type LauncherWord = keyof typeof LAUNCHERS;

export const LAUNCHER_WORDS = ['none', 'torchrun', 'per_gpu'] as const satisfies readonly LauncherWord[];

/** For messages. */
export const LAUNCHER_CHOICE =
  'none (one process for each task), torchrun (the same, with PET_* for torchrun) or per_gpu (one process for each GPU)';

/** In the protocol's words; undefined = it is none of them. */
export function launcherOf(word: string): (typeof LAUNCHERS)[LauncherWord] | undefined {
  // srun and torchrun write it so.
  const known = LAUNCHER_WORDS.find((one) => one === word.replace('-', '_'));
  return known === undefined ? undefined : LAUNCHERS[known];
}

// The program of every task: it can tell from outside the scheduler whether a GPU has one owner and a program one run. It
// holds a lock of the kernel on a file for each GPU it was given, which goes with the last process that it leaves behind,
// and appends its allocation to one file that all tasks share.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** How a task behaves. */
export type Manner =
  /** Sleeps and leaves with its code. */
  | 'plain'
  /** Does not listen to the stop signal. */
  | 'deaf'
  /** Leaves a process in a session of its own behind, which holds its GPUs on. */
  | 'forking'
  /** Dies of a signal at its end. */
  | 'crashing';

/** Where the marks of all tasks of one life of a cluster are. */
export interface Marks {
  /** The program; its arguments are FOLDER SECONDS MANNER EXIT_CODE. */
  readonly program: string;
  readonly folder: string;
  /** A line `ALLOCATION WORKLOAD` for every run of the program. */
  readonly executions: string;
  /** A line for every GPU that was found in somebody else's hands. */
  readonly overlaps: string;
  /** A file a GPU. */
  readonly gpus: string;
}

const PROGRAM = `#!/bin/bash
folder=$1 seconds=$2 manner=$3 code=$4
[ "$manner" = deaf ] && trap '' TERM
echo "$SLUICE_ALLOCATION_ID $SLUICE_WORKLOAD" >> "$folder/executions"
mode=-x
[ -n "$SLUICE_GPU_SHARE" ] && mode=-s
for gpu in \${CUDA_VISIBLE_DEVICES//,/ }; do
  exec {lock}>>"$folder/gpus/$gpu"
  flock -n $mode $lock ||
    echo "$SLUICE_ALLOCATION_ID of $SLUICE_WORKLOAD found $gpu in use by $(tail -n 1 "$folder/gpus/$gpu")" >> "$folder/overlaps"
  echo "$SLUICE_ALLOCATION_ID of $SLUICE_WORKLOAD ($manner) on $SLUICE_NODE" >> "$folder/gpus/$gpu"
done
[ "$manner" = forking ] && { setsid sleep 600 & }
sleep "$seconds"
[ "$manner" = crashing ] && kill -SEGV $$
exit "$code"
`;

/** Lays out the files in a folder that exists. */
export function layOutMarks(folder: string): Marks {
  const program = path.join(folder, 'task.sh');
  writeFileSync(program, PROGRAM, { mode: 0o755 });
  const executions = path.join(folder, 'executions');
  const overlaps = path.join(folder, 'overlaps');
  for (const file of [executions, overlaps]) writeFileSync(file, '');
  return { program, folder, executions, overlaps, gpus: path.join(folder, 'gpus') };
}

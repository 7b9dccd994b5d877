// Original file: sluice/v1/workload.proto


/**
 * A program of the user's. The argument vector is passed on verbatim, never through a shell of ours.
 */
export interface Command {
  'argv'?: (string)[];
}

/**
 * A program of the user's. The argument vector is passed on verbatim, never through a shell of ours.
 */
export interface Command__Output {
  'argv': (string)[];
}

// What the one writer carries out: a named, synchronous change of a draft.
import type { UlidMaker } from '../../common/ids.js';
import type { Draft } from '../model/draft.js';
import type { SpaceState } from '../store/state-store.js';

/** What a command may use beside the draft. */
export interface CommandContext {
  readonly nowMs: number;
  readonly newUlid: UlidMaker;
}

/**
 * One command. `run` validates against the draft and changes it; when it throws an ApiError nothing is changed and the
 * caller gets the error; any other error is a bug and stops the daemon.
 */
export interface Command<T> {
  /** For metrics and logs: submit, cancel, create_queue... */
  readonly name: string;
  /** Whether it is taken when the disk is nearly full, because it ends or frees something. */
  readonly whenSpace: Exclude<SpaceState, 'ample'> | 'ample';
  /** Whether it is a report of an agent or of the daemon itself, with nobody waiting for the answer. Absent = no. */
  readonly isReport?: true;
  readonly run: (draft: Draft, context: CommandContext) => T;
}

// What every verb of the simulator says when it is not understood.

/** What was asked for is not there, or not understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

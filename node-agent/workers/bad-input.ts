// The one error class of the built-in programs that means "what you gave me is wrong": it ends a program with exit code 2,
// every other error with 1. Messages are for people: what, why with numbers, what to do; three lines at most.

/** Flags, files or an environment that cannot work. Trying again changes nothing. */
export class BadInput extends Error {
  override readonly name = 'BadInput';
}

/** The text of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Whether an error of the file system says that the path does not exist. */
export function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR');
}

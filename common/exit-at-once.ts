// The end of a process that must not go on, whatever else fails: nothing that libraries left to be done at an exit is done.
// (One of them flushes standard output then; where that is a file on the broken disk, it waits for ever, and a daemon that has
// said that it must stop would stay, with its lock and its port.)
import koffi from 'koffi';

let leave: ((code: number) => void) | undefined;

/** Ends the process with an exit code from 0 to 255. What was written synchronously is written. */
export function exitAtOnce(code: number): never {
  leave ??= koffi.load(null).func('void _exit(int code)') as (code: number) => void;
  leave(code);
  throw new Error('_exit came back');
}

// Takes from this process, and from everything it starts, the way to more rights: set-user-id programs run as whoever
// calls them (prctl(2), PR_SET_NO_NEW_PRIVS). Once for the supervisor instead of once a task: it costs a start nothing.
import { readFileSync } from 'node:fs';
import koffi from 'koffi';

const PR_SET_NO_NEW_PRIVS = 38;

/** @returns whether it holds now, as the kernel tells it */
export function forbidNewPrivileges(): boolean {
  const prctl = koffi
    .load(null)
    .func('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)') as Prctl;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  // It is a trait of the thread that starts programs, which is this one.
  return /^NoNewPrivs:\s+1$/m.test(readFileSync('/proc/thread-self/status', 'utf8'));
}

type Prctl = (option: number, a: number, b: number, c: number, d: number) => number;

// Whether, and when, a workload is tried again after its program ended with an error. Pure.
import type { Exit, RetryPolicy } from './records.js';

/**
 * The code that a passed time limit counts as: the one that timeout(1) of GNU coreutils exits with. It is only tried
 * again when the policy names it, since the next attempt would most likely pass the limit as well.
 */
export const TIME_LIMIT_CODE = 124;

/** Numbers of the signals that end programs, as Linux has them on every platform with GPUs (signal(7)). */
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGSYS: 31,
};

/** The exit code that policies know an end by: 128 + N for signal N, as shells count; null = nothing is known. */
export function codeOf(exit: Exit | null): number | null {
  if (exit === null) return null;
  if (exit.code !== null) return exit.code;
  const signal = SIGNAL_NUMBERS[exit.signal];
  return signal === undefined ? null : 128 + signal;
}

/**
 * The pause before the next try, in ms; null = it is not tried again.
 * @param retries how often it was tried again already
 * @param code see {@link codeOf}
 */
export function retryDelayMs(policy: RetryPolicy, retries: number, code: number | null): number | null {
  if (retries >= policy.max) return null;
  const isNamed = code !== null && policy.codes.includes(code);
  if (code !== null && policy.neverCodes.includes(code)) return null;
  if (!isNamed && (policy.codes.length > 0 || code === TIME_LIMIT_CODE)) return null;
  return pauseBeforeMs(policy, retries + 1);
}

/** The pause before a retry, the first of which is 1, in ms. */
export function pauseBeforeMs({ backoffMs, maxBackoffMs }: RetryPolicy, retry: number): number {
  return Math.min(backoffMs * 2 ** (retry - 1), Math.max(backoffMs, maxBackoffMs));
}

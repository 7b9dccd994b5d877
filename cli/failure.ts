// How a command fails: our own kind of error, what it and the scheduler's errors look like to people and to programs,
// and the exit code they give. Loads nothing, so that `--help` and `version --client` start at once.
import type { ApiError, FieldViolation } from '../common/errors.js';

/** Exit codes. A job's own code is passed through by `run`, `submit --wait` and `wait --exit-code`. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The names of gRPC's codes by number. Source: grpc/grpc, doc/statuscodes.md. */
const CODE_NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** What a program gets of a failure under `-o json`, inside `{"error": …}`. */
export interface FailureReport {
  readonly code: string;
  readonly reason: string;
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fields?: readonly FieldViolation[];
}

/** A failure found by the CLI itself. The message is final: what, why, what to do. */
export class CliError extends Error {
  readonly exitCode: number;
  readonly report: FailureReport;

  constructor(exitCode: number, report: Omit<FailureReport, 'metadata'> & Partial<Pick<FailureReport, 'metadata'>>) {
    super(report.message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    const { code, reason, message, metadata = {}, fields } = report;
    this.report = { code, reason, message, metadata, ...(fields === undefined ? {} : { fields }) };
  }
}

/** Bad usage: nothing was sent. Exit code 2. */
export function usageError(message: string, ...more: readonly string[]): CliError {
  return new CliError(EXIT.usage, {
    code: 'INVALID_ARGUMENT',
    reason: 'USAGE',
    message: [message, ...more].join('\n'),
  });
}

/** Something went wrong that is nobody's wrong usage. Exit code 1. */
export function failure(reason: string, message: string, ...more: readonly string[]): CliError {
  return new CliError(EXIT.failed, {
    code: 'FAILED_PRECONDITION',
    reason,
    message: [message, ...more].join('\n'),
  });
}

/** The lines that follow a mistyped word; none when nothing is close. */
export function didYouMean(words: readonly string[]): readonly string[] {
  return words.length === 0 ? [] : ['Did you mean this?', ...words.map((word) => `\t${word}`)];
}

/** Whether an error came from the scheduler (or from not reaching it), without loading gRPC to find out. */
export function isApiError(error: unknown): error is ApiError {
  return error instanceof Error && error.name === 'ApiError';
}

/** What to print and how to exit. Only a defect of ours shows its stack. */
export function describeFailure(error: unknown): {
  readonly exitCode: number;
  readonly text: string;
  readonly report: FailureReport;
} {
  if (error instanceof CliError) {
    return { exitCode: error.exitCode, text: `error: ${error.message}`, report: error.report };
  }
  if (isApiError(error)) {
    const code = CODE_NAMES[error.code] ?? 'UNKNOWN';
    return {
      // A spec or name that the scheduler finds invalid is wrong usage too: nothing came of it.
      exitCode: code === 'INVALID_ARGUMENT' ? EXIT.usage : EXIT.failed,
      text: `error: ${error.message}`,
      report: {
        code,
        reason: error.reason,
        message: error.message,
        metadata: error.metadata,
        ...(error.fields.length > 0 ? { fields: error.fields } : {}),
      },
    };
  }
  const message = error instanceof Error ? error.message : String(error);
  const systemCode = error instanceof Error && 'code' in error ? String(error.code) : null;
  return {
    exitCode: EXIT.failed,
    text: systemCode === null && error instanceof Error ? `error: ${error.stack ?? message}` : `error: ${message}`,
    report: { code: 'INTERNAL', reason: systemCode ?? 'DEFECT', message, metadata: {} },
  };
}

/** `SLUICE_EXIT_ERROR`, when set to a code from 1 to 255, replaces 1 and 2, so that scripts can tell our errors from a job's. */
export function toolExitCode(code: number, env: Readonly<Record<string, string | undefined>>): number {
  const wished = env['SLUICE_EXIT_ERROR'];
  if (wished === undefined || !/^\d{1,3}$/.test(wished)) return code;
  const replacement = Number(wished);
  return replacement >= 1 && replacement <= 255 ? replacement : code;
}

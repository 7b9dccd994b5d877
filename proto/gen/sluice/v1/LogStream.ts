// Original file: sluice/v1/log.proto

/**
 * Which of the logs of a task whose standard error has one of its own.
 */
export const LogStream = {
  /**
   * The only log of a task that has one; else as STDOUT.
   */
  LOG_STREAM_UNSPECIFIED: 'LOG_STREAM_UNSPECIFIED',
  LOG_STREAM_STDOUT: 'LOG_STREAM_STDOUT',
  LOG_STREAM_STDERR: 'LOG_STREAM_STDERR',
} as const;

/**
 * Which of the logs of a task whose standard error has one of its own.
 */
export type LogStream =
  /**
   * The only log of a task that has one; else as STDOUT.
   */
  | 'LOG_STREAM_UNSPECIFIED'
  | 0
  | 'LOG_STREAM_STDOUT'
  | 1
  | 'LOG_STREAM_STDERR'
  | 2

/**
 * Which of the logs of a task whose standard error has one of its own.
 */
export type LogStream__Output = typeof LogStream[keyof typeof LogStream]

// Original file: sluice/v1/log.proto

import type { LogTime as _sluice_v1_LogTime, LogTime__Output as _sluice_v1_LogTime__Output } from '../../sluice/v1/LogTime.js';
import type { Long } from '@grpc/proto-loader';

export interface ReadLogsResponse {
  'data'?: (Buffer | Uint8Array | string);
  /**
   * Set in the first message of each attempt.
   */
  'allocation'?: (string);
  'attempt'?: (number);
  /**
   * Where these bytes begin in the log of this attempt, so that a reader that lost its connection can skip what it has.
   */
  'offset'?: (number | string | Long);
  /**
   * When these bytes were written, in order of offsets; the first speaks of the first byte. Empty unless asked for.
   */
  'times'?: (_sluice_v1_LogTime)[];
  '_offset'?: "offset";
}

export interface ReadLogsResponse__Output {
  'data': (Buffer);
  /**
   * Set in the first message of each attempt.
   */
  'allocation': (string);
  'attempt': (number);
  /**
   * Where these bytes begin in the log of this attempt, so that a reader that lost its connection can skip what it has.
   */
  'offset'?: (number);
  /**
   * When these bytes were written, in order of offsets; the first speaks of the first byte. Empty unless asked for.
   */
  'times': (_sluice_v1_LogTime__Output)[];
  '_offset'?: "offset";
}

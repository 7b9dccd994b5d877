// Original file: sluice/v1/agent.proto

import type { LogTime as _sluice_v1_LogTime, LogTime__Output as _sluice_v1_LogTime__Output } from '../../sluice/v1/LogTime.js';
import type { Long } from '@grpc/proto-loader';

export interface LogData {
  'id'?: (number | string | Long);
  /**
   * Where these bytes begin; later than asked for when older ones were dropped.
   */
  'offset'?: (number | string | Long);
  'data'?: (Buffer | Uint8Array | string);
  /**
   * The task ended and this reaches its end.
   */
  'end'?: (boolean);
  /**
   * In words, when the log cannot be read.
   */
  'error'?: (string);
  /**
   * When these bytes were written, in order of offsets; the first speaks of the first byte. Empty unless asked for.
   */
  'times'?: (_sluice_v1_LogTime)[];
}

export interface LogData__Output {
  'id': (number);
  /**
   * Where these bytes begin; later than asked for when older ones were dropped.
   */
  'offset': (number);
  'data': (Buffer);
  /**
   * The task ended and this reaches its end.
   */
  'end': (boolean);
  /**
   * In words, when the log cannot be read.
   */
  'error': (string);
  /**
   * When these bytes were written, in order of offsets; the first speaks of the first byte. Empty unless asked for.
   */
  'times': (_sluice_v1_LogTime__Output)[];
}

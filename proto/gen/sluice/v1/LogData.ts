// Original file: sluice/v1/agent.proto

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
}

// Original file: sluice/v1/log.proto

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
  '_offset'?: "offset";
}

// Original file: sluice/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Nobody waits any more for the piece of this LogRead; no answer is wanted.
 */
export interface LogCancel {
  'id'?: (number | string | Long);
}

/**
 * Nobody waits any more for the piece of this LogRead; no answer is wanted.
 */
export interface LogCancel__Output {
  'id': (number);
}

// Original file: sluice/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Every event up to this number is in the store.
 */
export interface HealthAck {
  'through'?: (number | string | Long);
}

/**
 * Every event up to this number is in the store.
 */
export interface HealthAck__Output {
  'through': (number);
}

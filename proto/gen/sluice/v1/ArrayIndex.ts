// Original file: sluice/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

/**
 * A place in an array of equal workloads.
 */
export interface ArrayIndex {
  'index'?: (number);
  'size'?: (number);
  /**
   * The number of the array's first workload.
   */
  'first'?: (number | string | Long);
}

/**
 * A place in an array of equal workloads.
 */
export interface ArrayIndex__Output {
  'index': (number);
  'size': (number);
  /**
   * The number of the array's first workload.
   */
  'first': (number);
}

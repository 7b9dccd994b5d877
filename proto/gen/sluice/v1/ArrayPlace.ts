// Original file: sluice/v1/workload.proto

import type { Long } from '@grpc/proto-loader';

/**
 * A place in an array of workloads.
 */
export interface ArrayPlace {
  /**
   * The number of the array's first workload. The others have the numbers that follow.
   */
  'first'?: (number | string | Long);
  /**
   * As the program finds it in SLUICE_ARRAY_INDEX.
   */
  'index'?: (number);
}

/**
 * A place in an array of workloads.
 */
export interface ArrayPlace__Output {
  /**
   * The number of the array's first workload. The others have the numbers that follow.
   */
  'first': (number);
  /**
   * As the program finds it in SLUICE_ARRAY_INDEX.
   */
  'index': (number);
}

// Original file: sluice/v1/workload.proto

import type { Long } from '@grpc/proto-loader';

export interface GrantedGpu {
  'uuid'?: (string);
  'index'?: (number);
  'model'?: (string);
  'simulated'?: (boolean);
  /**
   * The fencing number of this grant.
   */
  'generation'?: (number | string | Long);
  /**
   * How much of it, in parts of 1/7000: thousandths and sevenths are whole numbers of them. 0 = all of it.
   */
  'parts'?: (number);
  /**
   * The UUID of the MIG instance; empty = none.
   */
  'instance'?: (string);
}

export interface GrantedGpu__Output {
  'uuid': (string);
  'index': (number);
  'model': (string);
  'simulated': (boolean);
  /**
   * The fencing number of this grant.
   */
  'generation': (number);
  /**
   * How much of it, in parts of 1/7000: thousandths and sevenths are whole numbers of them. 0 = all of it.
   */
  'parts': (number);
  /**
   * The UUID of the MIG instance; empty = none.
   */
  'instance': (string);
}

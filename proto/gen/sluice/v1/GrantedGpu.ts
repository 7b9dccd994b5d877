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
}

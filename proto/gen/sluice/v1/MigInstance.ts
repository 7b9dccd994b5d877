// Original file: sluice/v1/node.proto

import type { Long } from '@grpc/proto-loader';

/**
 * One hardware slice of a GPU in MIG mode.
 */
export interface MigInstance {
  /**
   * What CUDA_VISIBLE_DEVICES takes: "MIG-" and a UUID.
   */
  'uuid'?: (string);
  /**
   * As nvidia-smi names it: "3g.20gb".
   */
  'profile'?: (string);
  'memoryMib'?: (number | string | Long);
}

/**
 * One hardware slice of a GPU in MIG mode.
 */
export interface MigInstance__Output {
  /**
   * What CUDA_VISIBLE_DEVICES takes: "MIG-" and a UUID.
   */
  'uuid': (string);
  /**
   * As nvidia-smi names it: "3g.20gb".
   */
  'profile': (string);
  'memoryMib': (number);
}

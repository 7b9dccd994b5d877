// Original file: sluice/v1/node.proto

import type { Long } from '@grpc/proto-loader';

/**
 * One task's hold on a GPU.
 */
export interface GpuHolder {
  'workload'?: (number | string | Long);
  /**
   * How much of the GPU, in parts of 1/7000: thousandths and sevenths are whole numbers of them.
   */
  'parts'?: (number);
  /**
   * The MIG instance; empty = none.
   */
  'instance'?: (string);
  /**
   * The allocation.
   */
  'allocation'?: (string);
}

/**
 * One task's hold on a GPU.
 */
export interface GpuHolder__Output {
  'workload': (number);
  /**
   * How much of the GPU, in parts of 1/7000: thousandths and sevenths are whole numbers of them.
   */
  'parts': (number);
  /**
   * The MIG instance; empty = none.
   */
  'instance': (string);
  /**
   * The allocation.
   */
  'allocation': (string);
}

// Original file: sluice/v1/node.proto

import type { Gpu as _sluice_v1_Gpu, Gpu__Output as _sluice_v1_Gpu__Output } from '../../sluice/v1/Gpu.js';
import type { Long } from '@grpc/proto-loader';

/**
 * What an agent found on its machine.
 */
export interface NodeInventory {
  'gpus'?: (_sluice_v1_Gpu)[];
  'cpuCount'?: (number);
  'memoryMib'?: (number | string | Long);
  'driverVersion'?: (string);
  'cudaVersion'?: (string);
  /**
   * In words, when GPUs could not be read: nvidia-smi is missing, hangs or fails. Empty = fine.
   */
  'gpuProblem'?: (string);
  /**
   * In words, why the node's own health check keeps new work off it. Empty = it does not.
   */
  'nodeProblem'?: (string);
}

/**
 * What an agent found on its machine.
 */
export interface NodeInventory__Output {
  'gpus': (_sluice_v1_Gpu__Output)[];
  'cpuCount': (number);
  'memoryMib': (number);
  'driverVersion': (string);
  'cudaVersion': (string);
  /**
   * In words, when GPUs could not be read: nvidia-smi is missing, hangs or fails. Empty = fine.
   */
  'gpuProblem': (string);
  /**
   * In words, why the node's own health check keeps new work off it. Empty = it does not.
   */
  'nodeProblem': (string);
}

// Original file: sluice/v1/workload.proto

import type { Long } from '@grpc/proto-loader';

/**
 * What one task needs of its node, and where it may go.
 */
export interface TaskResources {
  /**
   * GPUs of one node. 0 = none. With gpu_milli or gpu_memory_mib: GPUs of each of which it gets that part. With
   * mig_profile: instances.
   */
  'gpus'?: (number);
  /**
   * A GPU model, as `get gpus` shows it (any prefix or word of it counts). Empty = any. Short for one of gpu_models.
   */
  'gpuModel'?: (string);
  /**
   * A pool of nodes. Empty = any.
   */
  'pool'?: (string);
  /**
   * The share of each GPU in thousandths, 1 to 1,000. 0 = whole GPUs, as is 1,000.
   */
  'gpuMilli'?: (number);
  /**
   * The share of each GPU as memory of it. 0 = it is not given as memory. Not together with gpu_milli.
   */
  'gpuMemoryMib'?: (number | string | Long);
  /**
   * Hardware slices of this MIG profile, as `nvidia-smi` names it: "3g.20gb". Empty = none. Not together with a share.
   */
  'migProfile'?: (string);
  /**
   * Thousandths of a CPU core. 0 = nothing is set aside.
   */
  'cpuMilli'?: (number);
  /**
   * Main memory. 0 = nothing is set aside.
   */
  'memoryMib'?: (number | string | Long);
  /**
   * Acceptable GPU models, the best first. Empty = any. Not together with gpu_model.
   */
  'gpuModels'?: (string)[];
  /**
   * Only GPUs with at least so much memory.
   */
  'minGpuMemoryMib'?: (number | string | Long);
  /**
   * Only nodes with at least this driver, for example "535.104"; compared number by number.
   */
  'minDriver'?: (string);
  /**
   * Only nodes that have all these labels.
   */
  'nodeLabels'?: ({[key: string]: string});
  /**
   * Only these nodes, by name. Empty = any.
   */
  'nodes'?: (string)[];
}

/**
 * What one task needs of its node, and where it may go.
 */
export interface TaskResources__Output {
  /**
   * GPUs of one node. 0 = none. With gpu_milli or gpu_memory_mib: GPUs of each of which it gets that part. With
   * mig_profile: instances.
   */
  'gpus': (number);
  /**
   * A GPU model, as `get gpus` shows it (any prefix or word of it counts). Empty = any. Short for one of gpu_models.
   */
  'gpuModel': (string);
  /**
   * A pool of nodes. Empty = any.
   */
  'pool': (string);
  /**
   * The share of each GPU in thousandths, 1 to 1,000. 0 = whole GPUs, as is 1,000.
   */
  'gpuMilli': (number);
  /**
   * The share of each GPU as memory of it. 0 = it is not given as memory. Not together with gpu_milli.
   */
  'gpuMemoryMib': (number);
  /**
   * Hardware slices of this MIG profile, as `nvidia-smi` names it: "3g.20gb". Empty = none. Not together with a share.
   */
  'migProfile': (string);
  /**
   * Thousandths of a CPU core. 0 = nothing is set aside.
   */
  'cpuMilli': (number);
  /**
   * Main memory. 0 = nothing is set aside.
   */
  'memoryMib': (number);
  /**
   * Acceptable GPU models, the best first. Empty = any. Not together with gpu_model.
   */
  'gpuModels': (string)[];
  /**
   * Only GPUs with at least so much memory.
   */
  'minGpuMemoryMib': (number);
  /**
   * Only nodes with at least this driver, for example "535.104"; compared number by number.
   */
  'minDriver': (string);
  /**
   * Only nodes that have all these labels.
   */
  'nodeLabels': ({[key: string]: string});
  /**
   * Only these nodes, by name. Empty = any.
   */
  'nodes': (string)[];
}

// Original file: sluice/v1/stats.proto

import type { Long } from '@grpc/proto-loader';

/**
 * What all tasks of an attempt asked for and used together. Tasks that were not measured count with neither.
 */
export interface UseSummary {
  /**
   * GPUs, shares as such.
   */
  'grantedGpus'?: (number | string);
  /**
   * Of them, those that were measured, and those of these that ever worked.
   */
  'measuredGpus'?: (number | string);
  'usedGpus'?: (number | string);
  /**
   * Mean utilization of those measured, 0 to 1. Absent = none was.
   */
  'gpuUtilizationRatio'?: (number | string);
  /**
   * The most memory used on a GPU, and what that GPU has. 0 = not measured.
   */
  'gpuMemoryPeakMib'?: (number | string | Long);
  'gpuMemoryMib'?: (number | string | Long);
  /**
   * Thousandths of a core: asked for, and used in the mean. Absent = not measured.
   */
  'cpuMilli'?: (number | string | Long);
  'cpuUsedMilli'?: (number | string | Long);
  /**
   * Of the task that used the most: asked for, and its peak. Absent = not measured.
   */
  'memoryMib'?: (number | string | Long);
  'memoryPeakMib'?: (number | string | Long);
  '_gpuUtilizationRatio'?: "gpuUtilizationRatio";
  '_cpuUsedMilli'?: "cpuUsedMilli";
  '_memoryPeakMib'?: "memoryPeakMib";
}

/**
 * What all tasks of an attempt asked for and used together. Tasks that were not measured count with neither.
 */
export interface UseSummary__Output {
  /**
   * GPUs, shares as such.
   */
  'grantedGpus': (number);
  /**
   * Of them, those that were measured, and those of these that ever worked.
   */
  'measuredGpus': (number);
  'usedGpus': (number);
  /**
   * Mean utilization of those measured, 0 to 1. Absent = none was.
   */
  'gpuUtilizationRatio'?: (number);
  /**
   * The most memory used on a GPU, and what that GPU has. 0 = not measured.
   */
  'gpuMemoryPeakMib': (number);
  'gpuMemoryMib': (number);
  /**
   * Thousandths of a core: asked for, and used in the mean. Absent = not measured.
   */
  'cpuMilli': (number);
  'cpuUsedMilli'?: (number);
  /**
   * Of the task that used the most: asked for, and its peak. Absent = not measured.
   */
  'memoryMib': (number);
  'memoryPeakMib'?: (number);
  '_gpuUtilizationRatio'?: "gpuUtilizationRatio";
  '_cpuUsedMilli'?: "cpuUsedMilli";
  '_memoryPeakMib'?: "memoryPeakMib";
}

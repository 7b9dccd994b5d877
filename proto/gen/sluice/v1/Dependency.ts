// Original file: sluice/v1/workload.proto

import type { DependencyCondition as _sluice_v1_DependencyCondition, DependencyCondition__Output as _sluice_v1_DependencyCondition__Output } from '../../sluice/v1/DependencyCondition.js';
import type { Long } from '@grpc/proto-loader';

/**
 * Another workload that is waited for.
 */
export interface Dependency {
  /**
   * Its number: of one that was submitted before.
   */
  'workload'?: (number | string | Long);
  'condition'?: (_sluice_v1_DependencyCondition);
}

/**
 * Another workload that is waited for.
 */
export interface Dependency__Output {
  /**
   * Its number: of one that was submitted before.
   */
  'workload': (number);
  'condition': (_sluice_v1_DependencyCondition__Output);
}

// Original file: sluice/v1/workload.proto

import type { NotifyOn as _sluice_v1_NotifyOn, NotifyOn__Output as _sluice_v1_NotifyOn__Output } from '../../sluice/v1/NotifyOn.js';

/**
 * Whom to tell of what.
 */
export interface NotifyRule {
  'on'?: (_sluice_v1_NotifyOn)[];
  /**
   * `https://…` that takes a POST, or `mailto:ada@example.org`. The cluster says which are permitted.
   */
  'to'?: (string);
}

/**
 * Whom to tell of what.
 */
export interface NotifyRule__Output {
  'on': (_sluice_v1_NotifyOn__Output)[];
  /**
   * `https://…` that takes a POST, or `mailto:ada@example.org`. The cluster says which are permitted.
   */
  'to': (string);
}

// Original file: sluice/v1/stats.proto

import type { FindingKind as _sluice_v1_FindingKind, FindingKind__Output as _sluice_v1_FindingKind__Output } from '../../sluice/v1/FindingKind.js';

export interface Finding {
  'kind'?: (_sluice_v1_FindingKind);
  /**
   * In one sentence, with the numbers and with what to do.
   */
  'message'?: (string);
}

export interface Finding__Output {
  'kind': (_sluice_v1_FindingKind__Output);
  /**
   * In one sentence, with the numbers and with what to do.
   */
  'message': (string);
}

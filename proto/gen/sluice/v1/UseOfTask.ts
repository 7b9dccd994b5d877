// Original file: sluice/v1/agent.proto

import type { MeasuredUse as _sluice_v1_MeasuredUse, MeasuredUse__Output as _sluice_v1_MeasuredUse__Output } from '../../sluice/v1/MeasuredUse.js';

export interface UseOfTask {
  'allocation'?: (string);
  'use'?: (_sluice_v1_MeasuredUse | null);
}

export interface UseOfTask__Output {
  'allocation': (string);
  'use': (_sluice_v1_MeasuredUse__Output | null);
}

// Original file: sluice/v1/workload.proto

import type { WorkloadState as _sluice_v1_WorkloadState, WorkloadState__Output as _sluice_v1_WorkloadState__Output } from '../../sluice/v1/WorkloadState.js';
import type { ExplanationLine as _sluice_v1_ExplanationLine, ExplanationLine__Output as _sluice_v1_ExplanationLine__Output } from '../../sluice/v1/ExplanationLine.js';
import type { Long } from '@grpc/proto-loader';

export interface ExplainWorkloadResponse {
  'number'?: (number | string | Long);
  'state'?: (_sluice_v1_WorkloadState);
  /**
   * The binding constraint, UPPER_SNAKE, for example QUEUE_LIMIT. Empty when it is not pending.
   */
  'reason'?: (string);
  /**
   * One sentence.
   */
  'summary'?: (string);
  'lines'?: (_sluice_v1_ExplanationLine)[];
}

export interface ExplainWorkloadResponse__Output {
  'number': (number);
  'state': (_sluice_v1_WorkloadState__Output);
  /**
   * The binding constraint, UPPER_SNAKE, for example QUEUE_LIMIT. Empty when it is not pending.
   */
  'reason': (string);
  /**
   * One sentence.
   */
  'summary': (string);
  'lines': (_sluice_v1_ExplanationLine__Output)[];
}

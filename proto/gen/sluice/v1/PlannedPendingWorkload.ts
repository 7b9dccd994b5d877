// Original file: sluice/v1/plan.proto

import type { Long } from '@grpc/proto-loader';

/**
 * A pending workload that would be pending for another reason.
 */
export interface PlannedPendingWorkload {
  'number'?: (number | string | Long);
  'name'?: (string);
  'queue'?: (string);
  /**
   * As ExplainWorkload tells them; `reason_before` is empty for one that would be displaced.
   */
  'reasonBefore'?: (string);
  'reasonAfter'?: (string);
  /**
   * One sentence: why it would be pending.
   */
  'summary'?: (string);
}

/**
 * A pending workload that would be pending for another reason.
 */
export interface PlannedPendingWorkload__Output {
  'number': (number);
  'name': (string);
  'queue': (string);
  /**
   * As ExplainWorkload tells them; `reason_before` is empty for one that would be displaced.
   */
  'reasonBefore': (string);
  'reasonAfter': (string);
  /**
   * One sentence: why it would be pending.
   */
  'summary': (string);
}

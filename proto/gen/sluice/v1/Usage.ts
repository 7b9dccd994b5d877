// Original file: sluice/v1/usage.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { WaitTimes as _sluice_v1_WaitTimes, WaitTimes__Output as _sluice_v1_WaitTimes__Output } from '../../sluice/v1/WaitTimes.js';
import type { Long } from '@grpc/proto-loader';

/**
 * One row: everything that has the same values of what was asked for; the other fields are empty.
 */
export interface Usage {
  /**
   * For example "2026-11-22", of UTC.
   */
  'day'?: (string);
  'queue'?: (string);
  'user'?: (string);
  'pool'?: (string);
  'model'?: (string);
  /**
   * Grants of GPUs to tasks that began.
   */
  'grants'?: (number | string | Long);
  /**
   * GPU time: one GPU for one hour, or half of one for two. From the grant until the GPUs were proven free.
   */
  'heldGpuTime'?: (_google_protobuf_Duration | null);
  /**
   * From the grant until the task had ended: what users are charged for.
   */
  'chargedGpuTime'?: (_google_protobuf_Duration | null);
  /**
   * From the start of the program to its end.
   */
  'ranGpuTime'?: (_google_protobuf_Duration | null);
  /**
   * For example "2026-11", of UTC.
   */
  'month'?: (string);
  /**
   * What the charged time costs by the prices of the server. Absent = a part of it has no price.
   */
  'cost'?: (number | string);
  /**
   * Of the held time, what was within the guarantee of the queue at the time, and what was above it. Both come to the held time.
   */
  'guaranteedGpuTime'?: (_google_protobuf_Duration | null);
  'borrowedGpuTime'?: (_google_protobuf_Duration | null);
  /**
   * GPUs that did nothing for at least 15 minutes, by what agents measured.
   */
  'idleGpuTime'?: (_google_protobuf_Duration | null);
  /**
   * What interrupted attempts had done since their last checkpoint, or since their start.
   */
  'lostGpuTime'?: (_google_protobuf_Duration | null);
  /**
   * What failed attempts were charged since their last checkpoint, or since the grant.
   */
  'failedGpuTime'?: (_google_protobuf_Duration | null);
  /**
   * All three, at most the held time: what was idle may have been lost as well.
   */
  'wastedGpuTime'?: (_google_protobuf_Duration | null);
  /**
   * What the wasted time costs. Absent = a part of it has no price.
   */
  'wastedCost'?: (number | string);
  /**
   * Unset = nothing started.
   */
  'waits'?: (_sluice_v1_WaitTimes | null);
  /**
   * The number of the workload, and its name. 0 = the rows are not by workload, or those are no longer kept.
   */
  'workload'?: (number | string | Long);
  'workloadName'?: (string);
  '_cost'?: "cost";
  '_wastedCost'?: "wastedCost";
}

/**
 * One row: everything that has the same values of what was asked for; the other fields are empty.
 */
export interface Usage__Output {
  /**
   * For example "2026-11-22", of UTC.
   */
  'day': (string);
  'queue': (string);
  'user': (string);
  'pool': (string);
  'model': (string);
  /**
   * Grants of GPUs to tasks that began.
   */
  'grants': (number);
  /**
   * GPU time: one GPU for one hour, or half of one for two. From the grant until the GPUs were proven free.
   */
  'heldGpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * From the grant until the task had ended: what users are charged for.
   */
  'chargedGpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * From the start of the program to its end.
   */
  'ranGpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * For example "2026-11", of UTC.
   */
  'month': (string);
  /**
   * What the charged time costs by the prices of the server. Absent = a part of it has no price.
   */
  'cost'?: (number);
  /**
   * Of the held time, what was within the guarantee of the queue at the time, and what was above it. Both come to the held time.
   */
  'guaranteedGpuTime': (_google_protobuf_Duration__Output | null);
  'borrowedGpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * GPUs that did nothing for at least 15 minutes, by what agents measured.
   */
  'idleGpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * What interrupted attempts had done since their last checkpoint, or since their start.
   */
  'lostGpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * What failed attempts were charged since their last checkpoint, or since the grant.
   */
  'failedGpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * All three, at most the held time: what was idle may have been lost as well.
   */
  'wastedGpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * What the wasted time costs. Absent = a part of it has no price.
   */
  'wastedCost'?: (number);
  /**
   * Unset = nothing started.
   */
  'waits': (_sluice_v1_WaitTimes__Output | null);
  /**
   * The number of the workload, and its name. 0 = the rows are not by workload, or those are no longer kept.
   */
  'workload': (number);
  'workloadName': (string);
  '_cost'?: "cost";
  '_wastedCost'?: "wastedCost";
}

// Original file: sluice/v1/usage.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
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
  '_cost'?: "cost";
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
  '_cost'?: "cost";
}

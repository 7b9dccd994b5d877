// Original file: sluice/v1/workload.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';

/**
 * What to do when a program ends with an error. GPUs lost to others or to a lost node do not count.
 */
export interface RetryPolicy {
  /**
   * How often it is tried again. 0 = never.
   */
  'max'?: (number);
  /**
   * The pause before the first retry; it doubles each time. Default 10 s.
   */
  'backoff'?: (_google_protobuf_Duration | null);
  /**
   * The longest pause. Default 10 min, or the first pause if that is longer.
   */
  'maxBackoff'?: (_google_protobuf_Duration | null);
  /**
   * Exit codes after which it is tried again. Empty = all but those of never_codes.
   */
  'codes'?: (number)[];
  /**
   * Exit codes after which it is not tried again.
   */
  'neverCodes'?: (number)[];
}

/**
 * What to do when a program ends with an error. GPUs lost to others or to a lost node do not count.
 */
export interface RetryPolicy__Output {
  /**
   * How often it is tried again. 0 = never.
   */
  'max': (number);
  /**
   * The pause before the first retry; it doubles each time. Default 10 s.
   */
  'backoff': (_google_protobuf_Duration__Output | null);
  /**
   * The longest pause. Default 10 min, or the first pause if that is longer.
   */
  'maxBackoff': (_google_protobuf_Duration__Output | null);
  /**
   * Exit codes after which it is tried again. Empty = all but those of never_codes.
   */
  'codes': (number)[];
  /**
   * Exit codes after which it is not tried again.
   */
  'neverCodes': (number)[];
}

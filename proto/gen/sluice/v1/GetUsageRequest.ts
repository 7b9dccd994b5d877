// Original file: sluice/v1/usage.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { UsageDimension as _sluice_v1_UsageDimension, UsageDimension__Output as _sluice_v1_UsageDimension__Output } from '../../sluice/v1/UsageDimension.js';

export interface GetUsageRequest {
  /**
   * Whole days of UTC: the one in which this lies is the first. Unset = the first that is known. What is so old that only its
   * months are kept counts with its whole month.
   */
  'startTime'?: (_google_protobuf_Timestamp | null);
  /**
   * The one in which this lies is the last. Unset = today.
   */
  'endTime'?: (_google_protobuf_Timestamp | null);
  /**
   * Empty = by queue and user.
   */
  'by'?: (_sluice_v1_UsageDimension)[];
  /**
   * Only of this queue and those below it; empty = of all.
   */
  'queue'?: (string);
  /**
   * Only of this user; empty = of all.
   */
  'user'?: (string);
}

export interface GetUsageRequest__Output {
  /**
   * Whole days of UTC: the one in which this lies is the first. Unset = the first that is known. What is so old that only its
   * months are kept counts with its whole month.
   */
  'startTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * The one in which this lies is the last. Unset = today.
   */
  'endTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * Empty = by queue and user.
   */
  'by': (_sluice_v1_UsageDimension__Output)[];
  /**
   * Only of this queue and those below it; empty = of all.
   */
  'queue': (string);
  /**
   * Only of this user; empty = of all.
   */
  'user': (string);
}

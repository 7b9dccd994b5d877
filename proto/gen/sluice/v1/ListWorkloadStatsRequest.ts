// Original file: sluice/v1/stats.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';

export interface ListWorkloadStatsRequest {
  /**
   * Only of this queue and those below it; empty = of all.
   */
  'queue'?: (string);
  /**
   * Only of this user; empty = of all.
   */
  'user'?: (string);
  /**
   * Only those that run, or ended at or after this. Unset = all that are kept.
   */
  'startTime'?: (_google_protobuf_Timestamp | null);
  /**
   * At most 1,000; 0 = 1,000.
   */
  'pageSize'?: (number);
  'pageToken'?: (string);
}

export interface ListWorkloadStatsRequest__Output {
  /**
   * Only of this queue and those below it; empty = of all.
   */
  'queue': (string);
  /**
   * Only of this user; empty = of all.
   */
  'user': (string);
  /**
   * Only those that run, or ended at or after this. Unset = all that are kept.
   */
  'startTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * At most 1,000; 0 = 1,000.
   */
  'pageSize': (number);
  'pageToken': (string);
}

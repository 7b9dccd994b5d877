// Original file: sluice/v1/cluster.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';

/**
 * A daemon that stands by.
 */
export interface Standby {
  /**
   * Where it answers.
   */
  'address'?: (string);
  'since'?: (_google_protobuf_Timestamp | null);
}

/**
 * A daemon that stands by.
 */
export interface Standby__Output {
  /**
   * Where it answers.
   */
  'address': (string);
  'since': (_google_protobuf_Timestamp__Output | null);
}

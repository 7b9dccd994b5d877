// Original file: sluice/v1/cluster.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';

/**
 * Something that administrators have to know of.
 */
export interface Incident {
  'id'?: (string);
  'time'?: (_google_protobuf_Timestamp | null);
  /**
   * For example "history_lost".
   */
  'kind'?: (string);
  /**
   * In words.
   */
  'message'?: (string);
  /**
   * Who did it. Empty = the daemon itself.
   */
  'actor'?: (string);
}

/**
 * Something that administrators have to know of.
 */
export interface Incident__Output {
  'id': (string);
  'time': (_google_protobuf_Timestamp__Output | null);
  /**
   * For example "history_lost".
   */
  'kind': (string);
  /**
   * In words.
   */
  'message': (string);
  /**
   * Who did it. Empty = the daemon itself.
   */
  'actor': (string);
}

// Original file: sluice/v1/node.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';

/**
 * A time in which nodes are not to be used.
 */
export interface Maintenance {
  /**
   * A ULID.
   */
  'id'?: (string);
  /**
   * Names of nodes; in a Node only its own.
   */
  'nodes'?: (string)[];
  /**
   * Of the first time, when it comes again.
   */
  'startTime'?: (_google_protobuf_Timestamp | null);
  'endTime'?: (_google_protobuf_Timestamp | null);
  /**
   * How often it comes again. Unset = once.
   */
  'every'?: (_google_protobuf_Duration | null);
  'reason'?: (string);
  /**
   * When it begins next. Unset = it has begun, and does not come again.
   */
  'nextStartTime'?: (_google_protobuf_Timestamp | null);
  /**
   * True while it lasts.
   */
  'active'?: (boolean);
}

/**
 * A time in which nodes are not to be used.
 */
export interface Maintenance__Output {
  /**
   * A ULID.
   */
  'id': (string);
  /**
   * Names of nodes; in a Node only its own.
   */
  'nodes': (string)[];
  /**
   * Of the first time, when it comes again.
   */
  'startTime': (_google_protobuf_Timestamp__Output | null);
  'endTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * How often it comes again. Unset = once.
   */
  'every': (_google_protobuf_Duration__Output | null);
  'reason': (string);
  /**
   * When it begins next. Unset = it has begun, and does not come again.
   */
  'nextStartTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * True while it lasts.
   */
  'active': (boolean);
}

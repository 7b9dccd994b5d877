// Original file: sluice/v1/node.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';

export interface CreateMaintenanceRequest {
  /**
   * Names of nodes, at most 1,000.
   */
  'nodes'?: (string)[];
  /**
   * Unset = now.
   */
  'startTime'?: (_google_protobuf_Timestamp | null);
  /**
   * At most 30 days.
   */
  'duration'?: (_google_protobuf_Duration | null);
  /**
   * How often it comes again, at least the duration. Unset = once.
   */
  'every'?: (_google_protobuf_Duration | null);
  /**
   * At most 1,000 characters.
   */
  'reason'?: (string);
}

export interface CreateMaintenanceRequest__Output {
  /**
   * Names of nodes, at most 1,000.
   */
  'nodes': (string)[];
  /**
   * Unset = now.
   */
  'startTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * At most 30 days.
   */
  'duration': (_google_protobuf_Duration__Output | null);
  /**
   * How often it comes again, at least the duration. Unset = once.
   */
  'every': (_google_protobuf_Duration__Output | null);
  /**
   * At most 1,000 characters.
   */
  'reason': (string);
}

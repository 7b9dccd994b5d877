// Original file: sluice/v1/agent.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

/**
 * Asks for a piece of a task's log.
 */
export interface LogRead {
  'id'?: (number | string | Long);
  'allocation'?: (string);
  'offset'?: (number | string | Long);
  /**
   * At most 65,536.
   */
  'maxBytes'?: (number);
  /**
   * At the end of the log of a live task: answer when there is more, not at once.
   */
  'wait'?: (boolean);
  /**
   * Begin no earlier than with what was written at or after this time. Absent = at the offset.
   */
  'since'?: (_google_protobuf_Timestamp | null);
  /**
   * Tell when it was written.
   */
  'times'?: (boolean);
  /**
   * Of a task whose standard error has a log of its own: that one.
   */
  'stderr'?: (boolean);
}

/**
 * Asks for a piece of a task's log.
 */
export interface LogRead__Output {
  'id': (number);
  'allocation': (string);
  'offset': (number);
  /**
   * At most 65,536.
   */
  'maxBytes': (number);
  /**
   * At the end of the log of a live task: answer when there is more, not at once.
   */
  'wait': (boolean);
  /**
   * Begin no earlier than with what was written at or after this time. Absent = at the offset.
   */
  'since': (_google_protobuf_Timestamp__Output | null);
  /**
   * Tell when it was written.
   */
  'times': (boolean);
  /**
   * Of a task whose standard error has a log of its own: that one.
   */
  'stderr': (boolean);
}

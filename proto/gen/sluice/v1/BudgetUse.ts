// Original file: sluice/v1/queue.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';

/**
 * How a budget stands.
 */
export interface BudgetUse {
  /**
   * In the unit of the budget, with what runs up to now.
   */
  'used'?: (number | string);
  /**
   * The present period, from the first to before the second.
   */
  'startTime'?: (_google_protobuf_Timestamp | null);
  'endTime'?: (_google_protobuf_Timestamp | null);
  /**
   * All of it is used, and what follows from that is in force.
   */
  'isSpent'?: (boolean);
  /**
   * What costs are in; empty = not said, or the budget is of GPU hours.
   */
  'currency'?: (string);
}

/**
 * How a budget stands.
 */
export interface BudgetUse__Output {
  /**
   * In the unit of the budget, with what runs up to now.
   */
  'used': (number);
  /**
   * The present period, from the first to before the second.
   */
  'startTime': (_google_protobuf_Timestamp__Output | null);
  'endTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * All of it is used, and what follows from that is in force.
   */
  'isSpent': (boolean);
  /**
   * What costs are in; empty = not said, or the budget is of GPU hours.
   */
  'currency': (string);
}

// Original file: sluice/v1/agent.proto

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
}

// Original file: sluice/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface HeartbeatReply {
  'sequence'?: (number | string | Long);
  /**
   * The last durable revision of the history that the agent was welcomed to; 0 = the scheduler does not say.
   */
  'revision'?: (number | string | Long);
}

export interface HeartbeatReply__Output {
  'sequence': (number);
  /**
   * The last durable revision of the history that the agent was welcomed to; 0 = the scheduler does not say.
   */
  'revision': (number);
}

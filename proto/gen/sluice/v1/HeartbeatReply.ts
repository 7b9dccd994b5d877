// Original file: sluice/v1/agent.proto

import type { Long } from '@grpc/proto-loader';

export interface HeartbeatReply {
  'sequence'?: (number | string | Long);
}

export interface HeartbeatReply__Output {
  'sequence': (number);
}

// Original file: sluice/v1/agent.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface Heartbeat {
  'sequence'?: (number | string | Long);
  /**
   * What the clock of the machine shows. Nothing is decided by it.
   */
  'time'?: (_google_protobuf_Timestamp | null);
}

export interface Heartbeat__Output {
  'sequence': (number);
  /**
   * What the clock of the machine shows. Nothing is decided by it.
   */
  'time': (_google_protobuf_Timestamp__Output | null);
}

// Original file: sluice/v1/agent.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface Welcome {
  'clusterId'?: (string);
  'lineage'?: (string);
  'epoch'?: (number | string | Long);
  'heartbeatInterval'?: (_google_protobuf_Duration | null);
  /**
   * How long the agent may go on after the sending of a heartbeat that was answered.
   */
  'lease'?: (_google_protobuf_Duration | null);
  /**
   * Who leads in this epoch: an epoch has one leader.
   */
  'leaderId'?: (string);
  /**
   * What the scheduler runs, and what its clock shows: the agent says in its log when either is not like its own. Nothing is
   * decided by them.
   */
  'serverVersion'?: (string);
  'serverTime'?: (_google_protobuf_Timestamp | null);
}

export interface Welcome__Output {
  'clusterId': (string);
  'lineage': (string);
  'epoch': (number);
  'heartbeatInterval': (_google_protobuf_Duration__Output | null);
  /**
   * How long the agent may go on after the sending of a heartbeat that was answered.
   */
  'lease': (_google_protobuf_Duration__Output | null);
  /**
   * Who leads in this epoch: an epoch has one leader.
   */
  'leaderId': (string);
  /**
   * What the scheduler runs, and what its clock shows: the agent says in its log when either is not like its own. Nothing is
   * decided by them.
   */
  'serverVersion': (string);
  'serverTime': (_google_protobuf_Timestamp__Output | null);
}

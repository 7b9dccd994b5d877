// Original file: sluice/v1/workload.proto

import type { WorkloadState as _sluice_v1_WorkloadState, WorkloadState__Output as _sluice_v1_WorkloadState__Output } from '../../sluice/v1/WorkloadState.js';
import type { ExplanationLine as _sluice_v1_ExplanationLine, ExplanationLine__Output as _sluice_v1_ExplanationLine__Output } from '../../sluice/v1/ExplanationLine.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface ExplainWorkloadResponse {
  'number'?: (number | string | Long);
  'state'?: (_sluice_v1_WorkloadState);
  /**
   * The binding constraint; empty when it is not pending. One of HELD, DEPENDENCY, BACKOFF, ARRAY_CAP (it may not start yet);
   * QUEUE_LIMIT, USER_LIMIT, GUARANTEE_EXHAUSTED (its queue may not hold more); NO_SUCH_GPU, NODES_UNAVAILABLE, MAINTENANCE,
   * FRAGMENTED, TOPOLOGY, CPU_OR_MEMORY, OWED_TO_OTHERS, RESERVED, RESOURCES (no room); RECLAIMING (it has a claim);
   * NOT_EVALUATED. More may come.
   */
  'reason'?: (string);
  /**
   * One sentence.
   */
  'summary'?: (string);
  'lines'?: (_sluice_v1_ExplanationLine)[];
  /**
   * By when it starts at the latest if nothing goes before it, in words, or why nobody can tell. Empty when it is not pending.
   */
  'estimate'?: (string);
  /**
   * The same as a time; absent when nobody can tell.
   */
  'startTime'?: (_google_protobuf_Timestamp | null);
}

export interface ExplainWorkloadResponse__Output {
  'number': (number);
  'state': (_sluice_v1_WorkloadState__Output);
  /**
   * The binding constraint; empty when it is not pending. One of HELD, DEPENDENCY, BACKOFF, ARRAY_CAP (it may not start yet);
   * QUEUE_LIMIT, USER_LIMIT, GUARANTEE_EXHAUSTED (its queue may not hold more); NO_SUCH_GPU, NODES_UNAVAILABLE, MAINTENANCE,
   * FRAGMENTED, TOPOLOGY, CPU_OR_MEMORY, OWED_TO_OTHERS, RESERVED, RESOURCES (no room); RECLAIMING (it has a claim);
   * NOT_EVALUATED. More may come.
   */
  'reason': (string);
  /**
   * One sentence.
   */
  'summary': (string);
  'lines': (_sluice_v1_ExplanationLine__Output)[];
  /**
   * By when it starts at the latest if nothing goes before it, in words, or why nobody can tell. Empty when it is not pending.
   */
  'estimate': (string);
  /**
   * The same as a time; absent when nobody can tell.
   */
  'startTime': (_google_protobuf_Timestamp__Output | null);
}

// Original file: sluice/v1/stats.proto

import type { WorkloadState as _sluice_v1_WorkloadState, WorkloadState__Output as _sluice_v1_WorkloadState__Output } from '../../sluice/v1/WorkloadState.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';
import type { UseSummary as _sluice_v1_UseSummary, UseSummary__Output as _sluice_v1_UseSummary__Output } from '../../sluice/v1/UseSummary.js';
import type { Finding as _sluice_v1_Finding, Finding__Output as _sluice_v1_Finding__Output } from '../../sluice/v1/Finding.js';
import type { TaskStats as _sluice_v1_TaskStats, TaskStats__Output as _sluice_v1_TaskStats__Output } from '../../sluice/v1/TaskStats.js';
import type { Long } from '@grpc/proto-loader';

export interface WorkloadStats {
  'workload'?: (number | string | Long);
  'name'?: (string);
  'queue'?: (string);
  'owner'?: (string);
  'state'?: (_sluice_v1_WorkloadState);
  'attempt'?: (number);
  /**
   * Of the attempt.
   */
  'startTime'?: (_google_protobuf_Timestamp | null);
  'runTime'?: (_google_protobuf_Duration | null);
  'timeLimit'?: (_google_protobuf_Duration | null);
  'summary'?: (_sluice_v1_UseSummary | null);
  'findings'?: (_sluice_v1_Finding)[];
  /**
   * At most 1,000.
   */
  'tasks'?: (_sluice_v1_TaskStats)[];
  /**
   * What it was charged until now, over all its attempts: time times GPUs, shares as such.
   */
  'gpuTime'?: (_google_protobuf_Duration | null);
  /**
   * What that costs, by the cluster's prices. Absent = a part of it has no price, or is no longer known by model.
   */
  'cost'?: (number | string);
  '_cost'?: "cost";
}

export interface WorkloadStats__Output {
  'workload': (number);
  'name': (string);
  'queue': (string);
  'owner': (string);
  'state': (_sluice_v1_WorkloadState__Output);
  'attempt': (number);
  /**
   * Of the attempt.
   */
  'startTime': (_google_protobuf_Timestamp__Output | null);
  'runTime': (_google_protobuf_Duration__Output | null);
  'timeLimit': (_google_protobuf_Duration__Output | null);
  'summary': (_sluice_v1_UseSummary__Output | null);
  'findings': (_sluice_v1_Finding__Output)[];
  /**
   * At most 1,000.
   */
  'tasks': (_sluice_v1_TaskStats__Output)[];
  /**
   * What it was charged until now, over all its attempts: time times GPUs, shares as such.
   */
  'gpuTime': (_google_protobuf_Duration__Output | null);
  /**
   * What that costs, by the cluster's prices. Absent = a part of it has no price, or is no longer known by model.
   */
  'cost'?: (number);
  '_cost'?: "cost";
}

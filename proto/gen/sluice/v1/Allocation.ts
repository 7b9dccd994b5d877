// Original file: sluice/v1/workload.proto

import type { GrantedGpu as _sluice_v1_GrantedGpu, GrantedGpu__Output as _sluice_v1_GrantedGpu__Output } from '../../sluice/v1/GrantedGpu.js';
import type { AllocationState as _sluice_v1_AllocationState, AllocationState__Output as _sluice_v1_AllocationState__Output } from '../../sluice/v1/AllocationState.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { StopOrder as _sluice_v1_StopOrder, StopOrder__Output as _sluice_v1_StopOrder__Output } from '../../sluice/v1/StopOrder.js';
import type { Exit as _sluice_v1_Exit, Exit__Output as _sluice_v1_Exit__Output } from '../../sluice/v1/Exit.js';
import type { Endpoint as _sluice_v1_Endpoint, Endpoint__Output as _sluice_v1_Endpoint__Output } from '../../sluice/v1/Endpoint.js';

/**
 * The binding of one task to GPUs of one node.
 */
export interface Allocation {
  /**
   * A ULID. A restart is a new allocation.
   */
  'id'?: (string);
  'task'?: (number);
  'attempt'?: (number);
  'node'?: (string);
  'gpus'?: (_sluice_v1_GrantedGpu)[];
  'state'?: (_sluice_v1_AllocationState);
  'placeTime'?: (_google_protobuf_Timestamp | null);
  'startTime'?: (_google_protobuf_Timestamp | null);
  'endTime'?: (_google_protobuf_Timestamp | null);
  'stop'?: (_sluice_v1_StopOrder | null);
  'exit'?: (_sluice_v1_Exit | null);
  'endpoints'?: (_sluice_v1_Endpoint)[];
  /**
   * True while the node is not heard of, so that this is the last known state.
   */
  'unreachable'?: (boolean);
  /**
   * Its place among the tasks that work together, from 0. Absent = it is told of no others.
   */
  'rank'?: (number);
  /**
   * True while it is ready, or getting ready, and waits for the others of its gang: they start together.
   */
  'waitsForGang'?: (boolean);
  '_rank'?: "rank";
}

/**
 * The binding of one task to GPUs of one node.
 */
export interface Allocation__Output {
  /**
   * A ULID. A restart is a new allocation.
   */
  'id': (string);
  'task': (number);
  'attempt': (number);
  'node': (string);
  'gpus': (_sluice_v1_GrantedGpu__Output)[];
  'state': (_sluice_v1_AllocationState__Output);
  'placeTime': (_google_protobuf_Timestamp__Output | null);
  'startTime': (_google_protobuf_Timestamp__Output | null);
  'endTime': (_google_protobuf_Timestamp__Output | null);
  'stop': (_sluice_v1_StopOrder__Output | null);
  'exit': (_sluice_v1_Exit__Output | null);
  'endpoints': (_sluice_v1_Endpoint__Output)[];
  /**
   * True while the node is not heard of, so that this is the last known state.
   */
  'unreachable': (boolean);
  /**
   * Its place among the tasks that work together, from 0. Absent = it is told of no others.
   */
  'rank'?: (number);
  /**
   * True while it is ready, or getting ready, and waits for the others of its gang: they start together.
   */
  'waitsForGang': (boolean);
  '_rank'?: "rank";
}

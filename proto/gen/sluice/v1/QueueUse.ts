// Original file: sluice/v1/queue.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { ScopeUse as _sluice_v1_ScopeUse, ScopeUse__Output as _sluice_v1_ScopeUse__Output } from '../../sluice/v1/ScopeUse.js';
import type { ShapeStanding as _sluice_v1_ShapeStanding, ShapeStanding__Output as _sluice_v1_ShapeStanding__Output } from '../../sluice/v1/ShapeStanding.js';

/**
 * What a queue holds and may expect, in GPUs. Shares count as such.
 */
export interface QueueUse {
  'allocatedGpus'?: (number | string);
  'borrowedGpus'?: (number | string);
  /**
   * Asked for by pending workloads.
   */
  'pendingGpus'?: (number | string);
  'fairShareGpus'?: (number | string);
  /**
   * The part of the guarantee that is wanted but cannot be given now.
   */
  'unmetGuaranteeGpus'?: (number | string);
  'runningWorkloads'?: (number);
  'pendingWorkloads'?: (number);
  'oldestPendingTime'?: (_google_protobuf_Timestamp | null);
  /**
   * In the order of the spec.
   */
  'scopes'?: (_sluice_v1_ScopeUse)[];
  /**
   * Of each shape of the spec, in its order.
   */
  'shapes'?: (_sluice_v1_ShapeStanding)[];
}

/**
 * What a queue holds and may expect, in GPUs. Shares count as such.
 */
export interface QueueUse__Output {
  'allocatedGpus': (number);
  'borrowedGpus': (number);
  /**
   * Asked for by pending workloads.
   */
  'pendingGpus': (number);
  'fairShareGpus': (number);
  /**
   * The part of the guarantee that is wanted but cannot be given now.
   */
  'unmetGuaranteeGpus': (number);
  'runningWorkloads': (number);
  'pendingWorkloads': (number);
  'oldestPendingTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * In the order of the spec.
   */
  'scopes': (_sluice_v1_ScopeUse__Output)[];
  /**
   * Of each shape of the spec, in its order.
   */
  'shapes': (_sluice_v1_ShapeStanding__Output)[];
}

// Original file: sluice/v1/agent.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface HealthEvent {
  /**
   * Rises by 1 with each event of this node, for ever.
   */
  'sequence'?: (number | string | Long);
  'time'?: (_google_protobuf_Timestamp | null);
  /**
   * "xid", "sxid", "ecc_uncorrected", "prolog_failed", "epilog_failed", "gpu_reset" (and clean since),
   * "gpu_reset_failed". Others may come; a scheduler that does not know one notes it.
   */
  'kind'?: (string);
  /**
   * The UUID of the GPU. Empty = of the node as a whole, or of a GPU that the agent does not know.
   */
  'gpu'?: (string);
  /**
   * The number after "Xid" or "SXid"; 0 = none.
   */
  'xid'?: (number);
  /**
   * As the kernel or the hook said it; at most 1,000 characters.
   */
  'detail'?: (string);
  /**
   * The allocation that it was about, where the agent knows. Empty = none.
   */
  'allocation'?: (string);
}

export interface HealthEvent__Output {
  /**
   * Rises by 1 with each event of this node, for ever.
   */
  'sequence': (number);
  'time': (_google_protobuf_Timestamp__Output | null);
  /**
   * "xid", "sxid", "ecc_uncorrected", "prolog_failed", "epilog_failed", "gpu_reset" (and clean since),
   * "gpu_reset_failed". Others may come; a scheduler that does not know one notes it.
   */
  'kind': (string);
  /**
   * The UUID of the GPU. Empty = of the node as a whole, or of a GPU that the agent does not know.
   */
  'gpu': (string);
  /**
   * The number after "Xid" or "SXid"; 0 = none.
   */
  'xid': (number);
  /**
   * As the kernel or the hook said it; at most 1,000 characters.
   */
  'detail': (string);
  /**
   * The allocation that it was about, where the agent knows. Empty = none.
   */
  'allocation': (string);
}

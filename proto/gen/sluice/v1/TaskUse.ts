// Original file: sluice/v1/agent.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';

/**
 * How long a terminal was not used: nothing typed, nothing shown.
 */
export interface TaskUse {
  'allocation'?: (string);
  'idle'?: (_google_protobuf_Duration | null);
}

/**
 * How long a terminal was not used: nothing typed, nothing shown.
 */
export interface TaskUse__Output {
  'allocation': (string);
  'idle': (_google_protobuf_Duration__Output | null);
}

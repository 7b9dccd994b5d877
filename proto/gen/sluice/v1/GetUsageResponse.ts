// Original file: sluice/v1/usage.proto

import type { Usage as _sluice_v1_Usage, Usage__Output as _sluice_v1_Usage__Output } from '../../sluice/v1/Usage.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface GetUsageResponse {
  /**
   * In the order of their fields; at most 10,000.
   */
  'rows'?: (_sluice_v1_Usage)[];
  'total'?: (_sluice_v1_Usage | null);
  /**
   * Until when what is not over was counted.
   */
  'untilTime'?: (_google_protobuf_Timestamp | null);
  'revision'?: (number | string | Long);
  /**
   * What costs are in; empty = the server does not say.
   */
  'currency'?: (string);
}

export interface GetUsageResponse__Output {
  /**
   * In the order of their fields; at most 10,000.
   */
  'rows': (_sluice_v1_Usage__Output)[];
  'total': (_sluice_v1_Usage__Output | null);
  /**
   * Until when what is not over was counted.
   */
  'untilTime': (_google_protobuf_Timestamp__Output | null);
  'revision': (number);
  /**
   * What costs are in; empty = the server does not say.
   */
  'currency': (string);
}

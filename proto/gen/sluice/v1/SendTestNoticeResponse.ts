// Original file: sluice/v1/notice.proto

import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';

export interface SendTestNoticeResponse {
  'delivered'?: (boolean);
  /**
   * In words: what the receiver answered, or why it was not reached.
   */
  'detail'?: (string);
  'took'?: (_google_protobuf_Duration | null);
}

export interface SendTestNoticeResponse__Output {
  'delivered': (boolean);
  /**
   * In words: what the receiver answered, or why it was not reached.
   */
  'detail': (string);
  'took': (_google_protobuf_Duration__Output | null);
}

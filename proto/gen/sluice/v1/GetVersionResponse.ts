// Original file: sluice/v1/version.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface GetVersionResponse {
  'version'?: (string);
  'clusterId'?: (string);
  'lineage'?: (string);
  'epoch'?: (number | string | Long);
  'revision'?: (number | string | Long);
  'nodeVersion'?: (string);
  /**
   * Where /metrics answers, for example http://127.0.0.1:9465/metrics. Empty = switched off.
   */
  'metricsUrl'?: (string);
  /**
   * What its clock shows.
   */
  'serverTime'?: (_google_protobuf_Timestamp | null);
}

export interface GetVersionResponse__Output {
  'version': (string);
  'clusterId': (string);
  'lineage': (string);
  'epoch': (number);
  'revision': (number);
  'nodeVersion': (string);
  /**
   * Where /metrics answers, for example http://127.0.0.1:9465/metrics. Empty = switched off.
   */
  'metricsUrl': (string);
  /**
   * What its clock shows.
   */
  'serverTime': (_google_protobuf_Timestamp__Output | null);
}

// Original file: sluice/v1/node.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { Long } from '@grpc/proto-loader';

export interface GpuTelemetry {
  'utilizationRatio'?: (number | string);
  'memoryUsedMib'?: (number | string | Long);
  'temperatureCelsius'?: (number | string);
  'powerWatts'?: (number | string);
  'time'?: (_google_protobuf_Timestamp | null);
}

export interface GpuTelemetry__Output {
  'utilizationRatio': (number);
  'memoryUsedMib': (number);
  'temperatureCelsius': (number);
  'powerWatts': (number);
  'time': (_google_protobuf_Timestamp__Output | null);
}

// Original file: sluice/v1/node.proto

import type { GpuHealth as _sluice_v1_GpuHealth, GpuHealth__Output as _sluice_v1_GpuHealth__Output } from '../../sluice/v1/GpuHealth.js';
import type { GpuTelemetry as _sluice_v1_GpuTelemetry, GpuTelemetry__Output as _sluice_v1_GpuTelemetry__Output } from '../../sluice/v1/GpuTelemetry.js';
import type { Long } from '@grpc/proto-loader';

export interface Gpu {
  'uuid'?: (string);
  'index'?: (number);
  'model'?: (string);
  'memoryMib'?: (number | string | Long);
  /**
   * True = no hardware behind it.
   */
  'simulated'?: (boolean);
  'health'?: (_sluice_v1_GpuHealth);
  'healthMessage'?: (string);
  'pciBusId'?: (string);
  /**
   * The workload that holds it; 0 = free.
   */
  'workload'?: (number | string | Long);
  'telemetry'?: (_sluice_v1_GpuTelemetry | null);
}

export interface Gpu__Output {
  'uuid': (string);
  'index': (number);
  'model': (string);
  'memoryMib': (number);
  /**
   * True = no hardware behind it.
   */
  'simulated': (boolean);
  'health': (_sluice_v1_GpuHealth__Output);
  'healthMessage': (string);
  'pciBusId': (string);
  /**
   * The workload that holds it; 0 = free.
   */
  'workload': (number);
  'telemetry': (_sluice_v1_GpuTelemetry__Output | null);
}

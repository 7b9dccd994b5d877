// Original file: sluice/v1/agent.proto

import type { GpuTelemetry as _sluice_v1_GpuTelemetry, GpuTelemetry__Output as _sluice_v1_GpuTelemetry__Output } from '../../sluice/v1/GpuTelemetry.js';

export interface TelemetryOfGpu {
  'uuid'?: (string);
  'telemetry'?: (_sluice_v1_GpuTelemetry | null);
}

export interface TelemetryOfGpu__Output {
  'uuid': (string);
  'telemetry': (_sluice_v1_GpuTelemetry__Output | null);
}

// Original file: sluice/v1/agent.proto

import type { TelemetryOfGpu as _sluice_v1_TelemetryOfGpu, TelemetryOfGpu__Output as _sluice_v1_TelemetryOfGpu__Output } from '../../sluice/v1/TelemetryOfGpu.js';

export interface TelemetryReport {
  'gpus'?: (_sluice_v1_TelemetryOfGpu)[];
}

export interface TelemetryReport__Output {
  'gpus': (_sluice_v1_TelemetryOfGpu__Output)[];
}

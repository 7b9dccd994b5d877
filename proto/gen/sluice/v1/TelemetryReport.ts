// Original file: sluice/v1/agent.proto

import type { TelemetryOfGpu as _sluice_v1_TelemetryOfGpu, TelemetryOfGpu__Output as _sluice_v1_TelemetryOfGpu__Output } from '../../sluice/v1/TelemetryOfGpu.js';
import type { TaskUse as _sluice_v1_TaskUse, TaskUse__Output as _sluice_v1_TaskUse__Output } from '../../sluice/v1/TaskUse.js';
import type { UseOfTask as _sluice_v1_UseOfTask, UseOfTask__Output as _sluice_v1_UseOfTask__Output } from '../../sluice/v1/UseOfTask.js';

export interface TelemetryReport {
  'gpus'?: (_sluice_v1_TelemetryOfGpu)[];
  /**
   * Of the tasks with a terminal.
   */
  'tasks'?: (_sluice_v1_TaskUse)[];
  /**
   * Of the tasks that run, once a minute and with the first report of a session.
   */
  'uses'?: (_sluice_v1_UseOfTask)[];
}

export interface TelemetryReport__Output {
  'gpus': (_sluice_v1_TelemetryOfGpu__Output)[];
  /**
   * Of the tasks with a terminal.
   */
  'tasks': (_sluice_v1_TaskUse__Output)[];
  /**
   * Of the tasks that run, once a minute and with the first report of a session.
   */
  'uses': (_sluice_v1_UseOfTask__Output)[];
}

// Original file: sluice/v1/log.proto

import type { Long } from '@grpc/proto-loader';

export interface ReadLogsRequest {
  /**
   * A number or a name.
   */
  'workload'?: (string);
  'task'?: (number);
  'follow'?: (boolean);
  /**
   * Only the last so many bytes (0 = all), cut at a line.
   */
  'tailBytes'?: (number | string | Long);
  /**
   * Only the last so many lines (0 = all), or the lines of the last 16 MiB when they are fewer. Not with tail_bytes.
   */
  'tailLines'?: (number | string | Long);
}

export interface ReadLogsRequest__Output {
  /**
   * A number or a name.
   */
  'workload': (string);
  'task': (number);
  'follow': (boolean);
  /**
   * Only the last so many bytes (0 = all), cut at a line.
   */
  'tailBytes': (number);
  /**
   * Only the last so many lines (0 = all), or the lines of the last 16 MiB when they are fewer. Not with tail_bytes.
   */
  'tailLines': (number);
}

// Original file: sluice/v1/log.proto

import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { LogStream as _sluice_v1_LogStream, LogStream__Output as _sluice_v1_LogStream__Output } from '../../sluice/v1/LogStream.js';
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
  /**
   * That attempt and no other. 0 = the present or the last one.
   */
  'attempt'?: (number);
  /**
   * The attempt before the present or last one. Not with attempt.
   */
  'previous'?: (boolean);
  /**
   * Only what was written at or after this time, by the clock of the node; to half a second.
   */
  'since'?: (_google_protobuf_Timestamp | null);
  /**
   * Go on in the log of this allocation at resume_offset; with follow, with those after it. Empty = begin anew.
   */
  'resumeAllocation'?: (string);
  'resumeOffset'?: (number | string | Long);
  /**
   * Tell when what is sent was written.
   */
  'times'?: (boolean);
  /**
   * Refused for a workload that did not ask for separate_stderr.
   */
  'stream'?: (_sluice_v1_LogStream);
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
  /**
   * That attempt and no other. 0 = the present or the last one.
   */
  'attempt': (number);
  /**
   * The attempt before the present or last one. Not with attempt.
   */
  'previous': (boolean);
  /**
   * Only what was written at or after this time, by the clock of the node; to half a second.
   */
  'since': (_google_protobuf_Timestamp__Output | null);
  /**
   * Go on in the log of this allocation at resume_offset; with follow, with those after it. Empty = begin anew.
   */
  'resumeAllocation': (string);
  'resumeOffset': (number);
  /**
   * Tell when what is sent was written.
   */
  'times': (boolean);
  /**
   * Refused for a workload that did not ask for separate_stderr.
   */
  'stream': (_sluice_v1_LogStream__Output);
}

// Original file: sluice/v1/plan.proto

import type { PlannedStart as _sluice_v1_PlannedStart, PlannedStart__Output as _sluice_v1_PlannedStart__Output } from '../../sluice/v1/PlannedStart.js';
import type { Timestamp as _google_protobuf_Timestamp, Timestamp__Output as _google_protobuf_Timestamp__Output } from '../../google/protobuf/Timestamp.js';
import type { PlannedPlacement as _sluice_v1_PlannedPlacement, PlannedPlacement__Output as _sluice_v1_PlannedPlacement__Output } from '../../sluice/v1/PlannedPlacement.js';
import type { ExplanationLine as _sluice_v1_ExplanationLine, ExplanationLine__Output as _sluice_v1_ExplanationLine__Output } from '../../sluice/v1/ExplanationLine.js';
import type { Long } from '@grpc/proto-loader';

/**
 * What would become of a workload that was asked about.
 */
export interface PlannedWorkload {
  /**
   * The number it would get if it were submitted next.
   */
  'number'?: (number | string | Long);
  'name'?: (string);
  'queue'?: (string);
  'start'?: (_sluice_v1_PlannedStart);
  /**
   * By when it would have started; absent when that is not known.
   */
  'startTime'?: (_google_protobuf_Timestamp | null);
  /**
   * Where; empty when that is not known.
   */
  'placements'?: (_sluice_v1_PlannedPlacement)[];
  /**
   * Why it would not start at once, as ExplainWorkload would tell it; empty when it would.
   */
  'reason'?: (string);
  'summary'?: (string);
  'lines'?: (_sluice_v1_ExplanationLine)[];
  /**
   * One sentence on what the start time rests on, or why there is none; empty for a start at once.
   */
  'estimate'?: (string);
}

/**
 * What would become of a workload that was asked about.
 */
export interface PlannedWorkload__Output {
  /**
   * The number it would get if it were submitted next.
   */
  'number': (number);
  'name': (string);
  'queue': (string);
  'start': (_sluice_v1_PlannedStart__Output);
  /**
   * By when it would have started; absent when that is not known.
   */
  'startTime': (_google_protobuf_Timestamp__Output | null);
  /**
   * Where; empty when that is not known.
   */
  'placements': (_sluice_v1_PlannedPlacement__Output)[];
  /**
   * Why it would not start at once, as ExplainWorkload would tell it; empty when it would.
   */
  'reason': (string);
  'summary': (string);
  'lines': (_sluice_v1_ExplanationLine__Output)[];
  /**
   * One sentence on what the start time rests on, or why there is none; empty for a start at once.
   */
  'estimate': (string);
}

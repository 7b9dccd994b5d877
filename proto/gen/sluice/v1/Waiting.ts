// Original file: sluice/v1/cluster.proto

import type { WaitingFor as _sluice_v1_WaitingFor, WaitingFor__Output as _sluice_v1_WaitingFor__Output } from '../../sluice/v1/WaitingFor.js';
import type { Duration as _google_protobuf_Duration, Duration__Output as _google_protobuf_Duration__Output } from '../../google/protobuf/Duration.js';

export interface Waiting {
  'what'?: (_sluice_v1_WaitingFor);
  /**
   * In words.
   */
  'message'?: (string);
  /**
   * Names of nodes, at most 100 of them.
   */
  'nodes'?: (string)[];
  /**
   * How many there are.
   */
  'nodeCount'?: (number);
  /**
   * At most so long. Unset = not by time.
   */
  'atMost'?: (_google_protobuf_Duration | null);
  /**
   * Whether /readyz says "not ready" because of it.
   */
  'blocksReadiness'?: (boolean);
}

export interface Waiting__Output {
  'what': (_sluice_v1_WaitingFor__Output);
  /**
   * In words.
   */
  'message': (string);
  /**
   * Names of nodes, at most 100 of them.
   */
  'nodes': (string)[];
  /**
   * How many there are.
   */
  'nodeCount': (number);
  /**
   * At most so long. Unset = not by time.
   */
  'atMost': (_google_protobuf_Duration__Output | null);
  /**
   * Whether /readyz says "not ready" because of it.
   */
  'blocksReadiness': (boolean);
}

// Original file: sluice/v1/agent.proto

import type { ExecResponse as _sluice_v1_ExecResponse, ExecResponse__Output as _sluice_v1_ExecResponse__Output } from '../../sluice/v1/ExecResponse.js';

export interface RelayRequest {
  /**
   * In the first message, and nothing else in it.
   */
  'id'?: (string);
  'message'?: (_sluice_v1_ExecResponse | null);
}

export interface RelayRequest__Output {
  /**
   * In the first message, and nothing else in it.
   */
  'id': (string);
  'message': (_sluice_v1_ExecResponse__Output | null);
}

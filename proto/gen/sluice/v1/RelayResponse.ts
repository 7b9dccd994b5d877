// Original file: sluice/v1/agent.proto

import type { ExecRequest as _sluice_v1_ExecRequest, ExecRequest__Output as _sluice_v1_ExecRequest__Output } from '../../sluice/v1/ExecRequest.js';

export interface RelayResponse {
  'message'?: (_sluice_v1_ExecRequest | null);
}

export interface RelayResponse__Output {
  'message': (_sluice_v1_ExecRequest__Output | null);
}

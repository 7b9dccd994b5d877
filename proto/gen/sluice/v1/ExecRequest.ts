// Original file: sluice/v1/exec.proto

import type { ExecStart as _sluice_v1_ExecStart, ExecStart__Output as _sluice_v1_ExecStart__Output } from '../../sluice/v1/ExecStart.js';
import type { InputEnd as _sluice_v1_InputEnd, InputEnd__Output as _sluice_v1_InputEnd__Output } from '../../sluice/v1/InputEnd.js';
import type { TerminalSize as _sluice_v1_TerminalSize, TerminalSize__Output as _sluice_v1_TerminalSize__Output } from '../../sluice/v1/TerminalSize.js';

/**
 * From the client.
 */
export interface ExecRequest {
  'start'?: (_sluice_v1_ExecStart | null);
  /**
   * For its standard input or its terminal; at most 65,536 bytes.
   */
  'input'?: (Buffer | Uint8Array | string);
  /**
   * Its standard input is over.
   */
  'inputEnd'?: (_sluice_v1_InputEnd | null);
  /**
   * The client's terminal has another size.
   */
  'size'?: (_sluice_v1_TerminalSize | null);
  'message'?: "start"|"input"|"inputEnd"|"size";
}

/**
 * From the client.
 */
export interface ExecRequest__Output {
  'start'?: (_sluice_v1_ExecStart__Output | null);
  /**
   * For its standard input or its terminal; at most 65,536 bytes.
   */
  'input'?: (Buffer);
  /**
   * Its standard input is over.
   */
  'inputEnd'?: (_sluice_v1_InputEnd__Output | null);
  /**
   * The client's terminal has another size.
   */
  'size'?: (_sluice_v1_TerminalSize__Output | null);
  'message'?: "start"|"input"|"inputEnd"|"size";
}

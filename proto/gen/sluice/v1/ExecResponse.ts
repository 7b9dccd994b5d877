// Original file: sluice/v1/exec.proto

import type { ExecStarted as _sluice_v1_ExecStarted, ExecStarted__Output as _sluice_v1_ExecStarted__Output } from '../../sluice/v1/ExecStarted.js';
import type { ExecEnd as _sluice_v1_ExecEnd, ExecEnd__Output as _sluice_v1_ExecEnd__Output } from '../../sluice/v1/ExecEnd.js';

/**
 * To the client.
 */
export interface ExecResponse {
  'started'?: (_sluice_v1_ExecStarted | null);
  /**
   * What it wrote to its terminal, or to its standard output.
   */
  'output'?: (Buffer | Uint8Array | string);
  /**
   * What it wrote to its standard error; only without a terminal.
   */
  'errorOutput'?: (Buffer | Uint8Array | string);
  /**
   * It ended; the last message.
   */
  'end'?: (_sluice_v1_ExecEnd | null);
  'message'?: "started"|"output"|"errorOutput"|"end";
}

/**
 * To the client.
 */
export interface ExecResponse__Output {
  'started'?: (_sluice_v1_ExecStarted__Output | null);
  /**
   * What it wrote to its terminal, or to its standard output.
   */
  'output'?: (Buffer);
  /**
   * What it wrote to its standard error; only without a terminal.
   */
  'errorOutput'?: (Buffer);
  /**
   * It ended; the last message.
   */
  'end'?: (_sluice_v1_ExecEnd__Output | null);
  'message'?: "started"|"output"|"errorOutput"|"end";
}

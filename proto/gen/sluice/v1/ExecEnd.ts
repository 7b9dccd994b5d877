// Original file: sluice/v1/exec.proto

import type { Exit as _sluice_v1_Exit, Exit__Output as _sluice_v1_Exit__Output } from '../../sluice/v1/Exit.js';

export interface ExecEnd {
  /**
   * Absent when it could not be started, or when only the client left it.
   */
  'exit'?: (_sluice_v1_Exit | null);
  /**
   * In words, why it could not be started, or why it ended; empty = of its own accord.
   */
  'error'?: (string);
}

export interface ExecEnd__Output {
  /**
   * Absent when it could not be started, or when only the client left it.
   */
  'exit': (_sluice_v1_Exit__Output | null);
  /**
   * In words, why it could not be started, or why it ended; empty = of its own accord.
   */
  'error': (string);
}

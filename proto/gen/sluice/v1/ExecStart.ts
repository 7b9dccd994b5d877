// Original file: sluice/v1/exec.proto

import type { Command as _sluice_v1_Command, Command__Output as _sluice_v1_Command__Output } from '../../sluice/v1/Command.js';
import type { CopyOut as _sluice_v1_CopyOut, CopyOut__Output as _sluice_v1_CopyOut__Output } from '../../sluice/v1/CopyOut.js';
import type { CopyIn as _sluice_v1_CopyIn, CopyIn__Output as _sluice_v1_CopyIn__Output } from '../../sluice/v1/CopyIn.js';
import type { Attach as _sluice_v1_Attach, Attach__Output as _sluice_v1_Attach__Output } from '../../sluice/v1/Attach.js';
import type { TerminalSize as _sluice_v1_TerminalSize, TerminalSize__Output as _sluice_v1_TerminalSize__Output } from '../../sluice/v1/TerminalSize.js';

export interface ExecStart {
  /**
   * A number or a name.
   */
  'workload'?: (string);
  'task'?: (number);
  /**
   * A program.
   */
  'command'?: (_sluice_v1_Command | null);
  /**
   * Sends files of the working folder to the client, as a stream of files.
   */
  'copyOut'?: (_sluice_v1_CopyOut | null);
  /**
   * Takes files from the client into the working folder.
   */
  'copyIn'?: (_sluice_v1_CopyIn | null);
  /**
   * Joins the terminal of the task's own program; only of interactive workloads.
   */
  'attach'?: (_sluice_v1_Attach | null);
  /**
   * Gives the program a terminal of this size. Absent = none. Attach always has one.
   */
  'terminal'?: (_sluice_v1_TerminalSize | null);
  /**
   * What the client's terminal understands, for the variable TERM. Empty = xterm.
   */
  'terminalType'?: (string);
  'what'?: "command"|"copyOut"|"copyIn"|"attach";
}

export interface ExecStart__Output {
  /**
   * A number or a name.
   */
  'workload': (string);
  'task': (number);
  /**
   * A program.
   */
  'command'?: (_sluice_v1_Command__Output | null);
  /**
   * Sends files of the working folder to the client, as a stream of files.
   */
  'copyOut'?: (_sluice_v1_CopyOut__Output | null);
  /**
   * Takes files from the client into the working folder.
   */
  'copyIn'?: (_sluice_v1_CopyIn__Output | null);
  /**
   * Joins the terminal of the task's own program; only of interactive workloads.
   */
  'attach'?: (_sluice_v1_Attach__Output | null);
  /**
   * Gives the program a terminal of this size. Absent = none. Attach always has one.
   */
  'terminal': (_sluice_v1_TerminalSize__Output | null);
  /**
   * What the client's terminal understands, for the variable TERM. Empty = xterm.
   */
  'terminalType': (string);
  'what'?: "command"|"copyOut"|"copyIn"|"attach";
}

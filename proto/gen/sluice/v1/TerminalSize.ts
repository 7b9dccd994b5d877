// Original file: sluice/v1/exec.proto


/**
 * In characters, 1 to 1,000 each.
 */
export interface TerminalSize {
  'columns'?: (number);
  'rows'?: (number);
}

/**
 * In characters, 1 to 1,000 each.
 */
export interface TerminalSize__Output {
  'columns': (number);
  'rows': (number);
}

// Original file: sluice/v1/agent.proto


/**
 * A line for whoever looks at the terminal of a task.
 */
export interface TerminalNotice {
  'allocation'?: (string);
  'text'?: (string);
}

/**
 * A line for whoever looks at the terminal of a task.
 */
export interface TerminalNotice__Output {
  'allocation': (string);
  'text': (string);
}

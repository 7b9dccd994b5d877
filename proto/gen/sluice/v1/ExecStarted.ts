// Original file: sluice/v1/exec.proto


export interface ExecStarted {
  'node'?: (string);
  'allocation'?: (string);
}

export interface ExecStarted__Output {
  'node': (string);
  'allocation': (string);
}

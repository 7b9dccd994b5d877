// Original file: sluice/v1/exec.proto


export interface CopyIn {
  /**
   * As for CopyOut. An existing folder, or a path that ends in "/": into it.
   */
  'path'?: (string);
}

export interface CopyIn__Output {
  /**
   * As for CopyOut. An existing folder, or a path that ends in "/": into it.
   */
  'path': (string);
}

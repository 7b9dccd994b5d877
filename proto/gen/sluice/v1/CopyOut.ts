// Original file: sluice/v1/exec.proto


export interface CopyOut {
  /**
   * A file or a folder; relative to the working folder, and inside it.
   */
  'path'?: (string);
}

export interface CopyOut__Output {
  /**
   * A file or a folder; relative to the working folder, and inside it.
   */
  'path': (string);
}

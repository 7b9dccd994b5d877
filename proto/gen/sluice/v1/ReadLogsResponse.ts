// Original file: /work/main/proto/sluice/v1/log.proto


export interface ReadLogsResponse {
  'data'?: (Buffer | Uint8Array | string);
  /**
   * Set in the first message of each attempt.
   */
  'allocation'?: (string);
  'attempt'?: (number);
}

export interface ReadLogsResponse__Output {
  'data': (Buffer);
  /**
   * Set in the first message of each attempt.
   */
  'allocation': (string);
  'attempt': (number);
}

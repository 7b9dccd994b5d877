// Original file: sluice/v1/queue.proto


export interface ListQueuesRequest {
  /**
   * At most 1,000; 0 = 1,000.
   */
  'pageSize'?: (number);
  'pageToken'?: (string);
}

export interface ListQueuesRequest__Output {
  /**
   * At most 1,000; 0 = 1,000.
   */
  'pageSize': (number);
  'pageToken': (string);
}

// Original file: sluice/v1/node.proto


export interface ListNodesRequest {
  /**
   * At most 1,000; 0 = 1,000.
   */
  'pageSize'?: (number);
  'pageToken'?: (string);
  /**
   * Only this pool. Empty = all.
   */
  'pool'?: (string);
}

export interface ListNodesRequest__Output {
  /**
   * At most 1,000; 0 = 1,000.
   */
  'pageSize': (number);
  'pageToken': (string);
  /**
   * Only this pool. Empty = all.
   */
  'pool': (string);
}

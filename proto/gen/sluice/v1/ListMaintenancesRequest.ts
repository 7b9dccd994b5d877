// Original file: sluice/v1/node.proto


export interface ListMaintenancesRequest {
  /**
   * At most 1,000; 0 = 1,000.
   */
  'pageSize'?: (number);
  'pageToken'?: (string);
  /**
   * Only of this node. Empty = of all.
   */
  'node'?: (string);
}

export interface ListMaintenancesRequest__Output {
  /**
   * At most 1,000; 0 = 1,000.
   */
  'pageSize': (number);
  'pageToken': (string);
  /**
   * Only of this node. Empty = of all.
   */
  'node': (string);
}

// Original file: sluice/v1/node.proto


export interface CancelMaintenanceRequest {
  'id'?: (string);
  /**
   * Names of nodes. Empty = all that it was announced for.
   */
  'nodes'?: (string)[];
}

export interface CancelMaintenanceRequest__Output {
  'id': (string);
  /**
   * Names of nodes. Empty = all that it was announced for.
   */
  'nodes': (string)[];
}

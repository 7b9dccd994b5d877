// Original file: sluice/v1/node.proto


export interface FenceNodeRequest {
  'name'?: (string);
  /**
   * Must be true: the machine is off, or nothing of ours runs there any more. A wrong word gives a GPU two owners.
   */
  'certifiedOff'?: (boolean);
  /**
   * At most 1,000 characters.
   */
  'reason'?: (string);
}

export interface FenceNodeRequest__Output {
  'name': (string);
  /**
   * Must be true: the machine is off, or nothing of ours runs there any more. A wrong word gives a GPU two owners.
   */
  'certifiedOff': (boolean);
  /**
   * At most 1,000 characters.
   */
  'reason': (string);
}

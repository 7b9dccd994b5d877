// Original file: sluice/v1/node.proto


export interface CordonNodeRequest {
  'name'?: (string);
  'reason'?: (string);
}

export interface CordonNodeRequest__Output {
  'name': (string);
  'reason': (string);
}

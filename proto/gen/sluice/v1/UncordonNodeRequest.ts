// Original file: sluice/v1/node.proto


export interface UncordonNodeRequest {
  'name'?: (string);
}

export interface UncordonNodeRequest__Output {
  'name': (string);
}

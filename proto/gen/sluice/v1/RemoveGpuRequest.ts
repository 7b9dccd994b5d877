// Original file: sluice/v1/node.proto


export interface RemoveGpuRequest {
  'node'?: (string);
  'uuid'?: (string);
}

export interface RemoveGpuRequest__Output {
  'node': (string);
  'uuid': (string);
}

// Original file: sluice/v1/workload.proto


export interface ExplainWorkloadRequest {
  'workload'?: (string);
}

export interface ExplainWorkloadRequest__Output {
  'workload': (string);
}

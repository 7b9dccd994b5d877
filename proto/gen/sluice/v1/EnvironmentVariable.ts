// Original file: sluice/v1/workload.proto


export interface EnvironmentVariable {
  'name'?: (string);
  'value'?: (string);
}

export interface EnvironmentVariable__Output {
  'name': (string);
  'value': (string);
}

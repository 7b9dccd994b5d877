// Original file: sluice/v1/workload.proto


/**
 * An address at which a task answers, as the task itself reported it.
 */
export interface Endpoint {
  'name'?: (string);
  'url'?: (string);
}

/**
 * An address at which a task answers, as the task itself reported it.
 */
export interface Endpoint__Output {
  'name': (string);
  'url': (string);
}

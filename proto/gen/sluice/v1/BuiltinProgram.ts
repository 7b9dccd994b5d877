// Original file: sluice/v1/workload.proto


/**
 * One of the programs that come with the node agent: train, test or serve.
 */
export interface BuiltinProgram {
  'name'?: (string);
  'args'?: (string)[];
}

/**
 * One of the programs that come with the node agent: train, test or serve.
 */
export interface BuiltinProgram__Output {
  'name': (string);
  'args': (string)[];
}

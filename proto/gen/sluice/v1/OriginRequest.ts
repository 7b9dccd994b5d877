// Original file: sluice/v1/agent.proto


/**
 * Asks for the origins of allocations that the store knows nothing of.
 */
export interface OriginRequest {
  'allocations'?: (string)[];
}

/**
 * Asks for the origins of allocations that the store knows nothing of.
 */
export interface OriginRequest__Output {
  'allocations': (string)[];
}

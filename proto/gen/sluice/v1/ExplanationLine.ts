// Original file: sluice/v1/workload.proto


/**
 * One fact of an explanation, such as ("Quota", "vision uses 16 of 16 guaranteed GPUs").
 */
export interface ExplanationLine {
  /**
   * Needs, Pool, Nearest, Quota, Shapes, Ahead, Blockers, Reserved, Claim, Estimate or Search. More may come.
   */
  'title'?: (string);
  'text'?: (string);
}

/**
 * One fact of an explanation, such as ("Quota", "vision uses 16 of 16 guaranteed GPUs").
 */
export interface ExplanationLine__Output {
  /**
   * Needs, Pool, Nearest, Quota, Shapes, Ahead, Blockers, Reserved, Claim, Estimate or Search. More may come.
   */
  'title': (string);
  'text': (string);
}

// How the protocol counts GPUs: in parts, of which every share and every MIG profile is a whole number.

/**
 * Parts of one GPU: thousandths (7 parts) and sevenths (1,000 parts) are both whole numbers, so sums of them are exact.
 */
export const GPU_PARTS = 7_000;

/** Parts of one thousandth of a GPU. */
export const PARTS_PER_MILLI = 7;

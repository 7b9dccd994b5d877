// A drain is an announced maintenance whose reason says so: what runs there learns that it is one.

/** How the reason of an announcement begins that is of a drain. */
export const DRAIN_PREFIX = 'drain: ';

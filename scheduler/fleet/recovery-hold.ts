// How long nothing is placed after a part of the history was lost, or may have been: what waits here may run somewhere already,
// placed in the part that is gone. Pure.

export interface HoldFigures {
  /** Since the new history began, or since this daemon did in the midst of it, by the monotonic clock. */
  readonly elapsedMs: number;
  /** Known nodes that were not heard since. */
  readonly awaited: number;
  /** Nodes that joined in the lost part are not known here; this long is waited for them, too. */
  readonly newNodesMs: number;
  /** After this nothing can run on a silent node any more. */
  readonly fenceMs: number;
}

/** Whether work may be placed again. */
export function holdIsOver({ elapsedMs, awaited, newNodesMs, fenceMs }: HoldFigures): boolean {
  return elapsedMs >= fenceMs || (awaited === 0 && elapsedMs >= newNodesMs);
}

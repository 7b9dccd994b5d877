// A binary heap kept in a plain array, the first in order at index 0.

/** Negative when `a` comes first. */
export type Compare<T> = (a: T, b: T) => number;

/** Puts an array in heap order. Cost: linear. */
export function heapify<T>(heap: T[], compare: Compare<T>): void {
  for (let at = (heap.length >>> 1) - 1; at >= 0; at--) siftDown(heap, at, compare);
}

/** Restores order after the first item came to stand later. Cost: logarithmic. */
export function siftFirst<T>(heap: T[], compare: Compare<T>): void {
  siftDown(heap, 0, compare);
}

/** Removes the first item. Cost: logarithmic. */
export function removeFirst<T>(heap: T[], compare: Compare<T>): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  siftDown(heap, 0, compare);
}

function siftDown<T>(heap: T[], start: number, compare: Compare<T>): void {
  const item = heap[start];
  if (item === undefined) return;
  let at = start;
  for (;;) {
    const left = heap[2 * at + 1];
    if (left === undefined) break;
    const right = heap[2 * at + 2];
    const takeRight = right !== undefined && compare(right, left) < 0;
    const child = takeRight ? right : left;
    if (compare(child, item) >= 0) break;
    heap[at] = child;
    at = 2 * at + (takeRight ? 2 : 1);
  }
  heap[at] = item;
}

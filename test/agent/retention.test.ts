// Which folders of ended tasks are kept.
import { describe, expect, test } from 'vitest';
import {
  type EndedFolder,
  foldersToRemove,
  KEEP_ENDED,
  KEEP_ENDED_BYTES,
  KEEP_ENDED_MS,
} from '../../node-agent/runtime/runtime.js';

const NOW_MS = 10 * KEEP_ENDED_MS;

function ended(count: number, each: (index: number) => Partial<EndedFolder> = () => ({})): EndedFolder[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${index}`,
    endedMs: NOW_MS - index,
    bytes: 1,
    ...each(index),
  }));
}

describe('folders of ended tasks', () => {
  test.each([
    ['all within the limits', ended(KEEP_ENDED), []],
    ['more than may be kept: the oldest go', ended(KEEP_ENDED + 2).reverse(), [`${KEEP_ENDED}`, `${KEEP_ENDED + 1}`]],
    ['too old', ended(3, (index) => (index === 1 ? { endedMs: NOW_MS - KEEP_ENDED_MS - 1 } : {})), ['1']],
    ['too large together', ended(3, () => ({ bytes: 0.4 * KEEP_ENDED_BYTES })), ['2']],
  ])('%s', (_, folders, removed) => {
    expect(foldersToRemove(folders, NOW_MS)).toEqual(removed);
  });
});

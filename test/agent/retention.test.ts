// Which folders of ended tasks are kept.
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { AllocationFolder } from '../../node-agent/runtime/allocation-folder.js';
import {
  type EndedFolder,
  EndedFolders,
  foldersToRemove,
  KEEP_ENDED,
  KEEP_ENDED_BYTES,
  KEEP_ENDED_MS,
} from '../../node-agent/runtime/ended-folders.js';

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

test('a sweep removes what ended too long ago and is not asked for, and nothing that has not ended', async () => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'sluice-sweep-'));
  const make = (id: string, endedMs: number | null) => {
    const folder = new AllocationFolder(path.join(root, id));
    mkdirSync(folder.work, { recursive: true });
    if (endedMs === null) return;
    folder.writeEnd({
      neverStarted: false,
      code: 0,
      signal: '',
      message: '',
      startedMs: endedMs,
      endedMs,
      stopSignalled: false,
      left: [],
    });
  };
  const oldMs = Date.now() - KEEP_ENDED_MS - 60_000;
  const folders = new EndedFolders(root, pino({ level: 'silent' }));
  try {
    for (const id of ['old', 'old-and-kept']) make(id, oldMs);
    make('young', Date.now());
    make('live', null);
    await folders.sweep((id) => id === 'old-and-kept');
    expect(readdirSync(root).toSorted()).toEqual(['live', 'old-and-kept', 'young']);
    // Nobody asks for it any more, another one ended meanwhile, and what was looked at before is as it was.
    make('late', oldMs);
    await folders.sweep(() => false);
    expect(readdirSync(root).toSorted()).toEqual(['live', 'young']);
  } finally {
    rmSync(root, { recursive: true });
  }
});

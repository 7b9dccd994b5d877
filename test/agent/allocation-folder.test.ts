// What the agent and the supervisor read back of files that a task's own processes write.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { AllocationFolder } from '../../node-agent/runtime/allocation-folder.js';
import { needs } from '../real-part.js';

test('the cause is one short line of plain text, whatever was written and however much', () => {
  const folder = new AllocationFolder(mkdtempSync(path.join(os.tmpdir(), 'sluice-folder-')));
  expect(folder.readCause()).toBe('');
  writeFileSync(folder.cause, 'rank 5 failed first');
  expect(folder.readCause()).toBe('rank 5 failed first');
  writeFileSync(folder.cause, '\u001b[31mrank 5\nfailed\n');
  expect(folder.readCause()).toBe('[31mrank 5 failed');
  // More than a process can hold, and than Node reads.
  writeFileSync(folder.cause, 'rank 5');
  truncateSync(folder.cause, 3 * 1024 ** 3);
  expect(folder.readCause()).toBe('rank 5');
});

test.runIf(needs('mounts'))(
  'a record that a full disk refuses leaves nothing behind, however often it is tried',
  () => {
    const disk = mkdtempSync(path.join(os.tmpdir(), 'sluice-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,nr_inodes=100', 'none', disk]);
    try {
      const folder = new AllocationFolder(disk);
      folder.writeTimeLeft(60_000);
      expect(() => writeFileSync(path.join(disk, 'filling'), Buffer.alloc(128 * 1024))).toThrow('ENOSPC');
      for (let tries = 0; tries < 200; tries += 1) expect(() => folder.writeTimeLeft(30_000)).toThrow('ENOSPC');
      expect(readdirSync(disk).toSorted()).toEqual(['filling', 'time-left']);
      rmSync(path.join(disk, 'filling'));
      folder.writeTimeLeft(30_000);
    } finally {
      execFileSync('umount', [disk]);
      rmSync(disk, { recursive: true });
    }
  },
);

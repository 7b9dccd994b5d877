// What the agent and the supervisor read back of files that a task's own processes write.
import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { AllocationFolder } from '../../node-agent/runtime/allocation-folder.js';

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

// The file COMPLETE as programs of all kinds leave it there: its content is optional, and may be anything at all.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { readMarker } from '../../common/checkpoint-marker.js';

const NOTHING_SAID = { step: 0, attempt: 0, workload: 0 };

test.each<[string, (file: string) => void, object]>([
  [
    'all it may say',
    (file) => writeFileSync(file, '{"step": 5, "attempt": 2, "workload": 7}'),
    { step: 5, attempt: 2, workload: 7 },
  ],
  ['nothing', (file) => writeFileSync(file, ''), NOTHING_SAID],
  ['no JSON', (file) => writeFileSync(file, 'done'), NOTHING_SAID],
  ['no numbers', (file) => writeFileSync(file, '{"step": "5", "attempt": -1, "workload": 1.5}'), NOTHING_SAID],
  ['too much', (file) => writeFileSync(file, `{"step": 5}${' '.repeat(5_000)}`), NOTHING_SAID],
  ['a folder', (file) => mkdirSync(file), NOTHING_SAID],
  ['a pipe, which whoever opens it waits for', (file) => execFileSync('mkfifo', [file]), NOTHING_SAID],
  ['a device without an end', (file) => symlinkSync('/dev/zero', file), NOTHING_SAID],
])('%s', async (_, make, expected) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-marker-'));
  make(path.join(folder, 'COMPLETE'));
  expect(await readMarker(folder)).toMatchObject(expected);
});

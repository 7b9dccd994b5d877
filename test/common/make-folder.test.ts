// Folders are made with those above them, and a path where none can be made is refused instead of tried for ever.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder, makeFolderSync } from '../../common/make-folder.js';

let root: string;

beforeAll(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'sluice-folders-'));
  writeFileSync(path.join(root, 'file'), '');
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.each([
  ['sync', async (folder: string, mode?: number) => Promise.resolve().then(() => makeFolderSync(folder, mode))],
  ['async', makeFolder],
])('making folders (%s)', (name, make) => {
  it('makes what is missing, tells the topmost, and is content with what is there', async () => {
    const top = path.join(root, name);
    const wanted = path.join(top, 'a/b');
    expect(await make(wanted, 0o700)).toBe(top);
    expect(statSync(wanted).mode & 0o777).toBe(0o700);
    expect(await make(wanted, 0o700)).toBeNull();
    expect(await make(path.join(top, 'a/c'))).toBe(path.join(top, 'a/c'));
  });

  it('refuses below a file', async () => {
    await expect(make(path.join(root, 'file/a'))).rejects.toThrow(/ENOTDIR/);
  });

  // Node's recursive mkdir loops for ever on this.
  it.runIf(process.platform === 'linux')('refuses below /proc', async () => {
    await expect(make('/proc/sluice-nothing/a')).rejects.toThrow(/ENOENT.*\/proc\/sluice-nothing/);
  });
});

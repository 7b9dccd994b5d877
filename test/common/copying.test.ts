// Copies of files as streams: whole whatever the pieces, and harmless whatever they hold.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CopyError, MAX_LINE_BYTES } from '../../common/copying/entries.js';
import { FileReceiver } from '../../common/copying/receive.js';
import { sendFiles } from '../../common/copying/send.js';

let dir: string;
beforeEach(() => (dir = mkdtempSync(path.join(tmpdir(), 'sluice-copy-'))));
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function sent(root: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  await sendFiles(root, (data) => Promise.resolve(void parts.push(Buffer.from(data))));
  return Buffer.concat(parts);
}

async function received(stream: Buffer, to: string, sizes: readonly number[] = [], isInto = false) {
  const receiver = new FileReceiver(to, isInto);
  let at = 0;
  for (const size of [...sizes, stream.length]) {
    await receiver.take(stream.subarray(at, at + size));
    at = Math.min(stream.length, at + size);
  }
  return receiver.finish();
}

const tree = (root: string): unknown =>
  statSync(root).isDirectory()
    ? Object.fromEntries(
        readdirSync(root)
          .toSorted()
          .map((name) => [name, tree(path.join(root, name))]),
      )
    : [readFileSync(root, 'hex'), statSync(root).mode & 0o777];

describe('a copy', () => {
  it('is the same files whatever the pieces it comes in', async () => {
    const from = path.join(dir, 'from');
    mkdirSync(path.join(from, 'a/b'), { recursive: true });
    mkdirSync(path.join(from, 'closed'), { mode: 0o500 });
    writeFileSync(path.join(from, 'a/two'), 'line\n{"entries":1,"bytes":1}\n', { mode: 0o640 });
    writeFileSync(path.join(from, 'a/b/empty'), '', { mode: 0o755 });
    const stream = await sent(from);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 20 }), async (sizes) => {
        const to = path.join(dir, 'to');
        rmSync(to, { recursive: true, force: true });
        expect(await received(stream, to, sizes)).toMatchObject({ entries: 6 });
        expect(tree(to)).toEqual(tree(from));
      }),
      { numRuns: 50 },
    );
  });

  it('keeps its name in a folder, and has the name it is given elsewhere', async () => {
    writeFileSync(path.join(dir, 'file'), 'x');
    const stream = await sent(path.join(dir, 'file'));
    mkdirSync(path.join(dir, 'there'));
    await received(stream, path.join(dir, 'there'));
    await received(stream, path.join(dir, 'other'));
    await received(stream, path.join(dir, 'new'), [], true);
    expect(['there/file', 'other', 'new/file'].map((name) => existsSync(path.join(dir, name)))).toEqual([
      true,
      true,
      true,
    ]);
  });

  it.each([
    ['a folder onto a file', 'folder', 'file', /file cannot be made a folder: a file is there$/],
    [
      'a file below a folder that is not there',
      'file',
      'no/file',
      /file cannot be written: the folder .*no does not exist$/,
    ],
    ['a file below a file', 'file', 'file/x', /cannot be written: a part of its path is a file$/],
    ['a file with a name too long', 'file', 'x'.repeat(300), /cannot be written: its name is too long$/],
  ])('says why it cannot be made: %s', async (_, what, to, message) => {
    mkdirSync(path.join(dir, 'folder'));
    writeFileSync(path.join(dir, 'file'), 'x');
    const stream = await sent(path.join(dir, what));
    const error = await received(stream, path.join(dir, to)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CopyError);
    expect((error as CopyError).message).toMatch(message);
    expect(readdirSync(dir)).toEqual(['file', 'folder']);
  });

  it('is not one of a whole file system', () =>
    expect(sent('/')).rejects.toThrow('the root of a file system is not copied'));

  it('passes over links', async () => {
    mkdirSync(path.join(dir, 'from'));
    symlinkSync('/etc/passwd', path.join(dir, 'from/link'));
    expect(await sendFiles(path.join(dir, 'from'), () => Promise.resolve())).toEqual({
      entries: 1,
      bytes: 0,
      skipped: 1,
    });
    await expect(sent(path.join(dir, 'from/link'))).rejects.toThrow('is neither a file nor a folder');
  });

  it('that breaks off is told, and leaves nothing half done', async () => {
    writeFileSync(path.join(dir, 'file'), 'x'.repeat(1_000));
    const stream = await sent(path.join(dir, 'file'));
    mkdirSync(path.join(dir, 'to'));
    const receiver = new FileReceiver(path.join(dir, 'to'), false);
    await receiver.take(stream.subarray(0, 500));
    await expect(receiver.finish()).rejects.toThrow('the copy broke off after 1 files and folders');
    expect(readdirSync(path.join(dir, 'to'))).toEqual([]);
  });

  const entry = (change: object) =>
    `${JSON.stringify({ path: '', type: 'folder', mode: 0o755, size: 0, ...change })}\n`;
  it.each([
    ['a path that leads out', entry({}) + entry({ path: '../out' }), 'leads out of it'],
    ['one hidden inside', entry({}) + entry({ path: 'a/../../out' }), 'leads out of it'],
    ['an absolute one', entry({}) + entry({ path: '/tmp/out' }), 'leads out of it'],
    ['a name that is a path', entry({ name: '../out' }), 'leads out of it'],
    ['a name with folders', entry({ name: 'a/b' }), 'leads out of it'],
    ['a second root', entry({}) + entry({}), 'is no copy of files'],
    ['no root', entry({ path: 'a' }), 'is no copy of files'],
    ['a negative size', entry({ size: -1 }), 'is no copy of files'],
    ['another type', entry({ type: 'link' }), 'is no copy of files'],
    ['no JSON', 'hello\n', 'is no copy of files'],
    ['a line without end', 'x'.repeat(MAX_LINE_BYTES + 1), 'is no copy of files'],
    ['a wrong count', `${entry({})}{"entries":2,"bytes":0}\n`, 'the copy is not whole'],
    ['more after its end', `${entry({})}{"entries":1,"bytes":0}\n${entry({})}`, 'goes on after its end'],
  ])('with %s is refused', async (_, stream, message) => {
    const to = path.join(dir, 'to');
    await expect(received(Buffer.from(stream), to)).rejects.toThrow(message);
    expect(existsSync(path.join(dir, 'out'))).toBe(false);
  });

  it('follows no link on its way', async () => {
    mkdirSync(path.join(dir, 'victim'));
    mkdirSync(path.join(dir, 'to/root'), { recursive: true });
    symlinkSync(path.join(dir, 'victim'), path.join(dir, 'to/root/a'));
    const file = `${JSON.stringify({ path: 'a/file', type: 'file', mode: 0o644, size: 1 })}\nx`;
    const stream = Buffer.from(entry({ name: 'root' }) + file);
    await expect(received(stream, path.join(dir, 'to'))).rejects.toThrow('is a link; remove it');
    expect(readdirSync(path.join(dir, 'victim'))).toEqual([]);
  });

  it('takes no user-changing permissions', async () => {
    const stream = Buffer.from(
      `${JSON.stringify({ path: '', type: 'file', mode: 0o4755, size: 0, name: 'f' })}\n{"entries":1,"bytes":0}\n`,
    );
    await received(stream, path.join(dir, 'f'));
    expect(statSync(path.join(dir, 'f')).mode & 0o7777).toBe(0o755);
  });
});

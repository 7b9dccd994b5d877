// The embedded store on real disks that misbehave: one that fills up, and one that loses its power. Both need mounts, so root.

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { type EmbeddedStore, openEmbeddedStore } from '../../scheduler/store/embedded.js';
import { tellOfRoom } from '../../scheduler/store/space-log.js';
import { type StorePosition, StoreFailure } from '../../scheduler/store/state-store.js';
import { ManualClock } from '../gpu/manual-clock.js';
import { needs } from '../real-part.js';
import { commitNext, everything, following, workload } from './samples.js';

const COMMITTER = path.join(PACKAGE_ROOT, 'test/store/committer.mjs');

let folder: string;
let mounted: string[];
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-disk-'));
  mounted = [];
});
afterEach(() => {
  for (const at of mounted.toReversed()) execFileSync('umount', ['--lazy', at]);
  rmSync(folder, { recursive: true });
});

/** @returns where it is mounted */
function mount(name: string, ...args: readonly string[]): string {
  const at = path.join(folder, name);
  mkdirSync(at, { recursive: true });
  execFileSync('mount', [...args, at]);
  mounted.push(at);
  return at;
}

function unmount(at: string): void {
  execFileSync('umount', ['--lazy', at]);
  mounted = mounted.filter((other) => other !== at);
}

describe.runIf(needs('mounts'))('a disk that fills up', () => {
  it('is ample, low, critical and ample again as it fills, and the log says so once each', async () => {
    const disk = mount('tmpfs', '-t', 'tmpfs', '-o', 'size=2G', 'none');
    const resize = (mib: number) => execFileSync('mount', ['-o', `remount,size=${mib}M`, disk]);
    const clock = new ManualClock();
    const store = await openEmbeddedStore({ dataDir: path.join(disk, 'data'), clock });
    const said: string[] = [];
    const say = (_facts: unknown, message: string) => void said.push(message);
    const log = { info: say, warn: say, error: say } as never;
    const fatal: unknown[] = [];
    const watch = tellOfRoom({
      clock,
      place: 'the disk',
      report: () => store.spaceReport(),
      log,
      onFatal: (error) => fatal.push(error),
    });
    const states: string[] = [];
    for (const mib of [2_048, 700, 700, 200, 200, 700, 2_048]) {
      resize(mib);
      await clock.advance(5_000);
      states.push(store.space());
    }
    watch.stop();
    expect(states).toEqual(['ample', 'low', 'low', 'critical', 'critical', 'low', 'ample']);
    expect(said.map((words) => words.split(':')[0])).toEqual([
      'the disk is nearly full',
      'the disk is full',
      'the disk is nearly full',
      'the disk has room again; everything is taken',
    ]);
    expect(fatal).toEqual([]);
    await store.close();
  });

  it('fails the commit that does not fit and all after it, and keeps what was acknowledged', async () => {
    const disk = mount('tmpfs', '-t', 'tmpfs', '-o', 'size=6M', 'none');
    const dataDir = path.join(disk, 'data');
    const freeSpace = () => ({ freeBytes: 1e12, totalBytes: 1e12 });
    const store = await openEmbeddedStore({ dataDir, freeSpace });
    let at: StorePosition = await store.beginEpoch();
    let failure: unknown = null;
    while (failure === null) {
      const puts = Array.from({ length: 200 }, (_, index) => workload(at.revision * 200 + index));
      await store.commit(following(at, { puts })).then(
        () => (at = { ...at, revision: at.revision + 1 }),
        (error: unknown) => (failure = error),
      );
    }
    expect(failure).toBeInstanceOf(StoreFailure);
    expect(failure).toMatchObject({ message: expect.stringMatching(/Nobody can tell what is on disk/) as string });
    await expect(store.commit(following(at, {}))).rejects.toBeInstanceOf(StoreFailure);
    expect(at.revision).toBeGreaterThan(0);
    // The daemon has ended; somebody made room; the next one reads what is there.
    execFileSync('mount', ['-o', 'remount,size=64M', disk]);
    execFileSync('cp', ['-r', dataDir, path.join(disk, 'next')]);
    const next = await openEmbeddedStore({ dataDir: path.join(disk, 'next'), freeSpace });
    expect(next.position().revision).toBe(at.revision);
    expect(await everything(next)).toHaveLength(at.revision * 200);
    await commitNext(next, await next.beginEpoch(), { puts: [workload(999_999)] });
    await next.close();
    // What failed keeps its file open; the process that it would end is this test.
    mounted = mounted.filter((other) => other !== disk);
    execFileSync('umount', ['--lazy', disk]);
  });
});

describe.runIf(needs('mounts') && needs('build'))('a disk that loses its power', () => {
  it('holds everything that was acknowledged, and no commit in part', async () => {
    const image = path.join(folder, 'disk.img');
    writeFileSync(image, '');
    execFileSync('truncate', ['-s', '96M', image]);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    // The journal is not to be written by itself while the test runs: only flushes that are asked for count.
    const disk = mount('disk', '-o', 'loop,commit=300', image);
    let known = 0;
    for (const [cut, width] of [3, 40, 1, 200].entries()) {
      const dataDir = path.join(disk, `data-${cut}`);
      const acknowledged = await commitUntil(dataDir, width, 20 + 7 * cut);
      const crashed = path.join(folder, `crashed-${cut}.img`);
      // Without sync: what the file system has not written to its disk yet is not in the copy.
      copyFileSync(image, crashed);
      const after = mount(`after-${cut}`, '-o', 'loop', crashed);
      const store: EmbeddedStore = await openEmbeddedStore({
        dataDir: path.join(after, `data-${cut}`),
        freeSpace: () => ({ freeBytes: 1e12, totalBytes: 1e12 }),
      });
      const { revision } = store.position();
      expect(revision).toBeGreaterThanOrEqual(acknowledged);
      expect(revision).toBeLessThanOrEqual(acknowledged + 1);
      const records = await everything(store);
      // Each commit puts `width` workloads and deletes one of the commit before.
      expect(records).toHaveLength(revision * width - (revision - 1));
      known += records.length;
      await store.close();
      unmount(after);
    }
    expect(known).toBeGreaterThan(0);
  });

  it('would lose what is only written: the copy is a power cut', () => {
    const image = path.join(folder, 'disk.img');
    execFileSync('truncate', ['-s', '32M', image]);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    const disk = mount('disk', '-o', 'loop,commit=300', image);
    writeFileSync(path.join(disk, 'unflushed'), 'x'.repeat(100_000));
    const crashed = path.join(folder, 'crashed.img');
    copyFileSync(image, crashed);
    const after = mount('after', '-o', 'loop', crashed);
    const listed = execFileSync('ls', [after], { encoding: 'utf8' });
    expect(listed).not.toContain('unflushed');
  });
});

/** @returns the last revision that was acknowledged before the process was killed */
async function commitUntil(dataDir: string, width: number, acknowledgements: number): Promise<number> {
  const child = spawn(process.execPath, [COMMITTER, dataDir, String(width)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, SLUICE_TEST_ROOM: 'ample' },
  });
  let acknowledged = 0;
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('epoch')) continue;
    acknowledged = Number(line);
    if (acknowledged >= acknowledgements) child.kill('SIGKILL');
  }
  await exited;
  return acknowledged;
}

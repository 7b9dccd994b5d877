// Declaring checkpoints complete from inside a task.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { needs } from '../real-part.js';
import { cli, temporaryFolder } from './run-cli.js';

interface Task {
  readonly folder: string;
  readonly attempt?: number;
  readonly workload?: number;
  readonly stopFile?: string;
}

function environment({
  folder,
  attempt = 2,
  workload = 7,
  stopFile = '/nonexistent/stop',
}: Task): Record<string, string> {
  return {
    SLUICE_WORKLOAD: String(workload),
    SLUICE_CHECKPOINT_DIR: folder,
    SLUICE_ATTEMPT: String(attempt),
    SLUICE_ALLOCATION_ID: 'ULID1',
    SLUICE_STOP_FILE: stopFile,
  };
}

function written(folder: string, name: string): string {
  const checkpoint = path.join(folder, name);
  mkdirSync(path.join(checkpoint, 'shards'), { recursive: true });
  writeFileSync(path.join(checkpoint, 'shards', 'weights'), 'x');
  return checkpoint;
}

describe('sluice checkpoint done', () => {
  it('declares a folder complete, by name or path, with its step', async () => {
    const folder = temporaryFolder();
    const checkpoint = written(folder, 'step-1200');
    const env = environment({ folder });
    const { code, stdout } = await cli(['checkpoint', 'done', 'step-1200'], { env });
    expect([code, stdout]).toEqual([0, `checkpoint ${checkpoint} is complete: step 1200\n`]);
    const marker = JSON.parse(readFileSync(path.join(checkpoint, 'COMPLETE'), 'utf8')) as unknown;
    expect(marker).toEqual({ step: 1200, attempt: 2, workload: 7, allocation: 'ULID1' });
    expect((await cli(['checkpoint', 'done', checkpoint, '--step', '7'], { env })).stdout).toContain('step 7');
  });

  it.runIf(needs('strace') && needs('build'))(
    'puts everything on the disk before the word that it is complete, names included',
    () => {
      const folder = temporaryFolder();
      const checkpoint = written(folder, 'step-5');
      mkdirSync(path.join(checkpoint, 'shards', 'rank-0'));
      writeFileSync(path.join(checkpoint, 'shards', 'rank-0', 'optimizer'), 'x');
      const program = [process.execPath, path.join(PACKAGE_ROOT, 'dist/cli/main.js'), 'checkpoint', 'done', 'step-5'];
      const traced = spawnSync('strace', ['-f', '-qq', '-y', '-e', 'trace=fsync,fdatasync,rename', ...program], {
        env: { ...process.env, ...environment({ folder }) },
        encoding: 'utf8',
      });
      expect(traced.stdout).toContain('is complete: step 5');
      const calls = traced.stderr.split('\n').flatMap((line) => {
        const [, synced] = /f(?:data)?sync\(\d+<(.*?)>/.exec(line) ?? [];
        if (synced !== undefined) return [path.relative(folder, synced)];
        return /rename\(.*COMPLETE"/.test(line) ? ['complete'] : [];
      });
      expect(
        calls
          .slice(0, calls.indexOf('complete'))
          .filter((call) => !call.includes('COMPLETE'))
          .toSorted(),
      ).toEqual([
        '',
        'step-5',
        'step-5/shards',
        'step-5/shards/rank-0',
        'step-5/shards/rank-0/optimizer',
        'step-5/shards/weights',
      ]);
    },
  );

  it.each([
    ['what is not there', 'step-1', 1, 'is not there'],
    ['a file', 'file-1', 1, 'is no folder'],
    ['what the agent does not see', '/tmp/step-1', 2, 'is not in'],
    ['what lies deeper', 'a/step-1', 2, 'is not in'],
    ['the folder of all', '.', 2, 'is not in'],
    ['a step that nobody says', 'last', 2, 'Say it with --step N'],
  ])('refuses %s', async (_, word, exitCode, message) => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'file-1'), '');
    written(folder, 'last');
    const { code, stderr } = await cli(['checkpoint', 'done', word], { env: environment({ folder }) });
    expect(code).toBe(exitCode);
    expect(stderr).toContain(message);
  });

  it('refuses an attempt that was given up: a later one has a checkpoint, or its node has lost the scheduler', async () => {
    const folder = temporaryFolder();
    written(folder, 'step-5');
    const late = written(folder, 'step-6');
    expect((await cli(['checkpoint', 'done', 'step-5'], { env: environment({ folder, attempt: 3 }) })).code).toBe(0);
    const stale = await cli(['checkpoint', 'done', 'step-6'], { env: environment({ folder, attempt: 2 }) });
    expect([stale.code, existsSync(path.join(late, 'COMPLETE'))]).toEqual([1, false]);
    expect(stale.stderr).toContain('attempt 3 has declared step-5 complete, and this is attempt 2');
    const stopFile = path.join(temporaryFolder(), 'stop');
    for (const [reason, expected] of [
      ['PREEMPTED', 0],
      ['NODE_LOST', 1],
    ] as const) {
      writeFileSync(stopFile, JSON.stringify({ reason, term: '', deadline: '' }));
      const { code } = await cli(['checkpoint', 'done', 'step-6'], {
        env: environment({ folder, attempt: 3, stopFile }),
      });
      expect(code).toBe(expected);
    }
  });

  it('does not take the later attempt of another workload, which wrote into the same folder before, for one of its own', async () => {
    const folder = temporaryFolder();
    written(folder, 'step-5');
    written(folder, 'step-6');
    const done = (word: string, workload: number, attempt: number) =>
      cli(['checkpoint', 'done', word], { env: environment({ folder, workload, attempt }) });
    expect((await done('step-5', 7, 3)).code).toBe(0);
    expect((await done('step-6', 7, 2)).code).toBe(1);
    expect((await done('step-6', 8, 1)).code).toBe(0);
    // What does not say whose it is may be its own.
    writeFileSync(path.join(folder, 'step-5', 'COMPLETE'), '{"step": 5, "attempt": 3}');
    expect((await done('step-6', 8, 1)).code).toBe(1);
  });

  it('says where it belongs when it is called elsewhere', async () => {
    const { code, stderr } = await cli(['checkpoint', 'done', 'step-1']);
    expect(code).toBe(2);
    expect(stderr).toContain('SLUICE_CHECKPOINT_DIR is not set');
  });
});

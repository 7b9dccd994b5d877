// The bugs that are put in on purpose fit the code as it is built, and one of them is seen by a checker.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { PACKAGE_ROOT } from '../../common/package-root.js';
import { MUTANTS } from '../../simulator/faults/mutants.js';
import { REDIS_MUTANTS } from '../../simulator/faults/redis/mutants.js';
import { seedsFrom, themeOf, type ThemeName } from '../../simulator/faults/themes.js';

const DIST = path.join(PACKAGE_ROOT, 'dist');

describe('mutants', () => {
  test('are hunted in the seeds of their theme first, then in all others, each once', () => {
    for (const theme of new Set(MUTANTS.map((one) => one.theme))) {
      const seeds = [...seedsFrom(theme as ThemeName, 100)];
      const meant = seeds.filter((seed) => themeOf(seed) === theme);
      expect(meant.length).toBeGreaterThan(4);
      expect(seeds.slice(0, meant.length)).toEqual(meant);
      expect(seeds.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
    }
  });

  test('have names of their own', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  test.each([...MUTANTS, ...REDIS_MUTANTS])('"$name" fits the built code', ({ edits }) => {
    for (const { file, find, replace } of edits) {
      expect(readFileSync(path.join(DIST, file), 'utf8').split(find)).toHaveLength(2);
      expect(replace).not.toBe(find);
    }
  });

  test('are caught: an answer before the flush is seen at once', async () => {
    const main = path.join(DIST, 'simulator/main.js');
    const { stdout } = await promisify(execFile)(process.execPath, [
      main,
      'mutants',
      '--only',
      'answer before the flush',
    ]);
    expect(stdout).toMatch(/I16 durable before visible, seed \d+, the \d+\w\w lived\ncaught 1 of 1\n$/);
  });
});

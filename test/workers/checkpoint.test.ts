import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { KEPT_CHECKPOINTS, readCheckpoint, writeCheckpoint } from '../../node-agent/workers/checkpoint.js';
import type { Checkpoint } from '../../node-agent/workers/checkpoint.js';
import { temporaryFolder } from './program.js';

function checkpointAt(step: number, firstValue = 0.1): Checkpoint {
  return {
    settings: { hidden: [2], batch: 4, learningRate: 0.1, seed: 3, features: 2, classes: 2, datasetSha256: 'abc' },
    position: { epoch: 1, batch: 2 },
    network: {
      step,
      arrays: [
        { name: 'kernel', shape: [2, 2], values: Float32Array.of(firstValue, -0, 3e-45, 4) },
        { name: 'bias', shape: [2], values: Float32Array.of(5, 6) },
      ],
    },
  };
}

describe('a checkpoint', () => {
  it('is read back bit for bit', async () => {
    const folder = await writeCheckpoint(temporaryFolder(), checkpointAt(12));
    expect(path.basename(folder)).toBe('step-12');
    expect(JSON.parse(readFileSync(path.join(folder, 'COMPLETE'), 'utf8'))).toEqual({ step: 12 });
    expect(await readCheckpoint(folder)).toEqual(checkpointAt(12));
  });

  it('stays while it is one of the newest, and leaves whole', async () => {
    const directory = temporaryFolder();
    for (const step of [100, 200, 300, 400, 450]) await writeCheckpoint(directory, checkpointAt(step));
    expect(KEPT_CHECKPOINTS).toBe(3);
    expect(readdirSync(directory).sort()).toEqual(['step-300', 'step-400', 'step-450']);
  });

  it('of an earlier run with more steps does not push out those of this run', async () => {
    const directory = temporaryFolder();
    for (const step of [700, 800, 900, 10, 20]) await writeCheckpoint(directory, checkpointAt(step));
    expect(readdirSync(directory).sort()).toEqual(['step-10', 'step-20', 'step-900']);
  });

  it('replaces one of the same step, and clears what a killed writer left', async () => {
    const directory = temporaryFolder();
    await writeCheckpoint(directory, checkpointAt(5, 1));
    mkdirSync(path.join(directory, '.step-6.4711.tmp'));
    writeFileSync(path.join(directory, '.step-6.4711.tmp/arrays.bin'), 'half');
    mkdirSync(path.join(directory, 'somebody-elses'));
    const folder = await writeCheckpoint(directory, checkpointAt(5, 2));
    expect(readdirSync(directory).sort()).toEqual(['somebody-elses', 'step-5']);
    expect(await readCheckpoint(folder)).toEqual(checkpointAt(5, 2));
  });

  it.each<readonly [string, (folder: string) => void, string]>([
    ['it is not complete', (folder) => rmSync(path.join(folder, 'COMPLETE')), 'is no complete checkpoint'],
    [
      'its arrays are damaged',
      (folder) => appendFileSync(path.join(folder, 'arrays.bin'), 'x'),
      'arrays.bin is damaged',
    ],
    [
      'its state is cut off',
      (folder) => writeFileSync(path.join(folder, 'state.json'), '{"format":1,'),
      'state.json is damaged',
    ],
    [
      'it is of another version',
      (folder) => writeFileSync(path.join(folder, 'state.json'), '{"format":2}'),
      'is not a checkpoint of this version: format',
    ],
    ['it is of another program', (folder) => rmSync(path.join(folder, 'state.json')), 'it has no file state.json'],
  ])('is refused when %s', async (_, damage, message) => {
    const folder = await writeCheckpoint(temporaryFolder(), checkpointAt(7));
    damage(folder);
    await expect(readCheckpoint(folder)).rejects.toThrow(message);
    expect(existsSync(folder)).toBe(true);
  });
});

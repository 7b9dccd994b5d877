// Checkpoints on disk: `step-<n>/` with state.json and arrays.bin, complete when a file COMPLETE lies in it, as the agent
// expects it of every program. A checkpoint that is there is whole: it gets its name after its content is on disk.
import { createHash } from 'node:crypto';
import { readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder } from '../../common/make-folder.js';
import { z } from 'zod';
import { BadInput, isMissing } from './bad-input.js';
import { temporaryName, writeFileDurably, writeFolderDurably } from '../../common/durable-files.js';
import type { NamedArray, NetworkState } from './network.js';

/** What decides every step of a training run: a checkpoint can only continue a run with the same settings. */
export interface TrainingSettings {
  readonly hidden: readonly number[];
  readonly batch: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly features: number;
  readonly classes: number;
  /** Of the training part. */
  readonly datasetSha256: string;
}

/** Where in the data a run stands: epoch and batch of the next step, both from 0. */
export interface DataPosition {
  readonly epoch: number;
  readonly batch: number;
}

/** A training run between two steps. */
export interface Checkpoint {
  readonly settings: TrainingSettings;
  readonly position: DataPosition;
  readonly network: NetworkState;
}

/** Complete checkpoints that are kept. */
export const KEPT_CHECKPOINTS = 3;

const FORMAT = 1;
const STATE_FILE = 'state.json';
const ARRAYS_FILE = 'arrays.bin';
const COMPLETE_FILE = 'COMPLETE';
const FOLDER_PATTERN = /^step-\d+$/;
/** What a writer that was killed may leave behind: see temporaryName, and `replaced` below. */
const LEFTOVER_PATTERN = /^\.step-\d+\.\d+\.(tmp|old)$/;

const stateSchema = z.object({
  format: z.literal(FORMAT),
  step: z.int().min(1),
  position: z.object({ epoch: z.int().min(0), batch: z.int().min(0) }),
  settings: z.object({
    hidden: z.array(z.int()),
    batch: z.int(),
    learningRate: z.number(),
    seed: z.int(),
    features: z.int(),
    classes: z.int(),
    datasetSha256: z.string(),
  }),
  arrays: z.array(z.object({ name: z.string(), shape: z.array(z.int().min(1)) })),
  arraysSha256: z.string(),
});

/**
 * Writes a checkpoint and declares it complete, then removes all but the newest. Replaces one of the same step.
 * @returns the folder.
 */
export async function writeCheckpoint(directory: string, checkpoint: Checkpoint): Promise<string> {
  const { network, position, settings } = checkpoint;
  const folder = path.join(directory, `step-${network.step}`);
  const arrays = joinArrays(network.arrays);
  const state: z.infer<typeof stateSchema> = {
    format: FORMAT,
    step: network.step,
    position,
    settings: { ...settings, hidden: [...settings.hidden] },
    arrays: network.arrays.map(({ name, shape }) => ({ name, shape: [...shape] })),
    arraysSha256: createHash('sha256').update(arrays).digest('hex'),
  };
  await makeFolder(directory);
  await removeLeftovers(directory);
  await moveAside(folder);
  await writeFolderDurably(folder, [
    { name: ARRAYS_FILE, content: arrays },
    { name: STATE_FILE, content: `${JSON.stringify(state, undefined, 2)}\n` },
  ]);
  await writeFileDurably(path.join(folder, COMPLETE_FILE), `${JSON.stringify({ step: network.step })}\n`);
  await removeLeftovers(directory);
  await removeOld(directory);
  return folder;
}

/** Reads a checkpoint. @throws BadInput when the folder is none, is incomplete or damaged. */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  await requireComplete(folder);
  const state = parseState(folder, await readPart(folder, STATE_FILE));
  const content = await readPart(folder, ARRAYS_FILE);
  const sha256 = createHash('sha256').update(content).digest('hex');
  if (sha256 !== state.arraysSha256) {
    throw new BadInput(`${path.join(folder, ARRAYS_FILE)} is damaged: its SHA-256 is not the one in ${STATE_FILE}`);
  }
  return {
    settings: state.settings,
    position: state.position,
    network: { step: state.step, arrays: splitArrays(folder, state.arrays, content) },
  };
}

async function requireComplete(folder: string): Promise<void> {
  try {
    await stat(path.join(folder, COMPLETE_FILE));
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new BadInput(`${folder} is no complete checkpoint: it has no file ${COMPLETE_FILE}`);
  }
}

async function readPart(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(path.join(folder, name));
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new BadInput(`${folder} is no checkpoint of this program: it has no file ${name}`);
  }
}

function parseState(folder: string, content: Buffer): z.infer<typeof stateSchema> {
  const file = path.join(folder, STATE_FILE);
  try {
    return stateSchema.parse(JSON.parse(content.toString('utf8')));
  } catch (error) {
    if (error instanceof z.ZodError) {
      const [issue] = error.issues;
      throw new BadInput(`${file} is not a checkpoint of this version: ${issue?.path.join('.')}: ${issue?.message}`);
    }
    if (error instanceof SyntaxError) throw new BadInput(`${file} is damaged: ${error.message}`);
    throw error;
  }
}

function joinArrays(arrays: readonly NamedArray[]): Buffer {
  return Buffer.concat(arrays.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)));
}

function splitArrays(
  folder: string,
  headers: readonly { readonly name: string; readonly shape: readonly number[] }[],
  content: Buffer,
): readonly NamedArray[] {
  // A copy, so that every array begins at a multiple of four bytes.
  const values = new Float32Array(new Uint8Array(content).buffer, 0, Math.floor(content.length / 4));
  let from = 0;
  const arrays = headers.map(({ name, shape }) => {
    const length = shape.reduce((product, size) => product * size, 1);
    from += length;
    return { name, shape, values: values.slice(from - length, from) };
  });
  if (from * 4 !== content.length) {
    throw new BadInput(`${path.join(folder, ARRAYS_FILE)} has ${content.length} bytes, expected ${from * 4}`);
  }
  return arrays;
}

/** A folder of the same step is of an earlier run, or of a writer that died before COMPLETE: it gives way. */
async function moveAside(folder: string): Promise<void> {
  try {
    await rename(folder, temporaryName(folder).replace(/tmp$/, 'old'));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function removeLeftovers(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => LEFTOVER_PATTERN.test(name));
  await Promise.all(names.map((name) => rm(path.join(directory, name), { recursive: true, force: true })));
}

/** The newest by time of completion stay: in a folder with checkpoints of an earlier run these may have higher steps. */
async function removeOld(directory: string): Promise<void> {
  const names = (await readdir(directory)).filter((name) => FOLDER_PATTERN.test(name));
  const completed = await Promise.all(names.map(async (name) => ({ name, at: await completedAt(directory, name) })));
  const newestFirst = completed
    .flatMap(({ name, at }) => (at === undefined ? [] : [{ name, at }]))
    .sort((a, b) => Number(b.at - a.at));
  for (const { name } of newestFirst.slice(KEPT_CHECKPOINTS)) {
    // First the claim to be complete, then the content: nobody may resume from half a checkpoint.
    await rm(path.join(directory, name, COMPLETE_FILE));
    await rm(path.join(directory, name), { recursive: true });
  }
}

/** @returns nanoseconds since 1970. */
async function completedAt(directory: string, name: string): Promise<bigint | undefined> {
  try {
    return (await stat(path.join(directory, name, COMPLETE_FILE), { bigint: true })).mtimeNs;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

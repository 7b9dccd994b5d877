// Where a reader of a log was when it last ended, in a file of its own: the next one goes on there without losing or
// repeating a byte.
import { access, constants, readFile } from 'node:fs/promises';
import path from 'node:path';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import type { ReadLogsRequest } from '../proto/gen/sluice/v1/ReadLogsRequest.js';
import { whyUnusable } from '../common/why-unusable.js';
import { failure, usageError } from './failure.js';

interface Place {
  readonly workload: string;
  readonly task: number;
  /** Absent = the one log, or standard output. */
  readonly stream?: 'stderr';
  readonly allocation: string;
  readonly offset: number;
}

export class LogPosition {
  readonly #file: string;
  readonly #of: Pick<Place, 'workload' | 'task' | 'stream'>;
  /** What to ask for to go on; empty = nothing was read yet. */
  readonly resume: Pick<ReadLogsRequest, 'resumeAllocation' | 'resumeOffset'>;

  private constructor(file: string, of: Pick<Place, 'workload' | 'task' | 'stream'>, place: Place | null) {
    this.#file = file;
    this.#of = of;
    this.resume = place === null ? {} : { resumeAllocation: place.allocation, resumeOffset: place.offset };
  }

  /** @throws CliError (exit 2) when the file is none of ours, or of another log */
  static async open(file: string, request: ReadLogsRequest): Promise<LogPosition> {
    const stream = request.stream === 'LOG_STREAM_STDERR' ? { stream: 'stderr' as const } : {};
    const of = { workload: String(request.workload), task: request.task ?? 0, ...stream };
    const place = await readPlace(file);
    // Before anything is printed: what could not be kept would be printed again.
    if (place === null) await checkWritable(file);
    if (place !== null && nameOf(place) !== nameOf(of)) {
      throw usageError(
        `${file} is the place in the log of ${nameOf(place)}, not of ${nameOf(of)}`,
        'Name another file.',
      );
    }
    return new LogPosition(file, of, place);
  }

  /** Keeps the place; whoever reads the file sees this one or the one before. */
  readonly keep = (allocation: string, offset: number): void => {
    const place: Place = { ...this.#of, allocation, offset };
    const draft = `${this.#file}.tmp`;
    try {
      writeFileSync(draft, `${JSON.stringify(place)}\n`);
      renameSync(draft, this.#file);
    } catch (error) {
      rmSync(draft, { force: true });
      throw failure(
        'POSITION_NOT_WRITTEN',
        `cannot write the position file ${this.#file}: ${whyUnusable(error)}`,
        'What was printed since it was last written is printed again by the next reading with it.',
      );
    }
  };
}

function nameOf({ workload, task, stream }: Pick<Place, 'workload' | 'task' | 'stream'>): string {
  return `task ${task} of workload ${workload}${stream === undefined ? '' : ', standard error'}`;
}

async function checkWritable(file: string): Promise<void> {
  const folder = path.dirname(file);
  await access(folder, constants.W_OK).catch((error: unknown) => {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? 'there is no such folder' : whyUnusable(error);
    throw usageError(`cannot write the position file ${file}: ${folder}: ${why}`);
  });
}

async function readPlace(file: string): Promise<Place | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw usageError(`cannot read the position file ${file}: ${whyUnusable(error)}`);
  }
  const [, workload, task, stream, allocation, offset] =
    /^\{"workload":"(\d+)","task":(\d+),("stream":"stderr",)?"allocation":"(\w+)","offset":(\d+)\}\n$/.exec(text) ?? [];
  if (workload === undefined || allocation === undefined) throw usageError(`${file} holds no position in a log`);
  const place = { workload, task: Number(task), allocation, offset: Number(offset) };
  return stream === undefined ? place : { ...place, stream: 'stderr' };
}

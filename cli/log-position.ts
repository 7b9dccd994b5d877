// Where a reader of a log was when it last ended, in a file of its own: the next one goes on there without losing or
// repeating a byte.
import { readFile } from 'node:fs/promises';
import { renameSync, writeFileSync } from 'node:fs';
import type { ReadLogsRequest } from '../proto/gen/sluice/v1/ReadLogsRequest.js';
import { whyUnusable } from '../common/why-unusable.js';
import { usageError } from './failure.js';

interface Place {
  readonly workload: string;
  readonly task: number;
  readonly allocation: string;
  readonly offset: number;
}

export class LogPosition {
  readonly #file: string;
  readonly #of: Pick<Place, 'workload' | 'task'>;
  /** What to ask for to go on; empty = nothing was read yet. */
  readonly resume: Pick<ReadLogsRequest, 'resumeAllocation' | 'resumeOffset'>;

  private constructor(file: string, of: Pick<Place, 'workload' | 'task'>, place: Place | null) {
    this.#file = file;
    this.#of = of;
    this.resume = place === null ? {} : { resumeAllocation: place.allocation, resumeOffset: place.offset };
  }

  /** @throws CliError (exit 2) when the file is none of ours, or of another log */
  static async open(file: string, request: ReadLogsRequest): Promise<LogPosition> {
    const of = { workload: String(request.workload), task: request.task ?? 0 };
    const place = await readPlace(file);
    if (place !== null && (place.workload !== of.workload || place.task !== of.task)) {
      throw usageError(
        `${file} is the place in the log of task ${place.task} of workload ${place.workload}, not of task ${of.task} of ${of.workload}`,
        'Name another file.',
      );
    }
    return new LogPosition(file, of, place);
  }

  /** Keeps the place; whoever reads the file sees this one or the one before. */
  readonly keep = (allocation: string, offset: number): void => {
    const place: Place = { ...this.#of, allocation, offset };
    writeFileSync(`${this.#file}.tmp`, `${JSON.stringify(place)}\n`);
    renameSync(`${this.#file}.tmp`, this.#file);
  };
}

async function readPlace(file: string): Promise<Place | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw usageError(`cannot read the position file ${file}: ${whyUnusable(error)}`);
  }
  const [, workload, task, allocation, offset] =
    /^\{"workload":"(\d+)","task":(\d+),"allocation":"(\w+)","offset":(\d+)\}\n$/.exec(text) ?? [];
  if (workload === undefined || allocation === undefined) throw usageError(`${file} holds no position in a log`);
  return { workload, task: Number(task), allocation, offset: Number(offset) };
}

// Holds one task to what it may have on the disk in its own folder: its working directory, unless it named another one,
// its scratch files and its report. There is no quota below it that every file system has, so it is counted now and then: a task may be above its
// limit for some seconds, and is then ended.
import { statfsSync } from 'node:fs';
import { EXIT_CAUSE } from '../../common/exit-causes.js';
import type { AllocationFolder } from './allocation-folder.js';
import { diskUseBytes } from './disk-use.js';

/** How often it is counted, in ms, and how often where the disk is nearly full. */
const PERIOD_MS = 5_000;
const HURRIED_PERIOD_MS = 500;
/** The share of the disk below which free space counts as nearly none. */
const NEARLY_FULL = 0.1;
/** At most one part in so many of the time goes into counting, however many files there are. */
const PART_OF_TIME = 20;

/** Watches one task's folder. */
export class DiskWatch {
  readonly #folder: AllocationFolder;
  readonly #limitBytes: number;
  #nextMs = 0;
  /** Where the disk is nearly full. */
  #nextHurriedMs = 0;
  #isCounting = false;
  #isOver = false;

  constructor(folder: AllocationFolder, limitBytes: number) {
    this.#folder = folder;
    this.#limitBytes = limitBytes;
  }

  /** Whether it was above its limit when last counted. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Counts if it is time to.
   * @param pids the task's processes, which may hold deleted files
   * @returns why the task has to end, in words; null = it need not
   */
  async look(pids: () => readonly number[]): Promise<string | null> {
    const startMs = performance.now();
    if (this.#isCounting || startMs < this.#nextHurriedMs) return null;
    if (startMs < this.#nextMs && !this.#isNearlyFull()) return null;
    this.#isCounting = true;
    try {
      const roots = [this.#folder.work, this.#folder.scratch, this.#folder.report];
      const bytes = await diskUseBytes(roots, pids(), this.#limitBytes);
      this.#isOver = bytes > this.#limitBytes;
      if (!this.#isOver) return null;
      if (bytes === Infinity) return `${EXIT_CAUSE.disk}: it had more folders inside one another than can be counted`;
      return (
        `${EXIT_CAUSE.disk}: it had more than the ${sizeWords(this.#limitBytes)} in its folder that this node allows ` +
        'a task'
      );
    } finally {
      this.#isCounting = false;
      const endMs = performance.now();
      const restMs = (endMs - startMs) * PART_OF_TIME;
      this.#nextMs = endMs + Math.max(PERIOD_MS, restMs);
      this.#nextHurriedMs = endMs + Math.max(HURRIED_PERIOD_MS, restMs);
    }
  }

  #isNearlyFull(): boolean {
    const { bavail, blocks } = statfsSync(this.#folder.path);
    return bavail < blocks * NEARLY_FULL;
  }
}

function sizeWords(bytes: number): string {
  const gib = bytes / 2 ** 30;
  return gib >= 1 ? `${Number(gib.toFixed(1))} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

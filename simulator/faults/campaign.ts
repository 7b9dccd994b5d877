// Many worlds, one seed each, spread over threads: what they came to, together.
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { Coverage } from './coverage.js';
import type { StoreKind } from './plan.js';
import type { Violation } from './violation.js';

/** Seeds that one thread is given at once. */
const CHUNK = 20;

/** What one chunk of seeds came to, as it crosses from a thread. */
export interface ChunkResult {
  readonly seeds: number;
  readonly virtualMs: number;
  readonly faults: number;
  readonly happenings: number;
  readonly acknowledged: number;
  readonly executions: number;
  readonly starts: number;
  readonly failures: readonly Failure[];
  readonly coverage: readonly (readonly [cell: string, count: number])[];
}

/** A seed whose world broke a law. */
export interface Failure {
  readonly seed: number;
  readonly violation: Violation;
}

export interface Chunk {
  readonly from: number;
  readonly to: number;
  readonly store: StoreKind;
}

export interface CampaignResult extends Omit<ChunkResult, 'coverage'> {
  readonly coverage: Coverage;
}

export interface CampaignOptions extends Chunk {
  /** Threads; null = as many as there are cores. */
  readonly jobs: number | null;
  /** Ends it after the first failure. */
  readonly untilFailure: boolean;
  /** Called after each chunk with the seeds that were lived so far. */
  readonly progress: (seeds: number) => void;
}

/** Lives every seed from `from` to `to`. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { from, to, store, untilFailure, progress } = options;
  const chunks: Chunk[] = [];
  for (let at = from; at <= to; at += CHUNK) chunks.push({ from: at, to: Math.min(to, at + CHUNK - 1), store });
  const jobs = Math.min(options.jobs ?? availableParallelism(), chunks.length);
  const coverage = new Coverage();
  const sum = { seeds: 0, virtualMs: 0, faults: 0, happenings: 0, acknowledged: 0, executions: 0, starts: 0 };
  const failures: Failure[] = [];
  const take = (result: ChunkResult): void => {
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += result[key];
    failures.push(...result.failures);
    coverage.add(result.coverage);
    progress(sum.seeds);
  };
  const next = (): Chunk | undefined => (untilFailure && failures.length > 0 ? undefined : chunks.shift());
  await Promise.all(Array.from({ length: jobs }, () => work(next, take)));
  return { ...sum, failures: failures.sort((a, b) => a.seed - b.seed), coverage };
}

/** One thread, until there is nothing more to do. */
function work(next: () => Chunk | undefined, take: (result: ChunkResult) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('campaign-worker.js', import.meta.url));
    const give = (): void => {
      const chunk = next();
      if (chunk !== undefined) worker.postMessage(chunk);
      else void worker.terminate().then(() => resolve());
    };
    worker.on('message', (result: ChunkResult) => {
      take(result);
      give();
    });
    worker.on('error', reject);
    give();
  });
}

// A user who submits all the time, whoever leads, for end-to-end tests.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SluiceClient } from '../../cli/client.js';
import { until } from './real-cluster.js';

/** It stays pending while something runs on a node with two GPUs. */
export const WAITS = { queue: 'research', resources: { gpus: 2 }, command: { argv: ['true'] } };

/** How long the user thinks: as fast as they go, submissions would be all that the schedulers do. */
const PACE_MS = 10;

/** Submits one after the other until it is told to stop, and keeps what was acknowledged. */
export class Submitter {
  readonly acknowledged: number[] = [];
  /** The longest time between two acknowledgements, in ms. */
  longestGapMs = 0;
  readonly #client: SluiceClient;
  #isOver = false;
  #failure: unknown = null;
  #running: Promise<void> = Promise.resolve();

  constructor(client: SluiceClient) {
    this.#client = client;
  }

  begin(): void {
    this.#isOver = false;
    this.#failure = null;
    this.#running = this.#run().catch((error: unknown) => void (this.#failure = error));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
    if (this.#failure !== null) throw this.#failure;
  }

  /** Resolves when a few more were acknowledged. @throws what a submission did */
  async goesOn(): Promise<void> {
    const before = this.acknowledged.length;
    await until('submissions are taken', () => {
      if (this.#failure !== null) return true;
      return this.acknowledged.length > before + 2 || null;
    });
    if (this.#failure !== null) throw this.#failure;
  }

  async #run(): Promise<void> {
    let lastMs = performance.now();
    while (!this.#isOver) {
      const spec = { name: 'waits', ...WAITS };
      const { workloads } = await this.#client.submitWorkloads({ requestId: randomUUID(), specs: [spec] });
      for (const { number } of workloads) this.acknowledged.push(number);
      this.longestGapMs = Math.max(this.longestGapMs, performance.now() - lastMs);
      lastMs = performance.now();
      await sleep(PACE_MS);
    }
  }
}

// What queues used lately: GPU time that counts half after a half-life, and half of that after another. It lowers a queue's
// share of the surplus, never what it is guaranteed. The rule is that of time-based fair share in KAI-Scheduler
// (docs/time-based-fairshare): usage is taken relative to what the cluster had in the same time.
import { invariant } from '../../common/assert.js';

/** A sum of GPU time, as it counts at `atMs`. */
interface Decaying {
  gpuPartMs: number;
  atMs: number;
}

/** Decayed GPU time by queue, and of the cluster as a whole. Each call is O(1). Times may come in any order. */
export class UsageBook {
  readonly #halfLifeMs: number;
  readonly #used = new Map<string, Decaying>();
  readonly #capacity: Decaying = { gpuPartMs: 0, atMs: 0 };

  /** @param halfLifeMs more than 0; Infinity = nothing is forgotten */
  constructor(halfLifeMs: number) {
    invariant(halfLifeMs > 0, 'a half-life is positive', `${halfLifeMs} ms`);
    this.#halfLifeMs = halfLifeMs;
  }

  /** Counts GPU time used by a queue, in parts of a GPU times milliseconds, as if all of it had been used at `nowMs`. */
  add(queue: string, gpuPartMs: number, nowMs: number): void {
    this.#addTo(this.#of(queue), gpuPartMs, nowMs);
  }

  /** Counts parts of GPUs that a queue held from one time to another. Exact, however long that was. */
  addHeld(queue: string, parts: number, fromMs: number, toMs: number): void {
    this.#addTo(this.#of(queue), parts * this.#countingMs(toMs - fromMs), toMs);
  }

  /** Counts parts of GPUs that the cluster had from one time to another. */
  addCapacity(parts: number, fromMs: number, toMs: number): void {
    this.#addTo(this.#capacity, parts * this.#countingMs(toMs - fromMs), toMs);
  }

  /** A queue's GPU time as it counts at a time, in parts of a GPU times milliseconds. */
  usage(queue: string, nowMs: number): number {
    const used = this.#used.get(queue);
    return used ? used.gpuPartMs * this.#decay(nowMs - used.atMs) : 0;
  }

  /** A queue's usage relative to what the cluster had in that time: 1 = it had all GPUs all the time. 0 when nothing is known. */
  share(queue: string, nowMs: number): number {
    const capacity = this.#capacity.gpuPartMs * this.#decay(nowMs - this.#capacity.atMs);
    return capacity > 0 ? this.usage(queue, nowMs) / capacity : 0;
  }

  /** Forgets a queue that is no more. */
  remove(queue: string): void {
    this.#used.delete(queue);
  }

  #of(queue: string): Decaying {
    const known = this.#used.get(queue);
    if (known) return known;
    const created = { gpuPartMs: 0, atMs: 0 };
    this.#used.set(queue, created);
    return created;
  }

  /** Brings the older of the two to the time of the younger and adds them. */
  #addTo(sum: Decaying, gpuPartMs: number, atMs: number): void {
    if (sum.gpuPartMs === 0) sum.atMs = atMs;
    if (atMs >= sum.atMs) {
      sum.gpuPartMs = sum.gpuPartMs * this.#decay(atMs - sum.atMs) + gpuPartMs;
      sum.atMs = atMs;
    } else {
      sum.gpuPartMs += gpuPartMs * this.#decay(sum.atMs - atMs);
    }
  }

  #decay(elapsedMs: number): number {
    return 0.5 ** (elapsedMs / this.#halfLifeMs);
  }

  /** What a span that ends now counts for: the integral of the decay over it. */
  #countingMs(spanMs: number): number {
    if (this.#halfLifeMs === Infinity) return spanMs;
    return (this.#halfLifeMs / Math.LN2) * -Math.expm1((-Math.LN2 * spanMs) / this.#halfLifeMs);
  }
}

/**
 * How the surplus is divided between queues that want more, by weight and past use: w = max(0, W + k × (W − U)), where W is
 * the queue's weight among the weights given, U its usage relative to the cluster, k how strongly that counts. With k = 0
 * it is the plain division by weight. The sum is at least 1 where usages sum to at most 1, so somebody gets the surplus.
 * @param weights not negative; a queue of weight 0 gets nothing
 * @param usages for each, {@link UsageBook.share}
 */
export function surplusWeights(weights: readonly number[], usages: readonly number[], k: number): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return weights.map(() => 0);
  return weights.map((weight, at) => {
    const normal = weight / total;
    return Math.max(0, normal + k * (normal - (usages[at] ?? 0)));
  });
}

// Who holds how much of each GPU: the laws that no grant may break.
//   - the parts held of a GPU sum up to at most the whole
//   - an instance of MIG has one holder
//   - of a GPU some of whose instances are held nothing else is
import { invariant } from '../../common/assert.js';
import type { AllocationId } from '../../common/ids.js';
import type { Allocation } from './records.js';
import { GPU_PARTS } from './requests.js';

interface Holding {
  readonly parts: number;
  readonly last: AllocationId;
  readonly isMig: boolean;
}

/** Counts the GPUs of allocations that hold them, and refuses what breaks a law. */
export class GpuShares {
  readonly #gpus = new Map<string, Holding>();
  readonly #instances = new Map<string, AllocationId>();

  /** @throws InvariantViolation when it holds what others hold */
  add({ id, gpus }: Pick<Allocation, 'id' | 'gpus'>): void {
    for (const { uuid, parts, instance } of gpus) {
      const before = this.#gpus.get(uuid);
      const sum = (before?.parts ?? 0) + parts;
      const isMig = instance !== '';
      invariant(sum <= GPU_PARTS, 'one owner per part of a GPU', `${uuid}: ${before?.last} and ${id}, ${sum} parts`);
      invariant((before?.isMig ?? isMig) === isMig, 'a GPU is shared in one way', `${uuid}: ${before?.last} and ${id}`);
      this.#gpus.set(uuid, { parts: sum, last: id, isMig });
      if (!isMig) continue;
      const holder = this.#instances.get(instance);
      invariant(holder === undefined, 'one owner per MIG instance', `${instance}: ${holder} and ${id}`);
      this.#instances.set(instance, id);
    }
  }
}

// Since when each GPU does nothing, by what agents measure. Pure but for what it remembers.
import { IDLE_BELOW_RATIO } from '../../common/idle-ratio.js';

/** What of a measurement says whether a GPU works. */
export interface Measured {
  /** 0 to 1. */
  readonly utilizationRatio: number;
  readonly memoryUsedMib: number;
  readonly temperatureCelsius: number;
  readonly powerWatts: number;
}

/** Remembers of each GPU since when it is idle. Cost: one entry a GPU that is. */
export class IdleGpus {
  readonly #sinceMs = new Map<string, number>();

  note(uuid: string, measured: Measured, nowMs: number): void {
    if (!isMeasured(measured) || measured.utilizationRatio >= IDLE_BELOW_RATIO) this.#sinceMs.delete(uuid);
    else if (!this.#sinceMs.has(uuid)) this.#sinceMs.set(uuid, nowMs);
  }

  /** @returns null = it works, or nothing is known of it */
  sinceMs(uuid: string): number | null {
    return this.#sinceMs.get(uuid) ?? null;
  }
}

/** In MIG mode, and when the driver does not say, all figures are 0: that is no idleness. */
function isMeasured({ utilizationRatio, memoryUsedMib, temperatureCelsius, powerWatts }: Measured): boolean {
  return utilizationRatio > 0 || memoryUsedMib > 0 || temperatureCelsius > 0 || powerWatts > 0;
}

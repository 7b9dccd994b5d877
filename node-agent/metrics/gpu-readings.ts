// The last measurement of each GPU, and the energy that they add up to.
import type { Telemetry } from '../gpu/provider.js';

/** A measurement older than this is not shown: the driver hangs, or the GPU is gone. */
export const STALE_AFTER_MS = 60_000;
/** A gap longer than this is not counted as energy: nobody knows what was drawn meanwhile. */
const LONGEST_GAP_MS = 60_000;

export interface GpuReading {
  readonly telemetry: Telemetry;
  /** Since this agent began, in joules. */
  readonly energyJoules: number;
}

/** What agents measured, by UUID. Times are of a clock that does not jump. */
export class GpuReadings {
  readonly #readings = new Map<string, GpuReading & { readonly timeMs: number }>();

  note(telemetry: readonly Telemetry[], nowMs: number): void {
    for (const one of telemetry) {
      const before = this.#readings.get(one.uuid);
      const energyJoules = (before?.energyJoules ?? 0) + joulesSince(before, one, nowMs);
      this.#readings.set(one.uuid, { telemetry: one, energyJoules, timeMs: nowMs });
    }
  }

  /** @returns null = there is none, or it is old */
  read(uuid: string, nowMs: number): GpuReading | null {
    const reading = this.#readings.get(uuid);
    return reading === undefined || nowMs - reading.timeMs > STALE_AFTER_MS ? null : reading;
  }
}

/** The mean of both measurements, for the time between them. */
function joulesSince(
  before: { readonly telemetry: Telemetry; readonly timeMs: number } | undefined,
  { powerWatts }: Telemetry,
  nowMs: number,
): number {
  const was = before?.telemetry.powerWatts ?? null;
  if (before === undefined || was === null || powerWatts === null) return 0;
  const gapMs = nowMs - before.timeMs;
  return gapMs > LONGEST_GAP_MS ? 0 : ((was + powerWatts) / 2) * (gapMs / 1_000);
}

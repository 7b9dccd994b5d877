// GPU time as exact integers: whole milliseconds of whole GPUs, and the parts of a GPU beyond. A product of parts and
// milliseconds alone would leave the safe integers after a day of some 15,000 GPUs.
import { GPU_PARTS } from '../../common/gpu-parts.js';

/** So many milliseconds of a whole GPU, and `parts` (0 up to `GPU_PARTS` - 1) of one more millisecond. */
export interface GpuTime {
  readonly ms: number;
  readonly parts: number;
}

export const NO_GPU_TIME: GpuTime = { ms: 0, parts: 0 };

/** What parts of GPUs for a span come to. Exact for any span, also one that a clock set by decades makes. */
export function gpuTimeOf(parts: number, spanMs: number): GpuTime {
  // Taken apart, so that no product leaves the safe integers.
  const whole = Math.floor(spanMs / GPU_PARTS);
  const rest = parts * (spanMs - whole * GPU_PARTS);
  return { ms: parts * whole + Math.floor(rest / GPU_PARTS), parts: rest % GPU_PARTS };
}

export function addGpuTime(a: GpuTime, b: GpuTime): GpuTime {
  const parts = a.parts + b.parts;
  return parts < GPU_PARTS ? { ms: a.ms + b.ms, parts } : { ms: a.ms + b.ms + 1, parts: parts - GPU_PARTS };
}

export function subtractGpuTime(a: GpuTime, b: GpuTime): GpuTime {
  const parts = a.parts - b.parts;
  return parts >= 0 ? { ms: a.ms - b.ms, parts } : { ms: a.ms - b.ms - 1, parts: parts + GPU_PARTS };
}

export function isSameGpuTime(a: GpuTime, b: GpuTime): boolean {
  return a.ms === b.ms && a.parts === b.parts;
}

export function isShorter(a: GpuTime, b: GpuTime): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.parts < b.parts);
}

/** For people and for the API, where less than a microsecond does not matter. */
export function toGpuMs({ ms, parts }: GpuTime): number {
  return ms + parts / GPU_PARTS;
}

// What a GPU looks like when nobody uses it, and from that: whether it is clean after a task, and whether somebody else
// uses it. Pure. Memory is the measure, since in a container nvidia-smi shows no foreign processes.
import type { Cleanliness } from './provider.js';
import type { GpuProcess } from './smi-report.js';

/** A GPU at rest. */
export interface Baseline {
  readonly usedMib: number;
  /** Processes that were there before us, for example a desktop: they do not make a GPU dirty. */
  readonly pids: ReadonlySet<number>;
}

/** What stands on one GPU now. */
export interface GpuUse {
  /** Null = not reported. */
  readonly usedMib: number | null;
  readonly processes: readonly GpuProcess[];
}

export interface BaselineLimits {
  /** How far above its baseline a GPU's memory may be and still count as clean. */
  readonly marginMib: number;
  /**
   * A GPU with more than this in use is not at rest. Drivers before 510 count their own reserve as used, up to about 900 MiB.
   */
  readonly idleMib: number;
}

export const DEFAULT_BASELINE_LIMITS: BaselineLimits = { marginMib: 64, idleMib: 1024 };

/**
 * The baseline after a look at a GPU that none of our allocations holds: the least ever seen, so that it cannot creep
 * up with what tasks leave behind. Unchanged when the GPU is not at rest.
 */
export function learnBaseline(known: Baseline | null, use: GpuUse, limits: BaselineLimits): Baseline | null {
  if (use.usedMib === null || use.usedMib > limits.idleMib) return known;
  if (known === null) return { usedMib: use.usedMib, pids: new Set(use.processes.map(({ pid }) => pid)) };
  return use.usedMib < known.usedMib ? { ...known, usedMib: use.usedMib } : known;
}

/** Who uses a GPU that none of our allocations holds, in words; null = nobody. */
export function foreignUse(known: Baseline | null, use: GpuUse, limits: BaselineLimits): string | null {
  if (use.usedMib === null || use.usedMib <= Math.max(limits.idleMib, (known?.usedMib ?? 0) + limits.marginMib))
    return null;
  const strangers = newProcesses(known, use);
  const who = strangers.length === 0 ? 'something' : strangers.slice(0, 3).map(describeProcess).join(', ');
  return `In use by ${who}, which is not Sluice's: ${formatMib(use.usedMib)} used.`;
}

/** One GPU to be judged. `use` null = it did not answer. */
export interface Suspect {
  readonly uuid: string;
  /** How people call it: `GPU 3`. */
  readonly label: string;
  readonly baseline: Baseline | null;
  readonly use: GpuUse | null;
}

/** Whether all these GPUs are as before a task. One dirty GPU decides; else one that did not answer. */
export function judgeClean(suspects: readonly Suspect[], limits: BaselineLimits): Cleanliness {
  const dirty = suspects.flatMap((suspect) => {
    const message = whyDirty(suspect, limits);
    return message === null ? [] : [{ uuid: suspect.uuid, message }];
  });
  if (dirty.length > 0) {
    return {
      state: 'dirty',
      gpus: dirty.map(({ uuid }) => uuid),
      message: dirty.map(({ message }) => message).join('; '),
    };
  }
  const silent = suspects.filter(({ use }) => use === null || use.usedMib === null);
  if (silent.length > 0) {
    return {
      state: 'unknown',
      message: `nvidia-smi gives no memory use of ${silent.map(({ label }) => label).join(', ')}`,
    };
  }
  return { state: 'clean' };
}

function whyDirty({ label, baseline, use }: Suspect, limits: BaselineLimits): string | null {
  if (use === null) return null;
  const strangers = newProcesses(baseline, use);
  if (strangers.length > 0) return `${label}: ${strangers.slice(0, 3).map(describeProcess).join(', ')} still there`;
  // Without a baseline (it was never seen at rest) what counts as rest at all has to do.
  const allowedMib = baseline === null ? limits.idleMib : baseline.usedMib + limits.marginMib;
  if (use.usedMib === null || use.usedMib <= allowedMib) return null;
  const rest =
    baseline === null
      ? `at most ${formatMib(limits.idleMib)} at rest`
      : `${formatMib(baseline.usedMib)} before, ${formatMib(limits.marginMib)} more allowed`;
  return `${label}: ${formatMib(use.usedMib)} in use without a process (${rest})`;
}

function newProcesses(baseline: Baseline | null, use: GpuUse): readonly GpuProcess[] {
  return use.processes.filter(({ pid }) => baseline?.pids.has(pid) !== true);
}

function describeProcess({ pid, name, usedMib }: GpuProcess): string {
  return `process ${pid} (${name || 'unknown'}${usedMib === null ? '' : `, ${formatMib(usedMib)}`})`;
}

function formatMib(mib: number): string {
  return `${mib.toLocaleString('en-US')} MiB`;
}

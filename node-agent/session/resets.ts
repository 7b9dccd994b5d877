// Resets of GPUs that the scheduler asks for: each is carried out once, alone, and only while nothing here holds any of its GPUs.
// Pure. What is asked for is the whole set again with every order, so nothing of it is kept over restarts.

/** GPUs that are reset together. */
export interface GpuReset {
  /** The same for as long as it is the same reset. */
  readonly id: string;
  readonly gpus: readonly string[];
}

export interface Resets {
  /** As the last orders that were obeyed say. */
  readonly asked: readonly GpuReset[];
  /** The one under way. */
  readonly running: GpuReset | null;
  /** Those of `asked` that are over: their end was told, and is not taken in yet. */
  readonly over: readonly GpuReset[];
}

export const NO_RESETS: Resets = { asked: [], running: null, over: [] };

/** With what new orders ask for. */
export function withAsked(resets: Resets, asked: readonly GpuReset[]): Resets {
  if (asked.length === 0 && resets.asked.length === 0) return resets;
  return { ...resets, asked, over: resets.over.filter((one) => asked.some((other) => isSame(one, other))) };
}

/** What is to begin now; null = nothing. @param held GPUs that something here holds a part of */
export function dueReset({ asked, running, over }: Resets, held: ReadonlySet<string>): GpuReset | null {
  if (running !== null) return null;
  const due = asked.find(
    (one) => !over.some((other) => isSame(one, other)) && !one.gpus.some((uuid) => held.has(uuid)),
  );
  return due ?? null;
}

/** After the one under way. */
export function afterReset({ asked, running, over }: Resets): Resets {
  return { asked, running: null, over: running === null ? over : [...over, running] };
}

/** Whether one of these GPUs is being reset. */
export function isBeingReset({ running }: Resets, gpus: readonly { readonly uuid: string }[]): boolean {
  return running !== null && gpus.some(({ uuid }) => running.gpus.includes(uuid));
}

function isSame(one: GpuReset, other: GpuReset): boolean {
  return one.id === other.id && one.gpus.join() === other.gpus.join();
}

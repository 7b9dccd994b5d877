// GPUs that nobody holds and that may not be clean: a task left memory in use on them, or this agent just began and cannot know what
// was left. Nothing starts on them until they were seen clean. Pure. It is a fact of this machine, looked at again and told for as long as
// it lasts: what a scheduler noted of it goes with a lost history, what a journal noted with its slot, and a node that was given up
// was told to nobody at all.
import type { Cleanliness, DiscoveredGpu, Inventory } from '../gpu/provider.js';
import type { GrantedGpu } from './allocation.js';

/** How often GPUs are looked at that are not clean, in ms: of ended tasks, and of doubts in the time in which most end. */
export const CLEAN_RETRY_MS = 500;
/** After this a GPU counts as dirty for now, in ms: its allocation is reported as released, and orders for it are refused. */
export const CLEAN_LIMIT_MS = 60_000;
/** How often it is looked at from then on, in ms. */
export const DOUBT_RETRY_MS = 10_000;

/** One GPU that may not be clean. Times are the agent's clock. */
export interface Doubt {
  readonly sinceMs: number;
  /** A look that was asked for before this proves nothing. */
  readonly afterMs: number;
  /** When it is looked at next; null = it is being looked at. */
  readonly nextMs: number | null;
  /** What was seen, in words; null = nobody looked yet. */
  readonly found: { readonly state: 'dirty' | 'unknown'; readonly message: string } | null;
}

/** By the UUID of the GPU. */
export type Doubts = ReadonlyMap<string, Doubt>;

/** With doubts about more GPUs. @param sinceMs since when they may not be clean */
export function withDoubts(doubts: Doubts, uuids: Iterable<string>, sinceMs: number, nowMs: number): Doubts {
  const all = new Map(doubts);
  for (const uuid of uuids) {
    const before = doubts.get(uuid);
    const found = before?.found ?? null;
    all.set(uuid, { sinceMs: Math.min(sinceMs, before?.sinceMs ?? sinceMs), afterMs: nowMs, nextMs: nowMs, found });
  }
  return all;
}

/** What is to be looked at now. On a GPU of which somebody holds a part nothing can be told from what that one uses. */
export function dueLooks(doubts: Doubts, held: ReadonlySet<string>, nowMs: number): readonly string[] {
  return [...doubts].flatMap(([uuid, { nextMs }]) =>
    nextMs === null || nextMs > nowMs || held.has(uuid) ? [] : [uuid],
  );
}

/** When `dueLooks` has something the next time, as far as nobody leaves before; Infinity = not at all. */
export function nextLookMs(doubts: Doubts, held: ReadonlySet<string>): number {
  return Math.min(...[...doubts].map(([uuid, { nextMs }]) => (nextMs === null || held.has(uuid) ? Infinity : nextMs)));
}

/** While it is looked at. */
export function lookingAt(doubts: Doubts, uuids: readonly string[]): Doubts {
  return new Map([...doubts].map(([uuid, one]) => [uuid, uuids.includes(uuid) ? { ...one, nextMs: null } : one]));
}

/** After a look at one GPU. @param askedMs when it was asked for */
export function afterLook(doubts: Doubts, uuid: string, answer: Cleanliness, askedMs: number, nowMs: number): Doubts {
  const doubt = doubts.get(uuid);
  // Somebody doubted again meanwhile, which asked for a look of its own.
  if (doubt === undefined || askedMs < doubt.afterMs) return doubts;
  const all = new Map(doubts);
  if (answer.state === 'clean') {
    all.delete(uuid);
    return all;
  }
  const nextMs = nowMs + (nowMs - doubt.sinceMs < CLEAN_LIMIT_MS ? CLEAN_RETRY_MS : DOUBT_RETRY_MS);
  // The first figure stays: it goes into a record of the scheduler, which is not to be written with each that follows.
  const isSame = doubt.found?.state === answer.state;
  all.set(uuid, { ...doubt, nextMs, found: isSame ? doubt.found : { state: answer.state, message: answer.message } });
  return all;
}

/** What is known against a GPU, in words, as operators read it; null = nothing, or nobody looked yet. */
export function whyDoubted({ found }: Doubt): string | null {
  if (found === null) return null;
  const what = found.state === 'dirty' ? 'Not clean' : 'Perhaps not clean';
  return `${what}, so that nothing starts on it: ${found.message}`;
}

/** The inventory as it is told: what the driver says of GPUs, and what is known against them here. */
export function doubtedInventory(inventory: Inventory, doubts: Doubts): Inventory {
  if (doubts.size === 0) return inventory;
  const gpus = inventory.gpus.map((gpu): DiscoveredGpu => {
    const doubt = doubts.get(gpu.uuid);
    const why = doubt === undefined ? null : whyDoubted(doubt);
    // What the driver says against it goes before.
    return why === null || gpu.health !== 'healthy' ? gpu : { ...gpu, health: 'quarantined', healthMessage: why };
  });
  return { ...inventory, gpus };
}

/** Whether an order can be carried out on its GPUs: at once, or later, or, in words, not in any time that could be waited for. */
export function judgeDoubts(
  doubts: Doubts,
  gpus: readonly GrantedGpu[],
  nowMs: number,
): 'none' | 'wait' | { readonly why: string } {
  let verdict: 'none' | 'wait' = 'none';
  for (const { uuid } of gpus) {
    const doubt = doubts.get(uuid);
    if (doubt === undefined) continue;
    if (doubt.found !== null && nowMs - doubt.sinceMs >= CLEAN_LIMIT_MS) {
      return { why: `GPU ${uuid} did not become clean in time: ${doubt.found.message}` };
    }
    verdict = 'wait';
  }
  return verdict;
}

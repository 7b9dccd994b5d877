// What the watching RPCs share: first what is there, then what changes, never faster than the client reads. What
// changed is kept as a set of keys and read when it is sent, so a slow client gets fewer, newer messages, and its
// memory is bounded by the number of things it watches.
import { deferred } from '../../common/deferred.js';
import type { ControlLoop } from '../control/loop.js';
import type { WatchHub } from '../control/watch-hub.js';
import type { ClusterView } from '../engine/view.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { RecordChange } from '../model/records.js';
import type { Sender } from './handlers.js';

/** Messages made in one piece, so that a long list keeps neither users nor the engine waiting. */
const MESSAGES_AT_ONCE = 200;

/** What is watched. */
export interface Watched<Key, Message> {
  /** Null = begin with what is there. */
  readonly afterRevision: number | null;
  /** What is there at the beginning. */
  readonly present: (state: ReadableState) => Iterable<Key>;
  readonly touched: (changes: readonly RecordChange[]) => Iterable<Key>;
  /** Null = it is gone, or not asked for. */
  readonly message: (key: Key, state: ReadableState, view: ClusterView) => Message | null;
  /** Changes that no commit tells of. @returns ends it */
  readonly alsoOn?: (mark: (key: Key) => void) => () => void;
}

/**
 * Serves one watcher until it leaves. A message's revision is one to go on after: only the last message of a batch
 * carries the batch's own, so that a connection that breaks in the middle of a batch loses nothing.
 */
export async function serveWatch<Key, Message extends object>(
  { loop, hub }: { readonly loop: ControlLoop; readonly hub: WatchHub },
  { afterRevision, present, touched, message, alsoOn }: Watched<Key, Message>,
  sender: Sender<(Message | { readonly caughtUp: true }) & { readonly revision: number }>,
): Promise<void> {
  const unsent = new Set<Key>();
  let changed = deferred();
  const mark = (key: Key): void => {
    unsent.add(key);
    changed.resolve();
  };
  sender.closed.addEventListener('abort', () => changed.resolve(), { once: true });
  const stops: (() => void)[] = [];
  try {
    let told = await loop.read((state, _view, { revision }) => {
      if (afterRevision === null) for (const key of present(state)) unsent.add(key);
      stops.push(hub.watch(afterRevision, (_revision, changes) => [...touched(changes)].forEach(mark)));
      return afterRevision ?? revision;
    });
    if (alsoOn !== undefined) stops.push(alsoOn(mark));
    // The set keeps its order, so what was there at the beginning is sent before what changed since.
    let toCatchUp = unsent.size;
    let isCaughtUp = false;
    while (!sender.closed.aborted) {
      changed = deferred();
      const waiting = unsent.size;
      told = await loop.read((state, view, { revision }) => sendBatch(state, view, { told, revision }));
      await sender.drained();
      toCatchUp -= Math.min(waiting, MESSAGES_AT_ONCE);
      if (!isCaughtUp && toCatchUp <= 0) isCaughtUp = sender.send({ revision: told, caughtUp: true });
      if (unsent.size > 0) continue;
      // What changed while the client read has woken this up already.
      if (!sender.closed.aborted) await changed.promise;
    }
  } finally {
    for (const stop of stops) stop();
  }

  function sendBatch(
    state: ReadableState,
    view: ClusterView,
    { told, revision }: { readonly told: number; readonly revision: number },
  ): number {
    const batch: Message[] = [];
    let taken = 0;
    for (const key of unsent) {
      if (taken === MESSAGES_AT_ONCE) break;
      taken += 1;
      unsent.delete(key);
      const made = message(key, state, view);
      if (made !== null) batch.push(made);
    }
    const complete = unsent.size === 0 ? revision : told;
    batch.forEach((one, index) => sender.send({ ...one, revision: index === batch.length - 1 ? complete : told }));
    return complete;
  }
}

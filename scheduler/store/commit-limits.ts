// What a commit may be, for every store. Checked before anything is written.
import { invariant } from '../../common/assert.js';
import type { Commit, StorePosition } from './state-store.js';

/** The longest key, in UTF-8 bytes. LMDB takes 1978; a request's key is the longest of ours. */
export const MAX_KEY_BYTES = 1024;
/** The most records one commit may change. From 300,000 queued writes on lmdb blocks the event loop until they are done. */
export const MAX_COMMIT_RECORDS = 250_000;

/** Stops whoever builds a commit that no store takes. */
export function checkLimits({ puts, deletes }: Commit): void {
  const count = puts.length + deletes.length;
  invariant(count <= MAX_COMMIT_RECORDS, 'a commit is bounded', `${count} of ${MAX_COMMIT_RECORDS} records`);
  for (const { collection, key } of [...puts, ...deletes]) {
    invariant(
      key.length > 0 && Buffer.byteLength(key) <= MAX_KEY_BYTES && !key.includes('\0'),
      'a key has 1 to 1024 bytes and no NUL',
      `${collection}/${key.slice(0, 64)}, ${Buffer.byteLength(key)} bytes`,
    );
  }
}

/** Why a commit does not follow what is stored, in words. */
export function whyRefused(commit: Commit, stored: StorePosition): string {
  const say = ({ lineage, epoch, revision }: StorePosition) =>
    `revision ${revision} of epoch ${epoch} of lineage ${lineage}`;
  const why =
    commit.lineage !== stored.lineage
      ? 'it belongs to another history'
      : commit.epoch !== stored.epoch
        ? commit.epoch < stored.epoch
          ? 'a later epoch has begun'
          : 'its epoch was never begun'
        : 'its revision is not the next';
  return `commit refused, nothing written: ${why}. The store is at ${say(stored)}; the commit is ${say(commit)}.`;
}

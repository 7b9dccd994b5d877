// Strikes notices off: they were sent, or nobody can be told any more.
import type { Command } from '../command.js';

/** The notices that are settled in one step at most. */
export const MAX_SETTLED = 250;

/** @param keys of notices; those that are gone already stay gone */
export function settleNotices(keys: readonly string[]): Command<void> {
  return {
    name: 'settle_notices',
    isReport: true,
    whenSpace: 'critical',
    run: (draft) => {
      for (const key of keys) if (draft.get('notices', key) !== undefined) draft.delete('notices', key);
    },
  };
}

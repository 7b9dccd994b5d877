// The shape of what is on disk, by number, and the steps that bring older records up to the present one.
import type { StoredRecord } from './state-store.js';
import { toSchema2 } from './upgrades/to-2.js';

/** The shape of what is on disk. */
export interface Schema {
  /** Raised when an older daemon could no longer read the data rightly. */
  readonly version: number;
  /**
   * Steps that bring older records up to `version`, in order; run once, at open, in one transaction. A new field needs
   * none when its absence has a meaning, because every record carries the names of its own fields.
   */
  readonly upgrades: readonly {
    readonly to: number;
    /** The record in its new shape; null = drop it. */
    readonly change: (record: StoredRecord) => StoredRecord | null;
  }[];
}

/**
 * What this version of Sluice reads and writes. When records change, test/store/schema.test.ts asks for a decision: absence of
 * the new means something, or a step here with a golden file of what was.
 */
export const CURRENT_SCHEMA: Schema = { version: 2, upgrades: [{ to: 2, change: toSchema2 }] };

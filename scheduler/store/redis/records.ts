// Records as Redis holds them: a hash for each collection, a field for each key, a value as JSON.
import type { CollectionName } from '../../model/records.js';
import type { Commit, StoredRecord } from '../state-store.js';
import type { FieldChange, RedisPort } from './port.js';

/** What was committed while the store was read. */
export interface Reading {
  readonly commits: (readonly FieldChange[])[];
}

/** Pages that were read, not all at one moment. */
export interface Pages {
  /** Puts what was committed meanwhile over them. @returns every record, collection by collection, keys ascending */
  finish(reading: Reading, collections: readonly CollectionName[]): readonly EncodedRecord[];
}

/** A record as Redis holds it: many are read at once, and decoded one by one. */
export interface EncodedRecord {
  readonly collection: CollectionName;
  readonly key: string;
  readonly value: Uint8Array;
}

/** A commit as changes of fields. */
export function changesOf({ puts, deletes }: Pick<Commit, 'puts' | 'deletes'>): readonly FieldChange[] {
  return [
    ...puts.map(({ collection, key, value }) => ({ collection, key, value: Buffer.from(JSON.stringify(value)) })),
    ...deletes.map(({ collection, key }) => ({ collection, key, value: null })),
  ];
}

/** Reads every page. What is there from the first to the last one is in them for certain, in one of its states. */
export async function readRecords(port: RedisPort): Promise<Pages> {
  const found = new Map<string, Map<string, Uint8Array>>();
  let next: string | null = null;
  do {
    const page = await port.readPage(next);
    for (const { collection, key, value } of page.records) fieldsOf(found, collection).set(key, value);
    next = page.next;
  } while (next !== null);
  return {
    finish: ({ commits }, collections) => {
      for (const { collection, key, value } of commits.flat()) {
        if (value === null) found.get(collection)?.delete(key);
        else fieldsOf(found, collection).set(key, value);
      }
      return collections.flatMap((collection) =>
        [...fieldsOf(found, collection)]
          .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
          .map(([key, value]) => ({ collection, key, value })),
      );
    },
  };
}

function fieldsOf(found: Map<string, Map<string, Uint8Array>>, collection: string): Map<string, Uint8Array> {
  const known = found.get(collection);
  if (known !== undefined) return known;
  const fresh = new Map<string, Uint8Array>();
  found.set(collection, fresh);
  return fresh;
}

export function decode({ collection, key, value }: EncodedRecord): StoredRecord {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString();
  return { collection, key, value: JSON.parse(text) as StoredRecord['value'] } as StoredRecord;
}

// Pages of long lists. A token names the last key of its page, so that a list that changes meanwhile neither repeats
// nor skips what stays in it.
import type { ApiError } from '../../common/errors.js';
import { invalid } from '../control/refusals.js';

export const MAX_PAGE_SIZE = 1_000;

export interface Page<T> {
  readonly items: readonly T[];
  /** Empty = this was the last page. */
  readonly nextPageToken: string;
}

/** Checks a page size; 0 means `usual`. */
export function parsePageSize(pageSize: number, usual: number): number {
  if (pageSize < 0) throw invalid([{ field: 'page_size', description: `${pageSize} is negative` }]);
  return Math.min(pageSize === 0 ? usual : pageSize, MAX_PAGE_SIZE);
}

/** The key after which a page begins; null = at the start. */
export function parsePageToken(token: string): string | null {
  if (token === '') return null;
  const decoded = Buffer.from(token, 'base64url').toString('utf8');
  if (!decoded.startsWith('after:')) throw strangeToken();
  return decoded.slice('after:'.length);
}

/** The number after which a page begins; null = at the start. */
export function parseNumericToken(token: string): number | null {
  const key = parsePageToken(token);
  if (key !== null && !/^\d{1,12}$/.test(key)) throw strangeToken();
  return key === null ? null : Number(key);
}

function strangeToken(): ApiError {
  return invalid([{ field: 'page_token', description: 'is not one that this server gave' }]);
}

/** Takes one page of items that come in the order of `keyOf`, already past the token's key. */
export function takePage<T>(items: Iterable<T>, size: number, keyOf: (item: T) => string): Page<T> {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length === size) {
      const last = taken.at(-1);
      return { items: taken, nextPageToken: last === undefined ? '' : pageToken(keyOf(last)) };
    }
    taken.push(item);
  }
  return { items: taken, nextPageToken: '' };
}

/** The token of the page that begins after this key. */
export function pageToken(key: string): string {
  return Buffer.from(`after:${key}`).toString('base64url');
}

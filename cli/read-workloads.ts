// Reads a long list of workloads page by page. What the next page needs to be asked for is read off a page before the whole of it is, so
// the scheduler makes the next one while this one is decoded, which takes as long.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ListWorkloadsResponse__Output } from '../proto/gen/sluice/v1/ListWorkloadsResponse.js';
import type { Workload__Output } from '../proto/gen/sluice/v1/Workload.js';

/**
 * All workloads, up to a limit.
 * @param read asks for the page after those read so far, as it is on the wire
 */
export async function readAllWorkloads(
  limit: number,
  read: (pageToken: string, count: number) => Promise<Buffer>,
  decode: (page: Buffer) => ListWorkloadsResponse__Output,
): Promise<Workload__Output[]> {
  const all: Workload__Output[] = [];
  let page: Buffer | null = await read('', 0);
  for (let count = 0; page !== null;) {
    const facts = factsOfPage(page);
    count += facts.count;
    const isLast = facts.nextPageToken === '' || count >= limit;
    [page] = await Promise.all([
      isLast ? null : read(facts.nextPageToken, count),
      // Once the request is on its way.
      nextTurn(page).then((bytes) => {
        for (const workload of decode(bytes).workloads) all.push(workload);
      }),
    ]);
  }
  return all;
}

interface PageFacts {
  /** How many workloads it holds. */
  readonly count: number;
  /** Empty = it is the last one. */
  readonly nextPageToken: string;
}

const VARINT = 0;
const BYTES = 2;
/** `workloads` and `next_page_token` of `ListWorkloadsResponse`. */
const WORKLOADS = 1;
const NEXT_PAGE_TOKEN = 2;

/** Looks at the outermost fields of a `ListWorkloadsResponse` alone. @throws Error when it is none */
function factsOfPage(page: Buffer): PageFacts {
  let at = 0;
  let count = 0;
  let nextPageToken = '';
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = page.readUInt8(at);
      at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < page.length) {
    const tag = number();
    const [field, type] = [tag >>> 3, tag & 7];
    const value = number();
    if (type === VARINT) continue;
    if (type !== BYTES)
      throw new Error(`a page of workloads has a field of wire type ${type}, which none of its fields is of`);
    if (field === WORKLOADS) count += 1;
    if (field === NEXT_PAGE_TOKEN) nextPageToken = page.toString('utf8', at, at + value);
    at += value;
  }
  return { count, nextPageToken };
}

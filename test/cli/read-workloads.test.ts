// A long list is read page by page, and the next page is asked for before this one is decoded.
import { describe, expect, it } from 'vitest';
import { readAllWorkloads } from '../../cli/read-workloads.js';
import { sluice } from '../../common/proto.js';

const { responseSerialize, responseDeserialize } = sluice.WorkloadService.service.ListWorkloads;

/** Pages of three, up to ten workloads. */
function served(log: string[]) {
  return {
    read: (pageToken: string, count: number): Promise<Buffer> => {
      log.push(`ask ${pageToken || 'first'}, have ${count}`);
      const from = Number(pageToken);
      const numbers = [1, 2, 3].map((step) => from + step).filter((number) => number <= 10);
      const nextPageToken = from + 3 >= 10 ? '' : String(from + 3);
      const workloads = numbers.map((number) => ({ number, message: 'm'.repeat(200 * number) }));
      return Promise.resolve(responseSerialize({ workloads, nextPageToken, revision: 2 ** 40 }));
    },
    decode: (page: Buffer) => {
      const decoded = responseDeserialize(page);
      log.push(`decode ${decoded.workloads[0]?.number}`);
      return decoded;
    },
  };
}

describe('a list of several pages', () => {
  it('is read whole and in order, a page ahead', async () => {
    const log: string[] = [];
    const { read, decode } = served(log);
    const all = await readAllWorkloads(Infinity, read, decode);
    expect(all.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(all[9]?.message).toHaveLength(2_000);
    expect(log.slice(0, 4)).toEqual(['ask first, have 0', 'ask 3, have 3', 'decode 1', 'ask 6, have 6']);
  });

  it('ends with the page that reaches the limit', async () => {
    const log: string[] = [];
    const { read, decode } = served(log);
    expect(await readAllWorkloads(6, read, decode)).toHaveLength(6);
    expect(log).toEqual(['ask first, have 0', 'ask 3, have 3', 'decode 1', 'decode 4']);
  });

  it('fails with what a later page failed with', async () => {
    const { read, decode } = served([]);
    const failing = (pageToken: string, count: number) =>
      pageToken === '6' ? Promise.reject(new Error('the scheduler is gone')) : read(pageToken, count);
    await expect(readAllWorkloads(Infinity, failing, decode)).rejects.toThrow('the scheduler is gone');
  });

  it('is refused when it is no page', async () => {
    const group = Buffer.from([(1 << 3) | 3, 0]);
    await expect(readAllWorkloads(1, () => Promise.resolve(group), responseDeserialize)).rejects.toThrow('wire type 3');
  });
});

// A page of workloads that is written message by message is the page that gRPC would write.
import { describe, expect, it } from 'vitest';
import { sluice } from '../../common/proto.js';
import type { Workload } from '../../proto/gen/sluice/v1/Workload.js';
import { encodePage, passEncoded } from '../../scheduler/api/encoded-page.js';

const { responseSerialize, responseDeserialize } = sluice.WorkloadService.service.ListWorkloads;

const workload = (number: number, letters: number): Workload => ({
  number,
  message: 'm'.repeat(letters),
  state: 'WORKLOAD_STATE_PENDING',
  spec: { name: `w${number}`, queue: 'q', checkpoint: { grace: { seconds: 30, nanos: 0 } } },
  events: [{ time: { seconds: 7, nanos: 1 }, type: 'SUBMITTED', message: 'by ada' }],
});

describe('a page of workloads', () => {
  it.each([
    ['without any', []],
    ['with one whose length takes one byte', [workload(1, 0)]],
    ['with lengths of two and three bytes', [workload(1, 127), workload(2, 300), workload(3, 20_000), workload(4, 1)]],
  ])('is the same as when gRPC writes it: %s', (_title, workloads) => {
    const rest = { nextPageToken: 'after', revision: 7_000_000_000 };
    const page = encodePage(workloads, (each) => each, rest);
    expect(page.bytes).toEqual(responseSerialize({ workloads, ...rest }));
    expect(responseDeserialize(page.bytes).workloads).toHaveLength(workloads.length);
  });

  it('passes as it is, and another answer is written', () => {
    const write = passEncoded(responseSerialize);
    const page = encodePage([workload(1, 5)], (each) => each, { nextPageToken: '', revision: 1 });
    expect(write(page)).toBe(page.bytes);
    expect(write({ revision: 3 })).toEqual(responseSerialize({ revision: 3 }));
  });
});

// The last lines of a log are found from its end, whatever the lines and however many pieces they take.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AllocationId } from '../../common/ids.js';
import { startOfTail } from '../../scheduler/api/log-service.js';
import type { LogRequest } from '../../scheduler/fleet/session.js';

/** An agent that has one log. */
function agentWith(log: Buffer) {
  let reads = 0;
  return {
    reads: () => reads,
    readLog: ({ offset, maxBytes }: LogRequest) => {
      reads += 1;
      const at = Math.min(offset, log.length);
      const data = log.subarray(at, at + maxBytes);
      return Promise.resolve({ id: 0, data, offset: at, end: false, error: '', times: [] });
    },
  };
}

const allocation = 'a' as AllocationId;

describe('the tail of a log', () => {
  it('is its last lines, of which the last may be unfinished', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(40_000), { maxLength: 12 }),
        fc.boolean(),
        fc.integer({ min: 1, max: 14 }),
        async (lengths, isFinished, wanted) => {
          const lines = lengths.map((length, index) => `${index}:${'x'.repeat(length)}`);
          const log = Buffer.from(lines.join('\n') + (isFinished && lines.length > 0 ? '\n' : ''));
          const start = await startOfTail(agentWith(log), allocation, { bytes: 0, lines: wanted });
          const tail = log.subarray(start).toString();
          expect(tail.replace(/\n$/, '')).toBe(lines.slice(-wanted).join('\n'));
        },
      ),
      { numRuns: 100 },
    );
  });

  it('reads a long line back to 16 MiB and no further', async () => {
    const agent = agentWith(Buffer.alloc(17 * 1024 * 1024, 'x'));
    expect(await startOfTail(agent, allocation, { bytes: 0, lines: 1 })).toBe(1024 * 1024);
    expect(agent.reads()).toBe(257);
  });

  it('is everything without a bound, and asks the agent nothing', async () => {
    const agent = agentWith(Buffer.from('a\n'));
    expect(await startOfTail(agent, allocation, { bytes: 0, lines: 0 })).toBe(0);
    expect(agent.reads()).toBe(0);
  });
});

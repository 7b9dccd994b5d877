// A few worlds one after the other. Some of them are lived twice: what differs then depends on more than the seed.
import type { Chunk, ChunkResult, Failure } from './campaign.js';
import { Coverage } from './coverage.js';
import { planOf } from './plan.js';
import { SILENT_LOG } from './silent-log.js';
import { live } from './world.js';

/** One seed in so many is lived again. */
const TWICE_ONE_IN = 50;

export async function liveChunk({ from, to, store }: Chunk): Promise<ChunkResult> {
  const coverage = new Coverage();
  const failures: Failure[] = [];
  const sum = { seeds: 0, virtualMs: 0, faults: 0, happenings: 0, acknowledged: 0, executions: 0, starts: 0 };
  for (let seed = from; seed <= to; seed += 1) {
    const plan = planOf(seed, store);
    const outcome = await live(plan, null, SILENT_LOG);
    sum.seeds += 1;
    sum.virtualMs += outcome.virtualMs;
    sum.faults += outcome.faults;
    sum.happenings += outcome.happenings;
    sum.acknowledged += outcome.figures.acknowledged;
    sum.executions += outcome.figures.executions;
    sum.starts += outcome.figures.starts;
    coverage.add(outcome.coverage.counts);
    if (outcome.violation !== null) failures.push({ seed, violation: outcome.violation });
    else if (seed % TWICE_ONE_IN === 0) {
      const again = await live(plan, null, SILENT_LOG);
      if (again.hash !== outcome.hash) {
        const message = `the first life has the hash ${outcome.hash}, the second ${again.hash}`;
        failures.push({ seed, violation: { law: 'the same seed, the same life', message, atMs: outcome.virtualMs } });
      }
    }
  }
  return { ...sum, failures, coverage: [...coverage.counts] };
}

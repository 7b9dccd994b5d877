// What running workloads use, as metrics: kinds are counted on the main page, workloads are named on their own.
import { expect, test } from 'vitest';
import type { AllocationId } from '../../common/ids.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { ADVICE_EVERY_MS } from '../../scheduler/control/advice-watch.js';
import { NODE, observed } from './observed.js';

const HOUR_MS = 3_600_000;

async function stage() {
  const site = await observed(4);
  const { queue, submit, obey, state, fleet, clock, metrics, series } = site;
  await queue('research', { guaranteeGpus: 4 });
  const [first] = await submit('research', { gpusPerTask: 2, name: 'half' }, { gpusPerTask: 1, name: 'all' });
  await obey();
  /** GPUs that worked all the time or never. */
  const tell = (name: string, ...busy: readonly boolean[]): Promise<void> => {
    const held = state.heldOn(NODE).find(({ workload }) => state.workload(workload)?.spec.name === name);
    const gpus = busy.map((one) => {
      const ms = one ? 2 * HOUR_MS : 0;
      return { measuredMs: 2 * HOUR_MS, busyMs: ms, workMs: ms, memoryPeakMib: 9 };
    });
    const idleMs = busy.map((one) => (one ? 0 : 2 * HOUR_MS));
    return fleet.noteUses(NODE, [[held?.id as AllocationId, { cpuMs: null, memoryPeakMib: null, gpus, idleMs }]]);
  };
  const lines = async (page: typeof metrics | typeof series, start: string): Promise<readonly string[]> =>
    (await page.registry.metrics()).split('\n').filter((line) => line.startsWith(start));
  return { ...site, first, tell, lines, pass: () => clock.advance(ADVICE_EVERY_MS) };
}

test('counts workloads by what is to be said of them, and names them on their own page', async () => {
  const { advice, tell, lines, metrics, series, pass, loop, obey, first } = await stage();
  advice.start();
  await tell('half', true, false);
  await tell('all', true);
  await pass();
  expect(await lines(metrics, 'sluice_advice_workloads{kind="gpus_unused"}')).toEqual([
    'sluice_advice_workloads{kind="gpus_unused"} 1',
  ]);
  expect(await lines(metrics, 'sluice_advice_workloads{')).toHaveLength(8);
  expect(await lines(series, 'sluice_workload_advice{')).toEqual([
    `sluice_workload_advice{workload="${first?.number}",kind="gpus_unused"} 1`,
  ]);
  await loop.execute(cancel([String(first?.number)], '', 'alice'));
  await obey();
  await pass();
  expect(await lines(series, 'sluice_workload_advice{')).toEqual([]);
  expect(await lines(metrics, 'sluice_advice_workloads{kind="gpus_unused"}')).toEqual([
    'sluice_advice_workloads{kind="gpus_unused"} 0',
  ]);
  advice.stop();
});

test('looks at once when it is asked to', async () => {
  const { advice, tell, fleet } = await stage();
  await tell('half', false, false);
  await advice.look();
  expect([...advice.counts()].filter(([, count]) => count > 0)).toEqual([['gpus_unused', 1]]);
  expect(fleet.measuredTasks).toHaveLength(1);
});

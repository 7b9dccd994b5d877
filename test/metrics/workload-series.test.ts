// The page of single workloads: what runs, what has just ended, and never what waits.
import { expect, test, vi } from 'vitest';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { KEPT_AFTER_END_MS } from '../../scheduler/metrics/workload-series.js';
import { observed } from './observed.js';

test('shows what runs and what has just ended, not what waits', async () => {
  const { clock, loop, queue, submit, obey, series } = await observed(2);
  const lines = async (name: string): Promise<readonly string[]> =>
    (await series.registry.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`));
  await queue('research', { guaranteeGpus: 2 });
  const [first] = await submit('research', { gpusPerTask: 2, name: 'big' }, { name: 'waits' });
  await obey();
  expect(await lines('sluice_workload_info')).toEqual([
    'sluice_workload_info{workload="1",name="big",queue="research",user="alice",type="batch",state="running"} 1',
  ]);
  expect(await lines('sluice_workload_gpus')).toEqual(['sluice_workload_gpus{workload="1"} 2']);
  await loop.execute(cancel([String(first?.number)], '', 'alice'));
  await obey();
  expect(await lines('sluice_workload_gpus')).toEqual([
    'sluice_workload_gpus{workload="2"} 1',
    'sluice_workload_gpus{workload="1"} 0',
  ]);
  expect(await lines('sluice_workload_info')).toContainEqual(expect.stringContaining('state="cancelled"'));
  await clock.advance(KEPT_AFTER_END_MS + 1);
  expect(await lines('sluice_workload_gpus')).toEqual(['sluice_workload_gpus{workload="2"} 1']);
});

test('holds the one writer up once a scrape', async () => {
  const { loop, series } = await observed(1);
  const read = vi.spyOn(loop, 'read');
  await series.registry.metrics();
  await series.registry.metrics();
  expect(read).toHaveBeenCalledTimes(2);
});

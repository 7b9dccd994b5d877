// What tasks used: held in memory while they run, in their record once they have ended.
import { describe, expect, test } from 'vitest';
import type { AllocationId, NodeId } from '../../common/ids.js';
import type { Observed } from '../../scheduler/fleet/observed.js';
import { takeObservation } from '../../scheduler/fleet/reconcile.js';
import { STALE_AFTER_MS, TaskUses } from '../../scheduler/fleet/task-uses.js';
import type { LiveUse } from '../../scheduler/model/measured-use.js';
import { Workshop } from '../control/workshop.js';

const GPU = { measuredMs: 60_000, busyMs: 50_000, workMs: 40_000, memoryPeakMib: 9_000 };
const USE: LiveUse = { cpuMs: 1_000, memoryPeakMib: 512, gpus: [GPU], idleMs: [0] };

function seen(id: AllocationId, state: 'running' | 'exited' | 'released', use?: LiveUse): Observed {
  const exit = state === 'running' ? null : { code: 0, signal: '', message: 'exited with code 0' };
  const rest = { checkpoint: null, endpoints: [], neverStarted: false, stopSignalled: false, dirtyGpus: [] };
  const endedMs = state === 'running' ? null : 3_000;
  return { id, state, startedMs: 2_000, endedMs, exit, ...rest, ...(use === undefined ? {} : { use }) };
}

function stage() {
  const shop = new Workshop();
  shop.queue('research');
  const node = shop.node('n1', 2);
  const [id] = shop.place(shop.submit(), node) as [AllocationId];
  const uses = new TaskUses();
  shop.onChanges = (changes) => changes.forEach((change) => uses.follow(change));
  shop.run(takeObservation(node, [seen(id, 'running')]));
  return { shop, node, id, uses };
}

describe('what a task used', () => {
  test('is held while it runs, of tasks of the node that tells it', () => {
    const { shop, node, id, uses } = stage();
    uses.note('other' as NodeId, shop.allocation(id), USE, 5);
    uses.note(node, undefined, USE, 5);
    // It was granted one GPU.
    uses.note(node, shop.allocation(id), { ...USE, gpus: [GPU, GPU] }, 5);
    expect(uses.ids).toEqual([]);
    uses.note(node, shop.allocation(id), USE, 5);
    expect(uses.get(id, 5 + STALE_AFTER_MS)).toEqual({ use: USE, idleMs: [0], ageMs: STALE_AFTER_MS });
    // Whether its GPUs are idle now is not known any more.
    expect(uses.get(id, 6 + STALE_AFTER_MS)).toMatchObject({ use: USE, idleMs: [] });
    shop.run(takeObservation(node, [seen(id, 'exited')]));
    expect(uses.get(id, 5)).toBeNull();
    expect(uses.ids).toEqual([]);
  });

  test('is in its record once it has ended, and stays as it was told first', () => {
    const { shop, node, id } = stage();
    shop.run(takeObservation(node, [seen(id, 'exited', USE)]));
    const { idleMs: _, ...kept } = USE;
    expect(shop.allocation(id).use).toEqual(kept);
    shop.run(takeObservation(node, [seen(id, 'released', { ...USE, cpuMs: 9 })]));
    expect(shop.allocation(id)).toMatchObject({ state: 'released', use: { cpuMs: 1_000 } });
  });

  test('is in its record for no more GPUs than it was granted', () => {
    const { shop, node, id } = stage();
    shop.run(takeObservation(node, [seen(id, 'exited', { ...USE, gpus: [GPU, GPU, GPU] })]));
    expect(shop.allocation(id).use?.gpus).toHaveLength(1);
  });

  test('takes some hundred bytes in the record', () => {
    const { idleMs: _, ...kept } = {
      ...USE,
      cpuMs: 123_456_789,
      gpus: Array.from({ length: 8 }, () => ({ ...GPU, measuredMs: 259_200_000 })),
    };
    const bytes = JSON.stringify({ use: kept }).length;
    expect(bytes).toBeLessThan(70 + 8 * 85);
  });
});

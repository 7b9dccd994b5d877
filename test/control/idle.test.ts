// Interactive work that nobody uses: warned once, then ended, as its queue or one above it says.
import { describe, expect, test } from 'vitest';
import type { AllocationId, QueueName } from '../../common/ids.js';
import { reclaimIdle, WARNING_MS } from '../../scheduler/control/commands/idle.js';
import { updateQueue } from '../../scheduler/control/commands/queues.js';
import { markStarted } from '../../scheduler/model/lifecycle.js';
import type { WorkloadKind } from '../../scheduler/model/records.js';
import { Workshop } from './workshop.js';

const MINUTE_MS = 60_000;
const LIMIT_MS = 30 * MINUTE_MS;

function stage(kind: WorkloadKind = 'interactive', idleLimitMs: number | null = LIMIT_MS) {
  const shop = new Workshop();
  shop.queue('research');
  shop.run(updateQueue('research' as QueueName, { idleLimitMs }, false));
  const node = shop.node('n1', 8);
  const number = shop.submit({ kind });
  const [id] = shop.place(number, node) as [AllocationId];
  shop.change((draft) => markStarted(draft, id, shop.nowMs, shop.nowMs));
  const report = (idleMs: number, gpuIdleMs = idleMs) =>
    shop.run(reclaimIdle([{ allocation: id, idleMs }], () => gpuIdleMs));
  const warnings = () => shop.workload(number).events.filter(({ type }) => type === 'warning');
  return { shop, number, id, report, warnings };
}

describe('work on a terminal', () => {
  test('is warned once before its limit and ended at it, both in words', () => {
    const { shop, number, id, report, warnings } = stage();
    expect(report(LIMIT_MS - WARNING_MS - 1)).toEqual([]);
    const [notice] = report(LIMIT_MS - WARNING_MS);
    expect(notice).toEqual({
      allocation: id,
      text:
        'sluice: idle for 25m (nothing typed or shown, no GPU used); queue research ends interactive work after 30m of ' +
        'that. It ends in 5m unless it is used; a key is enough.',
    });
    expect(report(LIMIT_MS - WARNING_MS + 1)).toEqual([]);
    expect(warnings()).toHaveLength(1);
    expect(report(LIMIT_MS)).toHaveLength(1);
    expect(shop.workload(number)).toMatchObject({
      state: 'stopping',
      afterStop: 'cancel',
      message:
        'idle for 30m (nothing typed or shown, no GPU used); queue research ends interactive work after 30m of that',
    });
    expect(report(LIMIT_MS + 1)).toEqual([]);
  });

  test('is warned again when it was used in between', () => {
    const { shop, report, warnings } = stage();
    report(LIMIT_MS - WARNING_MS);
    shop.nowMs += LIMIT_MS;
    expect(report(1_000)).toEqual([]);
    report(LIMIT_MS - WARNING_MS);
    expect(warnings()).toHaveLength(2);
  });

  test('is in use as long as one of its GPUs is', () => {
    const { shop, number, report } = stage();
    expect(report(10 * LIMIT_MS, 0)).toEqual([]);
    expect(shop.workload(number).state).toBe('running');
  });

  test('is left alone without a limit, and when it is of another kind', () => {
    for (const { report } of [stage('interactive', null), stage('train')]) expect(report(10 * LIMIT_MS)).toEqual([]);
  });

  test('is warned at half of a short limit', () => {
    const { report } = stage('interactive', 4 * MINUTE_MS);
    expect(report(2 * MINUTE_MS - 1)).toEqual([]);
    expect(report(2 * MINUTE_MS)).toHaveLength(1);
  });
});

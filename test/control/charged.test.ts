// What one workload was charged, and what that costs: over all its attempts, as reports have it.
import { expect, test } from 'vitest';
import type { AllocationId, QueueName } from '../../common/ids.js';
import { chargedTo } from '../../scheduler/model/charged.js';
import { markEnded, markReleased } from '../../scheduler/model/lifecycle.js';
import type { Prices } from '../../scheduler/model/prices.js';
import { usageReport } from '../../scheduler/model/usage-report.js';
import { Workshop } from './workshop.js';

const HOUR_MS = 3_600_000;
const PRICES: Prices = { currency: 'EUR', ofModels: [{ word: 'h100', perGpuHour: 3 }] };

test('of a workload that runs, has ended, or never ran', () => {
  const shop = new Workshop();
  shop.queue('q');
  const h100 = shop.node('n1', 4);
  const a100 = shop.node('n2', 4, 'NVIDIA A100-SXM4-40GB');
  const [priced, unpriced, pending] = [2, 1, 1].map((gpus) =>
    shop.submit({ queue: 'q' as QueueName, gpusPerTask: gpus }),
  );
  if (priced === undefined || unpriced === undefined || pending === undefined) throw new Error('none');
  const [id] = shop.place(priced, h100) as [AllocationId];
  shop.place(unpriced, a100);
  const charged = (number: typeof priced) => chargedTo(shop.state, shop.workload(number), PRICES, shop.nowMs);
  shop.nowMs += HOUR_MS;
  expect(charged(priced)).toEqual({ gpuMs: 2 * HOUR_MS, cost: 6 });
  expect(charged(unpriced)).toEqual({ gpuMs: HOUR_MS, cost: null });
  expect(charged(pending)).toEqual({ gpuMs: 0, cost: 0 });
  shop.change((draft) =>
    markEnded(
      draft,
      id,
      { exit: { code: 0, signal: '', message: '' }, endedMs: shop.nowMs, ofItsOwn: true },
      shop.nowMs,
    ),
  );
  shop.nowMs += HOUR_MS;
  shop.change((draft) => markReleased(draft, id, 'clean', shop.nowMs));
  expect(charged(priced)).toEqual({ gpuMs: 2 * HOUR_MS, cost: 6 });
  const query = { fromMs: null, toMs: shop.nowMs, by: ['workload'], queue: '', user: '' } as const;
  const [row] = usageReport(shop.state, query, shop.nowMs, PRICES).rows;
  expect([row?.workload, row?.charged.ms, row?.cost]).toEqual([String(priced), 2 * HOUR_MS, 6]);
  // What is known of it only as a sum is not priced.
  const { allocations: _, ...rest } = shop.workload(priced);
  expect(chargedTo(shop.state, { ...rest, allocations: [] }, PRICES, shop.nowMs).cost).toBeNull();
});

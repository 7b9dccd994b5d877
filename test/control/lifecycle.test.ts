// The life of workloads and allocations, told as short stories.
import { describe, expect, test } from 'vitest';
import { markEnded, markReleased, markStarted, noteCheckpoint, requestStop } from '../../scheduler/model/lifecycle.js';
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { Workshop } from './workshop.js';

const ok = { code: 0, signal: '', message: '' };
const crash = { code: 7, signal: '', message: 'out of memory' };
const killed = { code: null, signal: 'SIGTERM', message: '' };

function ready(): Workshop {
  const shop = new Workshop();
  shop.queue('research', { guaranteeGpus: 4 });
  return shop;
}

function start(shop: Workshop, ids: readonly AllocationId[]): void {
  for (const id of ids) shop.change((draft) => markStarted(draft, id, shop.nowMs, shop.nowMs));
}

function end(shop: Workshop, id: AllocationId, exit: typeof ok | typeof killed, ofItsOwn = true): void {
  shop.change((draft) => markEnded(draft, id, { exit, endedMs: shop.nowMs, ofItsOwn }, shop.nowMs));
}

function reclaim(shop: Workshop, number: WorkloadNumber): void {
  shop.change((draft) =>
    requestStop(draft, number, 'requeue', {
      reason: 'reclaimed',
      requestedMs: shop.nowMs,
      forWorkload: null,
      message: 'product takes back what it is guaranteed',
    }),
  );
}

describe('a workload', () => {
  test('runs, ends well, and its GPUs stay held until they are confirmed clean', () => {
    const shop = ready();
    const node = shop.node('n1', 4);
    const number = shop.submit({ gpusPerTask: 2 });
    const [id] = shop.place(number, node) as [AllocationId];
    expect(shop.workload(number).state).toBe('starting');
    start(shop, [id]);
    expect(shop.workload(number).state).toBe('running');
    shop.nowMs += 10_000;
    end(shop, id, ok);
    expect(shop.workload(number)).toMatchObject({ state: 'succeeded', gpuMs: 20_000 });
    expect(shop.state.heldOn(node)).toHaveLength(1);
    shop.change((draft) => markReleased(draft, id, 'clean', shop.nowMs));
    expect(shop.state.heldOn(node)).toHaveLength(0);
  });

  test('every grant raises the generation of its GPUs', () => {
    const shop = ready();
    const node = shop.node('n1', 1);
    const generations = [1, 2, 3].map(() => {
      const [id] = shop.place(shop.submit(), node) as [AllocationId];
      start(shop, [id]);
      end(shop, id, ok);
      shop.change((draft) => markReleased(draft, id, 'clean', shop.nowMs));
      return shop.allocation(id).gpus[0]?.generation;
    });
    expect(generations).toEqual([1, 2, 3]);
  });

  test('of several tasks fails as a whole, and names the first cause', () => {
    const shop = ready();
    const node = shop.node('n1', 4);
    const number = shop.submit({ tasks: 3 });
    const [first, second, third] = shop.place(number, node) as [AllocationId, AllocationId, AllocationId];
    start(shop, [first, second, third]);
    end(shop, second, crash);
    expect(shop.workload(number).state).toBe('stopping');
    expect(shop.allocation(first).stop?.reason).toBe('gang_ended');
    end(shop, first, killed, false);
    end(shop, third, killed, false);
    expect(shop.workload(number)).toMatchObject({
      state: 'failed',
      message: 'task 1 (rank 1 on n1) exited with code 7: out of memory',
    });
  });

  test('that is reclaimed goes back to pending, whatever its exit code, and pays for work since its checkpoint', () => {
    const shop = ready();
    const node = shop.node('n1', 4);
    const number = shop.submit({ gpusPerTask: 3 });
    const [id] = shop.place(number, node) as [AllocationId];
    start(shop, [id]);
    shop.nowMs += 60_000;
    const checkpoint = { step: 120, timeMs: shop.nowMs - 2_000, path: '/checkpoints/step-120' };
    shop.change((draft) => noteCheckpoint(draft, number, checkpoint, shop.nowMs));
    reclaim(shop, number);
    expect(shop.allocation(id)).toMatchObject({ state: 'stopping', stop: { reason: 'reclaimed', graceMs: 30_000 } });
    expect(shop.workload(number).events.at(-1)?.message).toBe(
      'product takes back what it is guaranteed; at risk is 6.0s of GPU time since its last checkpoint',
    );
    end(shop, id, killed, false);
    expect(shop.workload(number)).toMatchObject({
      state: 'pending',
      requeues: 1,
      lostGpuMs: 6_000,
      checkpoint: { step: 120 },
    });
    // Its old GPUs are held until they are clean, while it may start elsewhere.
    expect(shop.state.heldOn(node)).toHaveLength(1);
    const elsewhere = shop.node('n2', 4);
    shop.place(number, elsewhere);
    expect(shop.workload(number)).toMatchObject({ attempt: 2, pastAllocations: [id] });
  });

  test('is charged for no time that did not pass, whatever its node takes for the time', () => {
    const shop = ready();
    const number = shop.submit();
    const [id] = shop.place(number, shop.node('n1', 1)) as [AllocationId];
    const yearMs = 365 * 86_400_000;
    shop.change((draft) => markStarted(draft, id, shop.nowMs - yearMs, shop.nowMs));
    shop.nowMs += 5_000;
    const exit = { endedMs: shop.nowMs + yearMs, exit: ok, ofItsOwn: true };
    shop.change((draft) => markEnded(draft, id, exit, shop.nowMs));
    expect(shop.workload(number).gpuMs).toBe(5_000);
    expect(shop.allocation(id)).toMatchObject({ startedMs: shop.nowMs - 5_000, endedMs: shop.nowMs });
  });

  test('keeps the newest checkpoint, also in a folder that is written again, and does not waver between equal ones', () => {
    const shop = ready();
    const number = shop.submit();
    const note = (step: number, path: string, timeMs: number) =>
      shop.change((draft) => noteCheckpoint(draft, number, { step, path, timeMs }, shop.nowMs));
    note(1, '/c/last', 10);
    note(2, '/c/last', 20);
    expect(shop.workload(number).checkpoint?.step).toBe(2);
    const events = shop.workload(number).events.length;
    note(2, '/d/last', 20);
    note(2, '/c/last', 20);
    expect(shop.workload(number).events).toHaveLength(events);
  });

  test('begins every task of an attempt at the checkpoint that it was placed with', () => {
    const shop = ready();
    const node = shop.node('n1', 4);
    const number = shop.submit({ tasks: 2 });
    const [first, second] = shop.place(number, node) as [AllocationId, AllocationId];
    start(shop, [first]);
    // The first task is fast: it has saved its work before the second one is even up.
    const checkpoint = { step: 10, timeMs: shop.nowMs, path: '/checkpoints/step-10' };
    shop.change((draft) => noteCheckpoint(draft, number, checkpoint, shop.nowMs));
    start(shop, [second]);
    expect([first, second].map((id) => shop.allocation(id).resume)).toEqual([null, null]);
    expect(shop.workload(number).events.at(-1)?.message).toBe('attempt 1 runs');
    reclaim(shop, number);
    for (const id of [first, second]) end(shop, id, killed, false);
    for (const id of [first, second]) shop.change((draft) => markReleased(draft, id, 'clean', shop.nowMs));
    const again = shop.place(number, node);
    expect(again.map((id) => shop.allocation(id).resume?.step)).toEqual([10, 10]);
  });

  test('that was done before its stop signal came has succeeded, not been reclaimed', () => {
    const shop = ready();
    const number = shop.submit();
    const [id] = shop.place(number, shop.node('n1', 1)) as [AllocationId];
    start(shop, [id]);
    reclaim(shop, number);
    end(shop, id, ok, true);
    expect(shop.workload(number)).toMatchObject({ state: 'succeeded', requeues: 0 });
  });

  test('that is cancelled while it is being reclaimed ends, and does not come back', () => {
    const shop = ready();
    const number = shop.submit();
    const [id] = shop.place(number, shop.node('n1', 1)) as [AllocationId];
    start(shop, [id]);
    reclaim(shop, number);
    shop.run(cancel([String(number)], 'not needed', 'alice'));
    end(shop, id, killed, false);
    expect(shop.workload(number)).toMatchObject({ state: 'cancelled', message: 'cancelled by alice: not needed' });
  });

  test('that is pending is cancelled at once; cancelling it again changes nothing', () => {
    const shop = ready();
    const number = shop.submit();
    shop.run(cancel([String(number)], '', 'alice'));
    const once = shop.workload(number);
    shop.run(cancel(['work'], 'again', 'bob'));
    expect(shop.workload(number)).toBe(once);
    expect(once.state).toBe('cancelled');
  });

  test('takes a repeated report of anything without a change', () => {
    const shop = ready();
    const number = shop.submit();
    const [id] = shop.place(number, shop.node('n1', 1)) as [AllocationId];
    start(shop, [id]);
    start(shop, [id]);
    end(shop, id, ok);
    const once = shop.workload(number);
    end(shop, id, crash);
    shop.change((draft) => markReleased(draft, id, 'clean', shop.nowMs));
    shop.change((draft) => markReleased(draft, id, 'clean', shop.nowMs));
    expect(shop.workload(number)).toBe(once);
  });

  test('ends with a span of zero when the clock jumped back', () => {
    const shop = ready();
    const number = shop.submit();
    const [id] = shop.place(number, shop.node('n1', 1)) as [AllocationId];
    start(shop, [id]);
    shop.nowMs -= 500_000;
    end(shop, id, ok);
    expect(shop.workload(number).gpuMs).toBe(0);
  });
});

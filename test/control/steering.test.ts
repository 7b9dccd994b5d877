// Hold, release, requeue, priority: what they change, what they leave alone, and that repeating them is harmless.
import { status } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { ApiError } from '../../common/errors.js';
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import { endRecovery, noteLostHistory } from '../../scheduler/control/commands/recovery.js';
import { cancel } from '../../scheduler/control/commands/cancel.js';
import { hold, type HoldTerms, prioritize, release, requeue } from '../../scheduler/control/commands/steering.js';
import { markEnded, markReleased, markStarted } from '../../scheduler/model/lifecycle.js';
import { GPU_PARTS } from '../../scheduler/model/requests.js';
import { Workshop } from './workshop.js';

function stage() {
  const shop = new Workshop();
  shop.queue('research');
  const node: NodeId = shop.node('n1', 8);
  const start = (number: WorkloadNumber): AllocationId => {
    const [id] = shop.place(number, node) as [AllocationId];
    shop.change((draft) => markStarted(draft, id, shop.nowMs, shop.nowMs));
    return id;
  };
  const end = (id: AllocationId) => {
    const exit = { code: 0, signal: '', message: '' };
    shop.change((draft) => markEnded(draft, id, { exit, endedMs: shop.nowMs, ofItsOwn: false }, shop.nowMs));
    shop.change((draft) => markReleased(draft, id, 'clean', shop.nowMs));
    shop.pass();
  };
  const events = (number: WorkloadNumber) =>
    shop.workload(number).events.map(({ type, message }) => `${type}: ${message}`);
  return { shop, node, start, end, events };
}

function refusalOf(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a hold', () => {
  test('closes the gate of what waits until it is released', () => {
    const { shop, events } = stage();
    const number = shop.submit();
    shop.run(hold(['work'], 'no data yet', 'ada'));
    expect(shop.workload(number).gate).toEqual({ kind: 'held', message: 'held by ada: no data yet', untilMs: null });
    shop.run(release(['work'], 'bob'));
    shop.pass();
    expect(shop.workload(number)).toMatchObject({ hold: null, gate: null });
    expect(events(number).slice(-2)).toEqual(['held: held by ada: no data yet', 'unheld: released by bob']);
  });

  test('takes promised GPUs away', () => {
    const { shop, node } = stage();
    const number = shop.submit();
    const placements = [{ task: 0, node, gpus: [0], parts: GPU_PARTS, instances: [] }];
    shop.decide({ type: 'claim', workload: number, placements });
    shop.run(hold([String(number)], '', 'ada'));
    expect(shop.workload(number).claim).toBeNull();
  });

  test('leaves what runs alone, and holds it once it comes back', () => {
    const { shop, start, end } = stage();
    const number = shop.submit();
    const id = start(number);
    shop.run(hold([String(number)], '', 'ada'));
    expect(shop.workload(number)).toMatchObject({ state: 'running', gate: null, hold: 'held by ada' });
    shop.run(requeue([String(number)], '', 'ada', false));
    end(id);
    expect(shop.workload(number)).toMatchObject({ state: 'pending', gate: { kind: 'held' } });
  });

  test('keeps its reason when it is held again without one, and takes a new one', () => {
    const { shop } = stage();
    const number = shop.submit();
    shop.run(hold(['work'], 'no data', 'ada'));
    const once = shop.workload(number);
    shop.run(hold(['work'], '', 'bob'));
    shop.run(hold(['work'], 'no data', 'ada'));
    expect(shop.workload(number)).toBe(once);
    shop.run(hold(['work'], 'no disk', 'bob'));
    shop.pass();
    expect(shop.workload(number).gate?.message).toBe('held by bob: no disk');
  });

  test('does not shorten the pause before a retry', () => {
    const { shop, start } = stage();
    const number = shop.submit({
      retry: { max: 1, backoffMs: 60_000, maxBackoffMs: 60_000, codes: [], neverCodes: [] },
    });
    const exit = { code: 7, signal: '', message: '' };
    const id = start(number);
    shop.run(hold([String(number)], '', 'ada'));
    shop.change((draft) => markEnded(draft, id, { exit, endedMs: shop.nowMs, ofItsOwn: true }, shop.nowMs));
    expect(shop.workload(number).gate?.kind).toBe('held');
    shop.run(release([String(number)], 'ada'));
    shop.pass();
    expect(shop.workload(number).gate?.kind).toBe('backoff');
    shop.pass(60_000);
    expect(shop.workload(number).gate).toBeNull();
  });
});

describe('a hold of an administrator', () => {
  const admins = { right: 'admin', ownerMayRelease: false } as const;
  const lenient = { right: 'admin', ownerMayRelease: true } as const;
  /** Of a workload that ada submitted. */
  function heldByRoot(terms: HoldTerms = admins) {
    const { shop, ...rest } = stage();
    const number = shop.submit();
    shop.run(hold(['work'], 'looks broken', 'root', terms));
    return { shop, number, ...rest };
  }

  test('is released by administrators only, and says so to its owner', () => {
    const { shop, number, events } = heldByRoot();
    const held = shop.workload(number);
    expect(held).toMatchObject({ hold: 'held by administrator root: looks broken', adminHold: true });
    const refusal = refusalOf(() => shop.run(release(['work'], 'ada', 'owner')));
    expect(refusal).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'HELD_BY_ADMIN' });
    expect(refusal.message).toBe(
      'workload 1 ("work") is held by administrator root: looks broken, and what an administrator holds only administrators release; ' +
        'nothing was released\nAsk an administrator to release it, or cancel it: "sluice cancel".',
    );
    expect(shop.workload(number)).toBe(held);
    shop.run(release(['work'], 'operator', 'admin'));
    shop.pass();
    expect(shop.workload(number)).toMatchObject({ hold: null, gate: null });
    expect(shop.workload(number)).not.toHaveProperty('adminHold');
    expect(events(number).at(-1)).toBe('unheld: released by operator');
  });

  test('keeps all of several from being released by an owner', () => {
    const { shop, number } = heldByRoot();
    const own = shop.submit({ name: 'own' });
    shop.run(hold(['own'], '', 'ada'));
    expect(() => shop.run(release(['own', 'work'], 'ada'))).toThrow('nothing was released');
    expect([shop.workload(own).hold, shop.workload(number).adminHold]).toEqual(['held by ada', true]);
  });

  test.each([
    ['hold', hold(['work'], 'mine', 'ada')],
    ['requeue', requeue(['work'], 'mine', 'ada', true)],
  ])("is not made the owner's by a %s of the owner", (_, command) => {
    const { shop, number } = heldByRoot();
    const before = shop.workload(number);
    shop.run(command);
    expect(shop.workload(number)).toBe(before);
  });

  test('takes over that of the owner, also without a reason, and as a requeue holds', () => {
    const { shop, start, end } = stage();
    const [waits, runs] = [shop.submit({ name: 'a' }), shop.submit({ name: 'b' })];
    const id = start(runs);
    shop.run(hold(['a'], 'no data', 'ada'));
    shop.run(hold(['a'], '', 'root', admins));
    shop.run(requeue(['b'], '', 'root', true, admins));
    end(id);
    for (const number of [waits, runs]) {
      expect(shop.workload(number)).toMatchObject({ hold: 'held by administrator root', adminHold: true });
      expect(() => shop.run(release([String(number)], 'ada'))).toThrow(/only administrators release/);
    }
  });

  test('may be left to the owner, at once or later', () => {
    for (const { shop, number } of [heldByRoot(lenient), heldByRoot()]) {
      shop.run(hold(['work'], 'as you like', 'root', lenient));
      expect(shop.workload(number).hold).toBe('held by root: as you like');
      shop.run(release(['work'], 'ada'));
      expect(shop.workload(number).hold).toBeNull();
    }
  });

  test('of the own work is that of any owner', () => {
    const { shop } = stage();
    const number = shop.submit();
    shop.run(hold(['work'], '', shop.workload(number).owner, admins));
    expect(shop.workload(number).adminHold).toBeUndefined();
  });
});

describe('a requeue', () => {
  test('stops what runs with its grace, and lets it wait again', () => {
    const { shop, start, end, events } = stage();
    const number = shop.submit();
    const id = start(number);
    shop.run(requeue([String(number)], 'new driver', 'ada', false));
    expect(shop.allocation(id).stop).toMatchObject({
      reason: 'requeued',
      graceMs: 30_000,
      message: 'requeued by ada: new driver',
    });
    const once = shop.workload(number);
    shop.run(requeue([String(number)], 'again', 'ada', false));
    expect(shop.workload(number)).toBe(once);
    end(id);
    expect(shop.workload(number)).toMatchObject({ state: 'pending', requeues: 1, retries: 0 });
    expect(events(number)).toContain('stopping: requeued by ada: new driver');
  });

  test('may hold as well, also what waits', () => {
    const { shop, start, end } = stage();
    const [runs, waits] = [shop.submit({ name: 'a' }), shop.submit({ name: 'b' })];
    const id = start(runs);
    shop.run(requeue(['a', 'b'], 'look first', 'ada', true));
    end(id);
    for (const number of [runs, waits])
      expect(shop.workload(number)).toMatchObject({ state: 'pending', gate: { message: 'held by ada: look first' } });
  });

  test('does not bring back what is being cancelled', () => {
    const { shop, start, end } = stage();
    const number = shop.submit();
    const id = start(number);
    shop.run(cancel([String(number)], '', 'ada'));
    shop.run(requeue([String(number)], '', 'ada', false));
    end(id);
    expect(shop.workload(number).state).toBe('cancelled');
  });
});

describe('a priority', () => {
  test('is changed of what waits and of what runs', () => {
    const { shop, start, events } = stage();
    const [waits, runs] = [shop.submit({ name: 'a' }), shop.submit({ name: 'b' })];
    start(runs);
    shop.run(prioritize(['a', 'b'], 80, 'ada'));
    for (const number of [waits, runs]) {
      expect(shop.workload(number).spec.priority).toBe(80);
      expect(events(number).at(-1)).toBe('changed: priority 50 changed to 80 by ada');
    }
    const once = shop.workload(waits);
    shop.run(prioritize(['a'], 80, 'bob'));
    expect(shop.workload(waits)).toBe(once);
  });
});

describe('each of them', () => {
  const commands = {
    hold: (words: string[]) => hold(words, 'r', 'ada'),
    release: (words: string[]) => release(words, 'ada'),
    requeue: (words: string[]) => requeue(words, 'r', 'ada', true),
    prioritize: (words: string[]) => prioritize(words, 99, 'ada'),
  };
  test.each(Object.entries(commands))('%s: leaves what has ended, and changes all or none', (_, command) => {
    const { shop } = stage();
    const [ended, waits] = [shop.submit({ name: 'ended' }), shop.submit({ name: 'waits' })];
    shop.run(cancel(['ended'], '', 'ada'));
    const before = [ended, waits].map((number) => shop.workload(number));
    expect(() => shop.run(command(['waits', 'nobody']))).toThrow('workload "nobody" does not exist; n');
    expect(shop.run(command(['ended', 'ended']))).toEqual([before[0], before[0]]);
    expect([ended, waits].map((number) => shop.workload(number))).toEqual(before);
  });

  test.each([...Object.entries(commands), ['cancel', (words: string[]) => cancel(words, '', 'ada')] as const])(
    '%s: says of what is not there that an agent may bring it back, as long as agents are asked',
    (_, command) => {
      const { shop } = stage();
      const yet = /workload "4711" does not exist(.|\n)*known again once that agent was heard/;
      expect(() => shop.run(command(['4711']))).not.toThrow(yet);
      shop.run(noteLostHistory('next', { lineage: 'one', epoch: 1, revision: 9 }, 'e'));
      expect(() => shop.run(command(['4711']))).toThrow(yet);
      shop.run(endRecovery('all were heard', ''));
      expect(() => shop.run(command(['4711']))).toThrow(/does not exist/);
      expect(() => shop.run(command(['4711']))).not.toThrow(yet);
    },
  );
});

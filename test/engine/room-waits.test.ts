// Who of a queue has waited too long for GPUs: the columns that are kept up to date must say what a look at every group says,
// whatever happened to the cluster since they were last asked.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WorkloadNumber } from '../../common/ids.js';
import { compareGroups } from '../../scheduler/engine/order.js';
import { mayStop, type QueueNode } from '../../scheduler/engine/queues.js';
import type { Overdue } from '../../scheduler/engine/room-waits.js';
import { asksForGpus, nextMember } from '../../scheduler/engine/shapes.js';
import { age, preemptibleAges, waitingSinceMs } from '../../scheduler/engine/waiting.js';
import { TestCluster } from './cluster.js';

// One seed, so that a run here says the same as a run there. `SEED=7 npx vitest run test/engine/room-waits` takes another.
const SEED = Number(process.env.SEED ?? 20_261_123);

const RESERVE_AFTER_MS = 60_000;
const MOST = 4;
const QUEUES = ['free', 'limited', 'owned'] as const;

/** A question of a queue without rules. */
const ANY = {
  reserveAfterMs: RESERVE_AFTER_MS,
  most: MOST,
  preemptibleAges: true,
  isStopped: () => false,
  mayStopPreemptible: false,
};

/** One thing that happens, by small numbers. */
interface Step {
  readonly what: 'submit' | 'cancel' | 'finish' | 'requeue' | 'gate' | 'wait' | 'limit' | 'node';
  readonly queue: number;
  readonly gpus: number;
  readonly pick: number;
}

const STEP: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom(
    'submit',
    'submit',
    'submit',
    'submit',
    'cancel',
    'finish',
    'requeue',
    'wait',
    'wait',
    'limit',
    'node',
  ),
  queue: fc.nat(2),
  gpus: fc.integer({ min: 1, max: 6 }),
  pick: fc.nat(1_000),
});

class World {
  readonly cluster = new TestCluster({ reserveAfterMs: RESERVE_AFTER_MS })
    .nodes(1, { gpus: 4 })
    .queue('free')
    .queue('limited', { limit: 4 })
    .queue('owned', { guarantee: 2 });
  readonly #submitted: WorkloadNumber[] = [];
  #nodes = 1;

  take({ what, queue, gpus, pick }: Step): void {
    const { cluster } = this;
    const number = this.#submitted[pick % Math.max(1, this.#submitted.length)];
    const state = number === undefined ? null : cluster.workload(number).state;
    const name = QUEUES[queue] ?? 'free';
    if (what === 'submit') {
      const options = {
        gpus: Math.min(gpus, 4),
        priority: (pick % 2) * 10,
        preemptible: pick % 5 > 0,
        owner: `u${pick % 2}`,
      };
      this.#submitted.push(cluster.submit(name, options));
    } else if (what === 'wait') cluster.nowMs += pick * 150;
    else if (what === 'node' && this.#nodes < 4) cluster.node(`m${this.#nodes++}`, { gpus: 1 });
    else if (what === 'limit') cluster.queue('limited', { limit: gpus + 2 });
    else if (number === undefined) return;
    else if (what === 'finish' && state === 'running') cluster.finish(number);
    else if (what === 'cancel' && state === 'pending') cluster.cancel(number);
    else if (what === 'gate' && state === 'pending') {
      const isShut = cluster.workload(number).gate !== null;
      cluster.replace(number, { gate: isShut ? null : { kind: 'held', message: 'a user holds it', untilMs: null } });
    } else if (what === 'requeue' && state === 'pending') {
      const event = { timeMs: cluster.nowMs, type: 'requeued' as const, actor: 'test', message: '' };
      cluster.replace(number, { events: [...cluster.workload(number).events, event] });
    }
  }

  queues(): QueueNode[] {
    return QUEUES.flatMap((name) => [...this.cluster.view.queues.values()].filter((queue) => queue.name === name));
  }

  /** As the engine asks. */
  ask(queue: QueueNode): Overdue {
    const { view, nowMs } = this.cluster;
    const { groups, nextDueMs } = queue.roomWaits.firstOverdue({
      nowMs,
      reserveAfterMs: RESERVE_AFTER_MS,
      most: MOST,
      preemptibleAges: preemptibleAges(view, queue),
      isStopped: (group) => view.findStop(group, group.shape, 'bind') !== null,
      mayStopPreemptible: mayStop(queue, queue.roomWaits.most),
    });
    return { groups: [...groups], nextDueMs };
  }

  /** By a look at every group of the queue. */
  plainly(queue: QueueNode): Overdue {
    const { view, nowMs } = this.cluster;
    const overdue = [];
    let nextDueMs = Infinity;
    for (const group of queue.stuck.all()) {
      const head = nextMember(group);
      if (group.surplus !== null || group.block?.kind !== 'room' || head === null || !asksForGpus(group.shape))
        continue;
      if (view.findStop(group, group.shape, 'bind') !== null) group.roomSinceMs = nowMs;
      const dueMs = waitingSinceMs(head, group) + RESERVE_AFTER_MS;
      if (dueMs > nowMs) nextDueMs = Math.min(nextDueMs, dueMs);
      else overdue.push(group);
    }
    age(view, queue, overdue, nowMs);
    return { groups: overdue.toSorted(compareGroups).slice(0, MOST), nextDueMs };
  }
}

describe('RoomWaits', () => {
  it('finds the first overdue as a look at every group does, whatever came between', () => {
    let overdue = 0;
    let waiting = 0;
    fc.assert(
      fc.property(fc.array(STEP, { minLength: 20, maxLength: 60 }), (steps) => {
        const world = new World();
        for (const step of steps) {
          world.take(step);
          world.cluster.settle();
          for (const queue of world.queues()) {
            const found = world.ask(queue);
            const plain = world.plainly(queue);
            expect(found.groups.map(({ key }) => key)).toStrictEqual(plain.groups.map(({ key }) => key));
            expect(found.nextDueMs).toBe(plain.nextDueMs);
            overdue += found.groups.length;
            waiting += Number(found.nextDueMs < Infinity);
          }
        }
      }),
      { numRuns: 200, seed: SEED },
    );
    expect(overdue).toBeGreaterThan(1_000);
    expect(waiting).toBeGreaterThan(1_000);
  });

  it('goes by the older of two equal workloads again when that comes back', () => {
    const world = new World();
    const { cluster } = world;
    cluster.running('free', 'n0', [0, 1, 2, 3]);
    const older = cluster.submit('free', { gpus: 4 });
    cluster.nowMs += 50_000;
    cluster.submit('free', { gpus: 4 });
    cluster.replace(older, { gate: { kind: 'held', message: 'a user holds it', untilMs: null } }).settle();
    const [queue] = world.queues();
    expect(queue?.roomWaits.firstOverdue({ ...ANY, nowMs: cluster.nowMs })).toEqual({
      groups: [],
      nextDueMs: cluster.nowMs + RESERVE_AFTER_MS,
    });
    cluster.replace(older, { gate: null });
    cluster.nowMs += 10_000;
    expect(queue?.roomWaits.firstOverdue({ ...ANY, nowMs: cluster.nowMs }).groups).toHaveLength(1);
  });
});

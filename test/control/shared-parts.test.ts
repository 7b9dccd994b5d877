// Workloads read from the store share what is equal, and are otherwise as they were written.
import { describe, expect, test } from 'vitest';
import { present } from '../../common/assert.js';
import type { Workload } from '../../scheduler/model/records.js';
import { MAX_SHARED_PARTS, SharedParts } from '../../scheduler/model/shared-parts.js';
import { loopOn, queue } from './loop-on.js';
import { MemoryStore } from './memory-store.js';
import { submit } from '../../scheduler/control/commands/submit.js';
import { submission, Workshop } from './workshop.js';

/** As the store gives it: every object its own. */
const read = (workload: Workload): Workload => structuredClone(workload);

function workloads(...gpus: readonly number[]): readonly Workload[] {
  const shop = new Workshop();
  shop.queue('research');
  return gpus.map((gpusPerTask) =>
    shop.workload(shop.submit({ gpusPerTask, environment: [{ name: 'SEED', value: '7' }] })),
  );
}

describe('shared parts', () => {
  test('are one object where they are equal, and nothing else changes', () => {
    const written = workloads(1, 1, 2);
    const shared = new SharedParts();
    const [first, second, other] = written.map((workload) => shared.workload(read(workload)).spec);
    expect(written.map((workload) => shared.workload(read(workload)))).toEqual(written);
    expect(second?.roles).toBe(first?.roles);
    expect(second?.program).toBe(first?.program);
    expect(second?.environment).toBe(first?.environment);
    expect(second?.retry).toBe(first?.retry);
    expect(other?.roles).not.toBe(first?.roles);
    expect(other?.environment).toBe(first?.environment);
  });

  test('are remembered up to a bound, beyond which all are forgotten and shared anew', () => {
    const [one] = workloads(1);
    const workload = present(one, 'workload', 'submitted');
    const shared = new SharedParts();
    const seeded = (at: number) => {
      const environment = [{ name: 'SEED', value: `${at}` }];
      return shared.spec({ ...workload.spec, environment }).environment;
    };
    const early = seeded(0);
    // The roles, the program and the policy of retries are remembered, too.
    for (let at = 1; at < MAX_SHARED_PARTS - 3; at += 1) seeded(at);
    expect(seeded(0)).toBe(early);
    const late = seeded(MAX_SHARED_PARTS);
    expect(seeded(MAX_SHARED_PARTS)).toBe(late);
    expect(seeded(0)).toEqual(early);
    expect(seeded(0)).not.toBe(early);
  });

  test('are what a daemon that begins reads', async () => {
    const first = await loopOn();
    await first.loop.execute(queue('research'));
    await first.loop.execute(submit(submission([{}])));
    await first.loop.execute(submit(submission([{}])));
    const records = new Map(
      first.store.commits.flatMap(({ puts }) => puts).map((put) => [`${put.collection}/${put.key}`, put]),
    );
    const store = new MemoryStore();
    store.records = [...records.values()].map((record) => structuredClone(record));
    const { state } = await loopOn(store);
    const [one, two] = [...state.workloads.values()];
    expect([one, two]).toEqual([...first.state.workloads.values()]);
    expect(one?.spec.roles).toBe(two?.spec.roles);
  });
});

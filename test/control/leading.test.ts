// A loop of a daemon that may not lead any more: nothing is decided or told, whatever the store says of what was under way.
import { expect, test } from 'vitest';
import { LeadershipLost } from '../../scheduler/control/loop.js';
import { loopOn, queue } from './loop-on.js';
import { MemoryStore } from './memory-store.js';

async function loopThatLeads() {
  const leading = { isFresh: true };
  const made = await loopOn(new MemoryStore(), undefined, () => leading.isFresh);
  const told: number[] = [];
  made.loop.onCommitted(({ revision }) => told.push(revision));
  return { ...made, leading, told };
}

const soon = () => new Promise((resolve) => setImmediate(resolve));

test('what became durable is not told once leading is in doubt', async () => {
  const { loop, store, fatal, leading, told } = await loopThatLeads();
  store.isHeld = true;
  let isAnswered = false;
  void loop.execute(queue('a')).then(() => (isAnswered = true));
  await expect.poll(() => store.held.length).toBe(1);
  leading.isFresh = false;
  store.held[0]?.resolve();
  await expect.poll(() => fatal).toEqual([expect.any(LeadershipLost)]);
  await soon();
  expect({ isAnswered, told }).toEqual({ isAnswered: false, told: [] });
});

test('nothing is committed once leading is in doubt', async () => {
  const { loop, store, fatal, leading } = await loopThatLeads();
  const before = store.commits.length;
  leading.isFresh = false;
  void loop.execute(queue('a'));
  await expect.poll(() => fatal).toEqual([expect.any(LeadershipLost)]);
  expect(store.commits).toHaveLength(before);
});

test('a loop that is abandoned refuses what waits, and keeps silent about a commit in flight', async () => {
  const { loop, store, fatal, told } = await loopThatLeads();
  store.isHeld = true;
  let isAnswered = false;
  void loop.execute(queue('a')).then(() => (isAnswered = true));
  await expect.poll(() => store.held.length).toBe(1);
  const waiting = loop.execute(queue('b'));
  loop.abandon();
  await expect(waiting).rejects.toMatchObject({ reason: 'STOPPING' });
  await expect(loop.execute(queue('c'))).rejects.toMatchObject({ reason: 'STOPPING' });
  store.held[0]?.resolve();
  await soon();
  await soon();
  expect({ isAnswered, told, fatal }).toEqual({ isAnswered: false, told: [], fatal: [] });
  expect(store.held).toHaveLength(1);
});

test('a commit that fails after the end of a term is nobody’s affair', async () => {
  const { loop, store, fatal } = await loopThatLeads();
  store.isHeld = true;
  void loop.execute(queue('a'));
  await expect.poll(() => store.held.length).toBe(1);
  loop.abandon();
  store.held[0]?.reject(new Error('the store is gone'));
  await soon();
  await soon();
  expect(fatal).toEqual([]);
});

// Taking over does not wait for what decides nothing.
import { expect, test } from 'vitest';
import type { RedisPort } from '../../scheduler/store/redis/port.js';
import { redisLeadership } from '../../scheduler/store/redis/redis-leadership.js';

test('a daemon leads although its Redis does not answer that it stands by no more', async () => {
  const asked: string[] = [];
  const claims = ['other', 'one'];
  const fake = {
    onReleased: () => undefined,
    claim: () => {
      asked.push('claim');
      return Promise.resolve({ card: { id: claims.shift(), address: 'host:1', sinceMs: 0 }, leftMs: 1 });
    },
    announce: () => (asked.push('announce'), Promise.resolve()),
    withdraw: () => (asked.push('withdraw'), new Promise(() => undefined)),
    standbys: () => Promise.resolve([]),
  };
  const port = fake as unknown as RedisPort;
  const clock = {
    bootMs: () => 0,
    after: (_ms: number, then: () => void) => (queueMicrotask(then), { cancel: () => undefined }),
  };
  const options = { port, board: port, clock, id: 'one', address: 'host:2', wallMs: () => 0, holdMs: 3_000 };
  const leadership = redisLeadership(options as unknown as Parameters<typeof redisLeadership>[0]);
  const term = await leadership.campaign({ onLeader: () => undefined, signal: new AbortController().signal });
  expect(term).toBeDefined();
  expect(asked.slice(0, 4)).toEqual(['claim', 'announce', 'claim', 'withdraw']);
});

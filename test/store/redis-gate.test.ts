// What the gate before a Redis lets pass, and how the address of one is read.
import { describe, expect, it, test } from 'vitest';
import { parseStoreAddress, showStoreAddress } from '../../scheduler/config/redis-address.js';
import { objections } from '../../scheduler/store/redis/gate.js';
import { judgeMemory } from '../../scheduler/store/redis/memory.js';
import type { RedisFacts } from '../../scheduler/store/redis/port.js';

const SAFE: RedisFacts = {
  version: '7.0.15',
  runId: 'r',
  replicationId: 'h',
  ranMs: 0,
  role: 'primary',
  connectedReplicas: 1,
  settings: {
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
    'min-replicas-to-write': '1',
    'min-replicas-max-lag': '10',
  },
  usedBytes: 1,
  maxBytes: 1_000,
};

describe('the gate', () => {
  it('lets a Redis pass that keeps what it acknowledges', () => {
    expect(objections(SAFE, 1)).toEqual([]);
    expect(objections({ ...SAFE, version: '6.2.0' }, 1)).toEqual([]);
  });

  it.each([
    { wrong: { version: '6.0.16' }, what: 'version', isFatal: true, says: 'Redis 6.0.16 is older than 6.2' },
    { wrong: { role: 'replica' as const }, what: 'role', isFatal: true, says: 'it is a replica' },
    {
      wrong: { connectedReplicas: 0 },
      what: 'replicas',
      isFatal: false,
      says: 'waits for 1 replica, and 0 are connected',
    },
    { wrong: { settings: null }, what: 'CONFIG GET', isFatal: false, says: 'its settings cannot be read' },
    { wrong: { appendonly: 'no' }, what: 'appendonly', isFatal: false, says: 'appendonly is off' },
    { wrong: { appendfsync: 'no' }, what: 'appendfsync', isFatal: false, says: 'a power cut loses' },
    {
      wrong: { 'maxmemory-policy': 'allkeys-lru' },
      what: 'maxmemory-policy',
      isFatal: false,
      says: 'throws records away',
    },
    { wrong: { 'min-replicas-to-write': '0' }, what: 'min-replicas-to-write', isFatal: false, says: 'cut off' },
    { wrong: { 'min-replicas-max-lag': '60' }, what: 'min-replicas-to-write', isFatal: false, says: 'max-lag 60' },
  ])('objects to $wrong', ({ wrong, what, isFatal, says }) => {
    const isFact = Object.keys(wrong).some((name) => name in SAFE);
    const facts = { ...SAFE, ...(isFact ? wrong : { settings: { ...SAFE.settings, ...wrong } }) } as RedisFacts;
    const found = objections(facts as RedisFacts, 1);
    expect(found.map((one) => [one.what, one.isFatal])).toEqual([[what, isFatal]]);
    expect(found[0]?.message).toContain(says);
    // What is wrong, and what to do about it.
    expect(found[0]?.message.split('\n').length).toBe(2);
  });

  it('objects to waiting for no replica, and then not to a missing one', () => {
    expect(objections({ ...SAFE, connectedReplicas: 0 }, 0).map(({ what }) => what)).toEqual(['redis.copies']);
  });
});

test('room is judged by the share of the memory that is left', () => {
  expect([0, 899, 901, 969, 971, 1_500].map((usedBytes) => judgeMemory({ usedBytes, maxBytes: 1_000 }).state)).toEqual([
    'ample',
    'ample',
    'low',
    'low',
    'critical',
    'critical',
  ]);
});

describe('the address of a Redis', () => {
  it.each([
    ['redis://a', 'redis://a:6379'],
    ['rediss://a.b:1', 'rediss://a.b:1'],
    ['redis://[::1]:2', 'redis://[::1]:2'],
    ['redis+sentinel://a,b:3/main', 'redis+sentinel://a:26379,b:3/main'],
    ['rediss+sentinel://a/main', 'rediss+sentinel://a:26379/main'],
  ])('%s is read', (text, shown) => {
    const address = parseStoreAddress(text);
    expect(typeof address === 'string' ? address : showStoreAddress(address)).toBe(shown);
  });

  it.each([
    ['http://a', 'must be "embedded"'],
    ['redis://', '"" is not HOST:PORT'],
    ['redis://a:99999', '"a:99999" is not HOST:PORT'],
    ['redis://a/1', 'redis.prefix'],
    ['redis://a,b', 'only Sentinels'],
    ['redis+sentinel://a', 'must end with the name'],
    ['redis+sentinel://a/b/c', 'must end with the name'],
  ])('%s is refused', (text, says) => {
    expect(parseStoreAddress(text)).toContain(says);
  });

  it('never repeats a password', () => {
    const said = parseStoreAddress('redis://ada:secret@a:1');
    expect(said).toContain('redis.password_file');
    expect(said).not.toContain('secret');
  });
});

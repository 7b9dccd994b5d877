// The border of the API: what crafted or unlucky requests must not do.
import { describe, expect, test } from 'vitest';
import { parseNumericToken } from '../../scheduler/api/pages.js';
import { parentsFirst, pathOf } from '../../scheduler/api/queue-service.js';
import { parseSpecs } from '../../scheduler/api/validate.js';
import type { QueueName } from '../../common/ids.js';
import { Workshop } from '../control/workshop.js';
import { receivedSpec } from './wire.js';

const token = (key: string): string => Buffer.from(`after:${key}`).toString('base64url');

describe('page tokens', () => {
  test('of numbers hold nothing but a number that counting down from ends', () => {
    expect(parseNumericToken('')).toBeNull();
    expect(parseNumericToken(token('42'))).toBe(42);
    for (const key of ['1e300', '9007199254740993', '-1', 'abc', ''])
      expect(() => parseNumericToken(token(key))).toThrow(/page_token/);
  });

  test('of queues sort as the list does, whatever the names', () => {
    const shop = new Workshop();
    for (const [name, parent] of [['a'], ['a-b'], ['a0'], ['x', 'a'], ['x-y', 'a'], ['z', 'a-b'], ['q', 'x']] as const)
      shop.queue(name, { parent: (parent ?? null) as QueueName | null });
    const paths = [...parentsFirst(shop.state, null)].map((queue) => pathOf(shop.state, queue));
    expect(paths).toEqual(['a', 'a x', 'a x q', 'a x-y', 'a-b', 'a-b z', 'a0']);
    expect(paths.toSorted()).toEqual(paths);
  });
});

test('a name of digits would be read as the number of another workload', () => {
  const parse = (name: string) => parseSpecs([receivedSpec({ name })], 60_000);
  expect(() => parse('1047')).toThrow(/reads as a number/);
  expect(parse('run-1047')[0]?.name).toBe('run-1047');
});

// The division of one resource among the queues of one level, as tables.
import { describe, expect, test } from 'vitest';
import { divide, fairShares, type Claimant } from '../../simulator/reference/fair-share.js';
import type { ShareNode } from '../../simulator/reference/share-node.js';

interface Row {
  readonly guarantee?: number;
  readonly limit?: number;
  readonly request: number;
  readonly weight?: number;
  readonly priority?: number;
  readonly share: number;
}

const TABLES: readonly (readonly [string, number, readonly Row[]])[] = [
  [
    'guarantees come first, as far as they are asked for',
    10,
    [
      { guarantee: 6, request: 10, weight: 0, share: 6 },
      { guarantee: 4, request: 1, weight: 0, share: 1 },
    ],
  ],
  [
    'guarantees are given in full even where they exceed what there is',
    4,
    [
      { guarantee: 3, request: 3, share: 3 },
      { guarantee: 3, request: 9, share: 3 },
    ],
  ],
  [
    'the surplus goes by weight',
    9,
    [
      { request: 9, weight: 2, share: 6 },
      { request: 9, weight: 1, share: 3 },
    ],
  ],
  [
    'what one does not want goes to the others',
    9,
    [
      { request: 1, weight: 2, share: 1 },
      { request: 9, weight: 1, share: 8 },
    ],
  ],
  [
    'a weight of 0 gets nothing beyond the guarantee',
    9,
    [
      { guarantee: 2, request: 9, weight: 0, share: 2 },
      { request: 3, weight: 1, share: 3 },
    ],
  ],
  [
    'a higher priority is served first from the surplus, the next from what it leaves',
    5,
    [
      { request: 9, priority: 100, share: 2 },
      { request: 3, priority: 101, share: 3 },
    ],
  ],
  [
    'whole units, then one each by largest remainder, of equal ones to the older',
    8,
    [
      { request: 9, share: 3 },
      { request: 9, share: 3 },
      { request: 9, share: 2 },
    ],
  ],
  [
    'the last unit may exceed a fractional wish',
    2.75,
    [
      { request: 1.5, share: 1.75 },
      { request: 1.5, share: 1 },
    ],
  ],
  [
    'a limit bounds what can be asked for',
    8,
    [
      { limit: 2, request: 9, share: 2 },
      { request: 9, share: 6 },
    ],
  ],
  [
    'a guarantee without bound is all there is',
    8,
    [
      { guarantee: Infinity, request: 9, weight: 0, share: 8 },
      { guarantee: 2, request: 1, share: 1 },
    ],
  ],
];

describe('divide', () => {
  test.each(TABLES)('%s', (_, total, rows) => {
    const claimants = rows.map((row, at): Claimant => ({
      name: `q${at}`,
      guarantee: row.guarantee ?? 0,
      limit: row.limit ?? Infinity,
      request: row.request,
      weight: row.weight ?? 1,
      priority: row.priority ?? 100,
      createdMs: at,
    }));
    expect([...divide(total, claimants, 1).values()]).toEqual(rows.map((row) => row.share));
  });
});

describe('fairShares', () => {
  const node = (name: string, guarantee: number, request: number, children: readonly ShareNode[] = []): ShareNode => ({
    name,
    guarantee: { cpuMilli: Infinity, memoryMib: Infinity, gpuParts: guarantee * 7_000 },
    limit: { cpuMilli: Infinity, memoryMib: Infinity, gpuParts: Infinity },
    request: { cpuMilli: request * 100, memoryMib: 0, gpuParts: request * 7_000 },
    weight: 0,
    priority: 100,
    createdMs: 0,
    children,
  });

  test('a level divides what its parent has', () => {
    const shares = fairShares({ cpuMilli: 1_000, memoryMib: 10, gpuParts: 70_000 }, [
      node('a', 6, 9, [node('a1', 6, 5), node('a2', 6, 4)]),
      node('b', 4, 9),
    ]);
    expect([...shares].map(([name, { gpuParts }]) => `${name} ${gpuParts / 7_000}`)).toEqual([
      'a 6',
      'a1 5',
      'a2 4',
      'b 4',
    ]);
  });

  test('what limits below forbid is no reason for a share', () => {
    const bounded = { ...node('a1', 6, 9), limit: { cpuMilli: Infinity, memoryMib: Infinity, gpuParts: 2 * 7_000 } };
    const shares = fairShares({ cpuMilli: 1_000, memoryMib: 10, gpuParts: 70_000 }, [
      node('a', 6, 9, [bounded]),
      { ...node('b', 4, 9), weight: 1 },
    ]);
    expect([...shares].map(([name, { gpuParts }]) => `${name} ${gpuParts / 7_000}`)).toEqual(['a 2', 'a1 2', 'b 8']);
  });

  test('CPU without a guarantee of its own is as much as is asked for', () => {
    const shares = fairShares({ cpuMilli: 1_000, memoryMib: 10, gpuParts: 0 }, [node('a', 0, 3), node('b', 0, 20)]);
    expect([shares.get('a')?.cpuMilli, shares.get('b')?.cpuMilli]).toEqual([300, 1_000]);
  });
});

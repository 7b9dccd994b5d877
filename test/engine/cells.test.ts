import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CellNode, CellUse, PromisedCells } from '../../scheduler/engine/cell-words.js';
import { Cells } from '../../scheduler/engine/cells.js';
import type { TopologyLevel } from '../../scheduler/model/records.js';

interface NodeOptions {
  readonly gpus?: number;
  /** GPUs of each NVLink group; 0 = not known. */
  readonly group?: number;
  readonly rack?: string;
  readonly block?: string;
  readonly kind?: string;
}

/** Nodes in a row; GPU 103 is the fourth of the second node. */
function nodes(...list: readonly NodeOptions[]): CellNode[] {
  return list.map(({ gpus = 8, group = 0, rack = '', block = '', kind = 'H100' }, node) => ({
    name: `node-${String(node).padStart(3, '0')}`,
    kind,
    rack,
    block,
    gpus: Array.from({ length: gpus }, (_, index) => ({
      gpu: node * 100 + index,
      nvlinkGroup: group === 0 ? null : Math.floor(index / group),
    })),
  }));
}

function promise(queue: string, count: number, gpus: number, level: TopologyLevel = 'node'): PromisedCells {
  return { queue, count, gpus, level, kinds: ['H100'] };
}

function ask(queue: string, gpus: number, level: TopologyLevel = 'node') {
  return { queue, gpus, level, kinds: ['H100'] };
}

/** Chooses and takes. */
function start(cells: Cells, queue: string, gpus: number, level: TopologyLevel = 'node'): readonly number[] | null {
  const choice = cells.choose(ask(queue, gpus, level));
  if (choice === null) return null;
  expect(cells.take(queue, choice.gpus, choice.opens)).toBe(true);
  cells.check();
  return choice.gpus;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

describe('cells that are alike in nodes of two builds', () => {
  const build = () =>
    new Cells(nodes({ gpus: 4, group: 4 }, { gpus: 8, group: 4 }), [promise('blue', 1, 4), promise('red', 1, 4)]);
  const owed: CellUse = { gpus: 4, owed: true };

  it('are exchanged: a queue takes the one that another is owed, who is owed its own', () => {
    const cells = build();
    const surplus = cells.surplus();
    expect(cells.take('red', range(0, 3), owed)).toBe(true);
    cells.check();
    expect(cells.surplus()).toEqual(surplus);
    // Nobody is owed one there any more, and red has had what it was owed.
    expect(cells.take('red', range(100, 103), owed)).toBe(false);
    expect(cells.take('blue', range(104, 107), owed)).toBe(true);
    cells.check();
    expect(cells.owed().map(({ queue, promised, bound }) => [queue, promised, bound])).toEqual([
      ['red', 1, 1],
      ['blue', 1, 1],
    ]);
  });

  it('are not, where the other queue has its own in use', () => {
    const cells = build();
    expect(cells.take('blue', range(0, 1), owed)).toBe(true);
    expect(cells.take('red', range(2, 3), owed)).toBe(false);
    cells.check();
  });

  it('are offered after those that a queue is owed itself; asking changes nothing', () => {
    const cells = build();
    const before = [cells.surplus(), cells.owed()];
    const rooms = [...cells.rooms(ask('red', 4))].map(({ gpus }) => gpus[0]);
    expect(rooms).toEqual([100, 0]);
    expect([cells.surplus(), cells.owed()]).toEqual(before);
  });
});

describe('cells are not exchanged', () => {
  const firsts = (cells: Cells, request: Parameters<Cells['rooms']>[0]) =>
    [...cells.rooms(request)].map(({ gpus }) => gpus[0]);

  it('where a queue is owed one there itself', () => {
    const list = nodes({ gpus: 4, group: 4 }, { gpus: 4, group: 4 }, { gpus: 8, group: 4 });
    const cells = new Cells(list, [promise('blue', 1, 4), promise('red', 2, 4)]);
    expect(firsts(cells, ask('red', 4))).toEqual([0, 200]);
  });

  it('where their GPUs are not as close', () => {
    const cells = new Cells(nodes({ gpus: 4, group: 2 }, { gpus: 8, group: 4 }), [
      promise('blue', 1, 4),
      promise('red', 1, 4, 'nvlink'),
    ]);
    expect(firsts(cells, ask('blue', 4))).toEqual([0]);
  });

  it('where they are of another kind, which the other queue may have no use for', () => {
    const cells = new Cells(nodes({ gpus: 4, group: 4, kind: 'A100' }, { gpus: 8, group: 4 }), [
      { ...promise('red', 1, 4), kinds: ['A100', 'H100'] },
      promise('blue', 1, 4),
    ]);
    expect(firsts(cells, ask('red', 4))).toEqual([]);
    expect(firsts(cells, { ...ask('red', 4), kinds: ['A100'] })).toEqual([0]);
  });

  it('where the other queue is owed it only as a piece of a larger one that is broken', () => {
    const cells = new Cells(nodes({ gpus: 4, group: 4 }, { gpus: 8, group: 4 }), [
      promise('blue', 1, 8),
      promise('red', 1, 4),
    ]);
    cells.setBad(100, true);
    expect(firsts(cells, ask('red', 4))).toEqual([0]);
  });
});

describe('the cells of a cluster', () => {
  const cases: readonly [string, readonly CellNode[], readonly (readonly number[])[]][] = [
    // Without promises the surplus is all cells: GPUs, pairs, ...
    ['a node of eight', nodes({}), [[8, 4, 2, 1]]],
    ['of NVLink groups of four', nodes({ group: 4 }), [[8, 4, 2, 1]]],
    ['an odd factor comes last', nodes({ gpus: 6 }), [[6, 3, 1]]],
    ['an odd number of groups', nodes({ gpus: 12, group: 4 }), [[12, 6, 3, 1]]],
    ['two nodes of a rack', nodes({ rack: 'a' }, { rack: 'a' }), [[16, 8, 4, 2, 1]]],
    ['in no known rack', nodes({}, {}), [[16, 8, 4, 2]]],
    ['three of a rack are two and one', nodes({ rack: 'a' }, { rack: 'a' }, { rack: 'a' }), [[24, 12, 6, 3, 1]]],
    [
      'racks of a block pair up',
      nodes({ rack: 'a', block: 'x', gpus: 1 }, { rack: 'b', block: 'x', gpus: 1 }, { rack: 'c', block: 'y', gpus: 1 }),
      [[3, 1]],
    ],
    [
      'racks of one name in two blocks are two',
      nodes({ rack: 'a', block: 'x' }, { rack: 'a', block: 'y' }),
      [[16, 8, 4, 2]],
    ],
    [
      'each build has its own',
      nodes({ gpus: 2 }, { gpus: 4 }, { gpus: 2 }),
      [
        [4, 2],
        [4, 2, 1],
      ],
    ],
    ['nodes without GPUs have none', nodes({ gpus: 0 }), []],
    [
      'seven of a rack are four, two and one',
      nodes(...Array.from({ length: 7 }, () => ({ gpus: 1, rack: 'a' }))),
      [[7, 3, 1]],
    ],
    ['NVLink groups of two sizes are as good as unknown', nodes({ gpus: 6, group: 4 }), [[6, 3, 1]]],
    [
      'nodes with groups of another size are of another build',
      nodes({ group: 4 }, { group: 2 }),
      [
        [8, 4, 2, 1],
        [8, 4, 2, 1],
      ],
    ],
  ];
  it.each(cases)('%s', (_, list, surplus) => {
    expect(new Cells(list, []).surplus()).toEqual(surplus);
  });
});

describe('what is promised is kept', () => {
  it('others may not break the only whole node that is left', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8), promise('blue', 8, 1)]);
    expect(cells.surplus()).toEqual([[0, 4, 2, 1]]);
    expect(start(cells, 'blue', 1)).toEqual([0]);
    expect(cells.surplus()).toEqual([[0, 3, 1, 0]]);
    expect(cells.mayTake('blue', [100], 'guaranteed')).toBe(false);
    expect(cells.take('blue', [100])).toBe(false);
    expect(cells.mayTake('blue', [5], 'guaranteed')).toBe(true);
    expect(start(cells, 'red', 8)).toEqual(range(100, 107));
    for (let count = 1; count < 8; count++) expect(start(cells, 'blue', 1)).toEqual([count]);
    expect(cells.choose(ask('blue', 1))).toBe(null);
  });

  it('borrowed work may go anywhere but on bad GPUs and guaranteed work', () => {
    const cells = new Cells(nodes({}), [promise('red', 1, 8)]);
    expect(cells.mayTake('blue', [0, 5], 'borrowed')).toBe(true);
    expect(cells.take('red', [0])).toBe(true);
    expect(cells.mayTake('blue', [0], 'borrowed')).toBe(false);
    expect(cells.mayTake('blue', [1], 'borrowed')).toBe(true);
    cells.setBad(1, true);
    expect(cells.mayTake('blue', [1], 'borrowed')).toBe(false);
  });

  it('inside its cell a queue does as it likes, and the whole cell is its', () => {
    const cells = new Cells(nodes({}), [promise('red', 1, 8)]);
    expect(cells.take('red', [3])).toBe(true);
    expect(cells.cellOf(3)).toEqual({ gpus: 8, owed: true });
    expect(cells.cellOf(4)).toBe(null);
    expect(cells.mayTake('blue', [7], 'guaranteed')).toBe(false);
    expect(cells.take('red', [0, 6])).toBe(true);
    // The pair in the half that is used already.
    expect(cells.choose(ask('red', 2))?.gpus).toEqual([4, 5]);
    // No half is left, but four in one node are.
    expect(cells.choose(ask('red', 4))?.gpus).toEqual([1, 2, 4, 5]);
    expect(cells.choose(ask('red', 6))).toBe(null);
    cells.release([3]);
    cells.release([0, 6]);
    cells.settle();
    expect(cells.mayTake('blue', [7], 'guaranteed')).toBe(false);
    expect(start(cells, 'red', 8)).toEqual(range(0, 7));
  });

  it('guaranteed work without a shape takes from the surplus, GPU by GPU, from the most broken node', () => {
    const cells = new Cells(nodes({}, {}, {}), [promise('red', 2, 8)]);
    expect(cells.take('blue', [103])).toBe(true);
    expect(cells.cellOf(103)).toEqual({ gpus: 1, owed: false });
    expect(start(cells, 'green', 1)).toEqual([102]);
    expect(start(cells, 'green', 4)).toEqual(range(104, 107));
    expect(start(cells, 'green', 4)).toBe(null);
    expect(cells.mayTake('green', [200], 'guaranteed')).toBe(false);
    expect(start(cells, 'red', 8)).toEqual(range(0, 7));
  });

  it('opens the cell in which the fewest borrowed GPUs must be taken back', () => {
    const cells = new Cells(nodes({}, {}, {}), [promise('red', 2, 8)]);
    for (const gpu of [0, 1, 100, 200, 201]) cells.lend(gpu, 1);
    expect(start(cells, 'red', 8)).toEqual(range(100, 107));
    cells.lend(0, -1);
    expect(start(cells, 'red', 8)).toEqual(range(0, 7));
  });

  it('shapes of several nodes are cells of a rack', () => {
    const list = nodes({ rack: 'a' }, { rack: 'b' }, { rack: 'b' }, { rack: 'a' });
    const cells = new Cells(list, [promise('red', 1, 16, 'rack'), promise('blue', 2, 8)]);
    expect(cells.mayTake('blue', range(0, 7), 'guaranteed')).toBe(true);
    expect(start(cells, 'blue', 8)).toEqual(range(0, 7));
    expect(cells.mayTake('blue', range(100, 107), 'guaranteed')).toBe(false);
    expect(start(cells, 'blue', 8)).toEqual(range(300, 307));
    expect(start(cells, 'red', 8)).toEqual(range(100, 107));
    expect(start(cells, 'red', 8)).toEqual(range(200, 207));
  });

  it('NVLink groups are cells where they are known, and only there', () => {
    const cells = new Cells(nodes({ group: 4 }, { gpus: 4 }), [promise('red', 2, 4, 'nvlink'), promise('blue', 1, 4)]);
    expect(cells.owed().map(({ impossible }) => impossible)).toEqual([0, 0]);
    // The small node cannot serve the groups, so it serves the others.
    expect(start(cells, 'blue', 4)).toEqual(range(100, 103));
    expect(start(cells, 'red', 4, 'nvlink')).toEqual(range(0, 3));
    expect(cells.choose(ask('red', 5, 'nvlink'))).toBe(null);
  });

  it('a size between two is rounded up', () => {
    const cells = new Cells(nodes({}), [promise('red', 2, 3)]);
    expect(cells.surplus()).toEqual([[0, 0, 0, 1]]);
    expect(start(cells, 'red', 3)).toEqual([0, 1, 2]);
    expect(start(cells, 'red', 3)).toEqual([4, 5, 6]);
    expect(start(cells, 'red', 1)).toEqual([3]);
  });

  it('large promises have their nodes before small ones spread over all', () => {
    const cells = new Cells(nodes({ gpus: 4 }, { gpus: 6 }), [promise('blue', 6, 1), promise('red', 1, 4)]);
    expect(cells.owed().map(({ impossible }) => impossible)).toEqual([0, 0]);
  });

  it('what runs in the largest tasks has the largest cells', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8)]);
    cells.adopt([
      { queue: 'red', gpus: [100] },
      { queue: 'red', gpus: range(0, 5) },
    ]);
    expect([cells.cellOf(3), cells.cellOf(100)]).toEqual([
      { gpus: 8, owed: true },
      { gpus: 1, owed: false },
    ]);
  });

  it('the smallest cell that holds a task is bound for it', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8), promise('red', 1, 4)]);
    expect(cells.take('red', [0])).toBe(true);
    expect(cells.cellOf(0)).toEqual({ gpus: 4, owed: true });
  });

  it('who goes on the surplus uses up no cell that is owed', () => {
    const cells = new Cells(nodes({}), [promise('red', 1, 1)]);
    expect(cells.take('red', [0], { gpus: 1, owed: false })).toBe(true);
    expect(cells.cellOf(0)).toEqual({ gpus: 1, owed: false });
    expect(cells.owed()).toMatchObject([{ promised: 1, bound: 0 }]);
  });

  it('GPUs of one NVLink group are one cell, however they are numbered', () => {
    const gpus = [0, 1, 2, 3].map((gpu) => ({ gpu, nvlinkGroup: gpu % 2 }));
    const cells = new Cells([{ name: 'n', kind: 'H100', rack: '', block: '', gpus }], [promise('red', 1, 2, 'nvlink')]);
    expect(start(cells, 'red', 2, 'nvlink')).toEqual([0, 2]);
  });

  it('single GPUs are missed the least in what is broken; those that are not free come first', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8)]);
    expect(cells.take('blue', [0])).toBe(true);
    expect(cells.fromTheBroken([4, 2, 1])).toEqual([1, 2, 4]);
    expect(cells.take('red', [100])).toBe(true);
    expect(cells.fromTheBroken([1, 107])).toEqual([107, 1]);
  });

  it('two promises of equal cells stand by themselves: the first is in use first', () => {
    const [first, second] = [promise('red', 1, 4), promise('red', 1, 4)];
    const cells = new Cells(nodes({}), [first, second]);
    expect(start(cells, 'red', 4)).toEqual(range(0, 3));
    expect([first, second].map((each) => cells.owedFor(each).map(({ bound }) => bound))).toEqual([[1], [0]]);
  });

  it('takes note of what runs when it is built, wherever that is', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8), promise('red', 4, 1)]);
    cells.adopt([
      { queue: 'red', gpus: [100] },
      { queue: 'red', gpus: range(0, 5) },
      { queue: 'blue', gpus: [7] },
    ]);
    cells.check();
    expect(cells.cellOf(3)).toEqual({ gpus: 8, owed: true });
    expect(cells.cellOf(100)).toEqual({ gpus: 1, owed: true });
    expect(cells.cellOf(7)).toBe(null);
    expect(cells.mayTake('red', [6], 'guaranteed')).toBe(true);
    cells.release(range(0, 5));
    cells.release([7]);
    cells.settle();
    expect(cells.choose(ask('red', 8))?.gpus).toEqual(range(0, 7));
  });
});

describe('inside its cells a queue has', () => {
  it('of equal room that in the smaller cell', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8), promise('red', 1, 4)]);
    expect(cells.take('red', range(0, 5), { gpus: 8, owed: true })).toBe(true);
    expect(cells.take('red', [100, 101], { gpus: 4, owed: true })).toBe(true);
    expect(cells.choose(ask('red', 2))?.gpus).toEqual([102, 103]);
  });

  it('of idle parts that are alike the one in which the fewest are borrowed', () => {
    const cells = new Cells(nodes({}), [promise('red', 1, 8)]);
    expect(cells.take('red', [0, 2])).toBe(true);
    cells.lend(4, 1);
    expect(cells.choose(ask('red', 2))?.gpus).toEqual([6, 7]);
  });

  it('elsewhere what it would have on machines of its own, whoever borrows there', () => {
    const cells = new Cells(nodes({}), [promise('red', 1, 8)]);
    expect(cells.take('red', [0, 4])).toBe(true);
    cells.lend(2, 1);
    expect(cells.choose(ask('red', 2))?.gpus).toEqual([2, 3]);
  });

  it('room beside a GPU that fails under its work, and counts it once', () => {
    const cells = new Cells(nodes({}), [promise('red', 1, 8)]);
    expect(cells.take('red', [0])).toBe(true);
    cells.setBad(0, true);
    expect(cells.choose(ask('red', 7))?.gpus).toEqual(range(1, 7));
  });
});

describe('what bad hardware makes impossible is owed', () => {
  it('and put together for as many as there are again, the first promise first', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8), promise('blue', 1, 8)]);
    const impossible = () => cells.owed().map((each) => each.impossible);
    for (const gpu of [0, 100]) cells.setBad(gpu, true);
    expect(impossible()).toEqual([1, 1]);
    cells.setBad(0, false);
    cells.check();
    expect(impossible()).toEqual([0, 1]);
  });

  it('by the promise that is broken, not by smaller ones that its pieces stand beside', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8), promise('red', 1, 4)]);
    for (const gpu of [0, 100]) cells.setBad(gpu, true);
    cells.check();
    expect(cells.owed().map(({ gpus, impossible }) => [gpus, impossible])).toEqual([
      [4, 0],
      [8, 1],
    ]);
  });

  it('a broken whole is owed in pieces until it is sound again', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8), promise('blue', 1, 8)]);
    const [red, blue] = [
      { queue: 'red', gpus: 8, level: 'node', promised: 1, bound: 0, impossible: 0 },
      { queue: 'blue', gpus: 8, level: 'node', promised: 1, bound: 0, impossible: 0 },
    ] as const;
    expect(cells.owed()).toEqual([red, blue]);
    cells.setBad(2, true);
    cells.check();
    // Who was promised last gets what is left: 4 + 2 + 1.
    expect(cells.owed()).toEqual([red, { ...blue, impossible: 1 }]);
    expect(cells.choose(ask('blue', 8))).toBe(null);
    expect(start(cells, 'blue', 4)).toEqual(range(4, 7));
    expect(start(cells, 'blue', 2)).toEqual([0, 1]);
    expect(start(cells, 'blue', 1)).toEqual([3]);
    expect(start(cells, 'blue', 1)).toBe(null);
    cells.setBad(2, false);
    expect(start(cells, 'blue', 1)).toEqual([2]);
    for (const gpus of [range(4, 7), [0, 1], [3], [2]]) cells.release(gpus);
    cells.settle();
    cells.check();
    expect(cells.owed()).toEqual([red, blue]);
    expect(start(cells, 'blue', 8)).toEqual(range(0, 7));
  });

  it('a bad GPU in a cell in use is owed to its queue, which moves when it can', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8)]);
    expect(start(cells, 'red', 4)).toEqual(range(0, 3));
    cells.setBad(0, true);
    cells.check();
    expect(cells.owed()).toEqual([{ queue: 'red', gpus: 8, level: 'node', promised: 1, bound: 1, impossible: 1 }]);
    cells.release(range(0, 3));
    cells.settle();
    cells.check();
    expect(cells.owed()).toEqual([{ queue: 'red', gpus: 8, level: 'node', promised: 1, bound: 0, impossible: 0 }]);
    expect(start(cells, 'red', 8)).toEqual(range(100, 107));
  });

  it('no cell with a bad GPU is bound for its queue', () => {
    const cells = new Cells(nodes({}, {}), [promise('red', 1, 8)]);
    cells.setBad(0, true);
    expect(cells.take('red', [1])).toBe(true);
    expect(cells.cellOf(1)).toEqual({ gpus: 1, owed: false });
    expect(start(cells, 'red', 8)).toEqual(range(100, 107));
    expect(cells.mayTake('red', [0], 'guaranteed')).toBe(false);
  });

  it('as is what never was there', () => {
    const cells = new Cells(nodes({ gpus: 4 }), [promise('red', 2, 8), promise('red', 6, 1)]);
    expect(cells.owed()).toEqual([
      { queue: 'red', gpus: 1, level: 'nvlink', promised: 6, bound: 0, impossible: 2 },
      { queue: 'red', gpus: 8, level: 'node', promised: 2, bound: 0, impossible: 2 },
    ]);
  });
});

/** Clusters of one build, with promises that it can keep. */
const cluster = fc
  .record({
    build: fc.constantFrom({ gpus: 8 }, { gpus: 8, group: 4 }, { gpus: 8, group: 8 }, { gpus: 4 }, { gpus: 6 }),
    places: fc.array(fc.record({ rack: fc.constantFrom('', 'a', 'b'), block: fc.constantFrom('x', 'x', 'y') }), {
      minLength: 1,
      maxLength: 6,
    }),
    wishes: fc.array(
      fc.record({
        queue: fc.constantFrom('red', 'blue', 'green'),
        gpus: fc.constantFrom(1, 1, 2, 3, 4, 6, 8, 16, 32),
        level: fc.constantFrom<TopologyLevel>('nvlink', 'node', 'rack', 'block'),
        count: fc.integer({ min: 1, max: 3 }),
      }),
      { maxLength: 8 },
    ),
  })
  .map(({ build, places, wishes }) => {
    const list = nodes(...places.map((place) => ({ ...build, ...place })));
    const promises: PromisedCells[] = [];
    for (const wish of wishes) {
      const more = [...promises, { ...wish, kinds: ['H100'] }];
      if (new Cells(list, more).owed().every(({ impossible }) => impossible === 0)) promises.push(...more.slice(-1));
    }
    return { list, promises };
  });

const numbers = fc.array(fc.nat(0xffffff), { minLength: 1, maxLength: 80 });

/** A machine of its own that a queue was promised: which task holds which of its GPUs. */
interface PrivateCell {
  readonly queue: string;
  readonly level: TopologyLevel;
  readonly holders: (number | null)[];
  /** The GPUs in the shared cluster, while something runs. */
  shared: readonly number[] | null;
}

function privateCells(cells: Cells): PrivateCell[] {
  return cells.owed().flatMap(({ queue, gpus, level, promised }) =>
    Array.from({ length: promised }, () => ({
      queue,
      level,
      holders: new Array<number | null>(gpus).fill(null),
      shared: null,
    })),
  );
}

describe('sharing safety', () => {
  /** Opens the private cell in the shared cluster if it is not, which must be possible. */
  function open(cells: Cells, cell: PrivateCell): CellUse {
    const size = cell.holders.length;
    cell.shared ??= cells.openCell(ask(cell.queue, size, cell.level));
    expect(cell.shared).toHaveLength(size);
    return { gpus: size, owed: true };
  }

  it('whatever fits the private machines of a queue fits the shared cluster', () => {
    fc.assert(
      fc.property(cluster, numbers, ({ list, promises }, choices) => {
        const cells = new Cells(list, promises);
        const machines = privateCells(cells);
        const all = list.flatMap(({ gpus }) => gpus.map(({ gpu }) => gpu));
        const running = new Map<number, { gpus: readonly number[]; machine: PrivateCell | null }>();
        const lent = new Set<number>();
        let lastTask = 0;
        for (const choice of choices) {
          const pick = Math.floor(choice / 8);
          const machine = machines[pick % Math.max(1, machines.length)];
          const tasks = [...running.keys()];
          const ending = tasks[pick % Math.max(1, tasks.length)];
          const gpu = all[pick % all.length] as number;
          switch (choice % 8) {
            case 0: // Something ends.
            case 1: {
              if (ending === undefined) break;
              const task = running.get(ending);
              running.delete(ending);
              cells.release(task?.gpus ?? []);
              cells.settle();
              if (!task?.machine) break;
              task.machine.holders.forEach((holder, index, holders) => {
                if (holder === ending) holders[index] = null;
              });
              if (task.machine.holders.every((holder) => holder === null)) task.machine.shared = null;
              break;
            }
            case 2: // Somebody borrows or gives back.
              cells.lend(gpu, lent.has(gpu) ? -1 : 1);
              if (!lent.delete(gpu)) lent.add(gpu);
              break;
            case 3: {
              // A queue without shapes takes what it may: some GPUs in a row.
              const gpus = all.slice(pick % all.length, (pick % all.length) + 1 + (pick % 3));
              if (!cells.mayTake('others', gpus, 'guaranteed')) break;
              expect(cells.take('others', gpus)).toBe(true);
              running.set(++lastTask, { gpus, machine: null });
              break;
            }
            default: {
              // A queue starts something on a private machine, wherever it likes.
              if (machine === undefined) break;
              const size = machine.holders.length;
              const from = (pick >> 4) % size;
              const to = Math.min(size, from + 1 + ((pick >> 8) % size));
              if (machine.holders.slice(from, to).some((holder) => holder !== null)) break;
              const opens = open(cells, machine);
              const gpus = machine.shared?.slice(from, to) ?? [];
              expect(cells.take(machine.queue, gpus, opens)).toBe(true);
              machine.holders.fill(++lastTask, from, to);
              running.set(lastTask, { gpus, machine });
            }
          }
          cells.check();
        }
        // In the end all private machines are used at once.
        const order = machines.filter(({ shared }) => shared === null);
        for (const machine of order.toSorted((a, b) => ((a.holders.length * 7) % 5) - ((b.holders.length * 7) % 5))) {
          const opens = open(cells, machine);
          expect(cells.take(machine.queue, machine.shared?.slice(0, 1) ?? [], opens)).toBe(true);
        }
        cells.check();
      }),
      { seed: 41, numRuns: 500 },
    );
  });

  it('what the queue chooses on its private machines it can choose here', () => {
    const shape = fc.constantFrom(
      { gpus: 8, nodes: 1 },
      { gpus: 4, nodes: 1 },
      { gpus: 2, nodes: 1 },
      { gpus: 16, nodes: 2 },
    );
    const game = fc.record({
      racks: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
      shapes: fc.array(fc.record({ shape, count: fc.integer({ min: 1, max: 3 }) }), { minLength: 1, maxLength: 3 }),
      choices: numbers,
    });
    fc.assert(
      fc.property(game, ({ racks, shapes, choices }) => {
        const list = nodes(...racks.flatMap((count, rack) => new Array<NodeOptions>(count).fill({ rack: `${rack}` })));
        const promises: PromisedCells[] = [];
        const privately = new Map<string, Cells>();
        shapes.forEach(({ shape: { gpus, nodes: nodesOfCell }, count }, at) => {
          const wish = promise(`q${at}`, count, gpus, nodesOfCell > 1 ? 'rack' : 'node');
          if (new Cells(list, [...promises, wish]).owed().some(({ impossible }) => impossible > 0)) return;
          promises.push(wish);
          const machines = Array.from({ length: count * nodesOfCell }, (_, node) => ({
            gpus: gpus / nodesOfCell,
            rack: `${Math.floor(node / nodesOfCell)}`,
          }));
          privately.set(wish.queue, new Cells(nodes(...machines), [wish]));
        });
        fc.pre(promises.length > 0);
        const cells = new Cells(list, promises);
        const running: { queue: string; here: readonly number[]; there: readonly number[] }[] = [];
        for (const choice of choices) {
          const pick = Math.floor(choice / 4);
          if (choice % 4 === 0) {
            const [ended] = running.splice(pick % Math.max(1, running.length), 1);
            if (!ended) continue;
            cells.release(ended.here);
            privately.get(ended.queue)?.release(ended.there);
            continue;
          }
          const queue = promises[pick % promises.length]?.queue ?? '';
          const own = privately.get(queue) as Cells;
          const gpus = 1 + ((pick >> 4) % 8);
          const there = start(own, queue, gpus);
          if (there === null) continue;
          const here = start(cells, queue, gpus);
          expect(here).toHaveLength(gpus);
          running.push({ queue, here: here ?? [], there });
        }
      }),
      { seed: 42, numRuns: 500 },
    );
  });
});

describe('whatever happens to the hardware', () => {
  it('counts stay true, and all is as it was once it is sound and idle again', () => {
    fc.assert(
      fc.property(cluster, numbers, ({ list, promises }, choices) => {
        const cells = new Cells(list, promises);
        const before = [cells.surplus(), cells.owed()];
        const all = list.flatMap(({ gpus }) => gpus.map(({ gpu }) => gpu));
        const bad = new Set<number>();
        const running: (readonly number[])[] = [];
        for (const choice of choices) {
          const pick = Math.floor(choice / 4);
          const gpu = all[pick % all.length] as number;
          const queue = ['red', 'blue', 'green', 'others'][pick % 4] ?? '';
          switch (choice % 4) {
            case 0:
              cells.setBad(gpu, !bad.has(gpu));
              if (!bad.delete(gpu)) bad.add(gpu);
              break;
            case 1:
              for (const gpus of running.splice(pick % Math.max(1, running.length), 1)) cells.release(gpus);
              cells.settle();
              break;
            case 2: {
              const used = new Set(running.flat());
              const gpus = all.slice(pick % all.length).slice(0, 1 + (pick % 5));
              if (gpus.some((each) => used.has(each))) break;
              cells.adopt([{ queue, gpus }]);
              running.push(gpus);
              break;
            }
            default: {
              const gpus = start(cells, queue, 1 + ((pick >> 3) % 8));
              if (gpus) running.push(gpus);
            }
          }
          cells.check();
          for (const { promised, impossible } of cells.owed()) expect(impossible).toBeLessThanOrEqual(promised);
        }
        for (const gpu of bad) cells.setBad(gpu, false);
        for (const gpus of running) cells.release(gpus);
        cells.settle();
        cells.check();
        expect([cells.surplus(), cells.owed()]).toEqual(before);
      }),
      { seed: 43, numRuns: 500 },
    );
  });

  it('a trial is undone exactly', () => {
    fc.assert(
      fc.property(cluster, numbers, ({ list, promises }, choices) => {
        const cells = new Cells(list, promises);
        const all = list.flatMap(({ gpus }) => gpus.map(({ gpu }) => gpu));
        const read = () => {
          const chosen = ['red', 'blue', 'green', 'others'].map((queue) =>
            [1, 2, 4].map((gpus) => cells.choose(ask(queue, gpus))),
          );
          return JSON.stringify([cells.surplus(), cells.owed(), all.map((gpu) => cells.cellOf(gpu)), chosen]);
        };
        const running: { queue: string; gpus: readonly number[] }[] = [];
        choices.forEach((choice, turn) => {
          const queue = ['red', 'blue', 'green', 'others'][choice % 4] ?? '';
          if (choice % 5 === 0) cells.setBad(all[(choice >> 3) % all.length] as number, (choice & 4) === 0);
          const gpus = start(cells, queue, 1 + ((choice >> 4) % 8));
          if (gpus) running.push({ queue, gpus });
          if (turn % 2 === 0) return;
          // The trial: some work is taken away, others come, and all is as before.
          const before = read();
          const victims = running.slice((choice >> 7) % (running.length + 1));
          const undos = victims.map(({ gpus: taken }) => cells.release(taken));
          const other = ['red', 'blue', 'green', 'others'][(choice >> 5) % 4] ?? '';
          const come = cells.choose(ask(other, 1 + ((choice >> 9) % 8)));
          if (come && cells.take(other, come.gpus, come.opens)) cells.release(come.gpus);
          for (const undo of undos.toReversed()) undo();
          expect(read()).toBe(before);
          cells.mayTake(other, all.slice((choice >> 2) % all.length), 'guaranteed');
          expect(read()).toBe(before);
        });
      }),
      { seed: 44, numRuns: 150 },
    );
  });
});

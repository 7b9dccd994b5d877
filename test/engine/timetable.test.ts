import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as timetable from '../../scheduler/engine/timetable.js';
import type { Gang } from '../../scheduler/engine/timetable.js';

const NOW_MS = 1_000;

/** A holder of units of a node; null = without an end. Answers name holders by their position in a list. */
interface Held {
  readonly node: number;
  readonly units: number;
  readonly endMs: number | null;
}
type Listed = timetable.Held & { readonly at: number };
type Candidate = Omit<timetable.Candidate<Listed>, 'held'>;
interface Reservation extends Omit<timetable.Reservation<Listed>, 'places'> {
  readonly places: readonly (Omit<timetable.ReservedPlace<Listed>, 'waitsFor'> & { readonly waitsFor: number[] })[];
}

function earliestStart(
  candidates: readonly Candidate[],
  held: readonly Held[],
  gang: Gang,
  nowMs: number,
): Reservation | null {
  const listed = held.map(({ node, units, endMs }, at) => ({ node, units, endMs: endMs ?? Infinity, at }));
  const withHolders = candidates.map((each) => ({ ...each, held: listed.filter(({ node }) => node === each.node) }));
  const found = timetable.earliestStart(withHolders, gang, nowMs);
  const places = found?.places.map((place) => ({ ...place, waitsFor: place.waitsFor.map(({ at }) => at) }));
  return found && { ...found, places: places ?? [] };
}

/** Candidates named by their position, with so many free units each. */
function nodes(...free: readonly number[]): Candidate[] {
  return free.map((units, node) => ({ node, free: units, maxTasks: Infinity }));
}

/** Holders as [node, units, end]. */
function holders(...rows: readonly (readonly [number, number, number | null])[]): Held[] {
  return rows.map(([node, units, endMs]) => ({ node, units, endMs }));
}

/** As [start, endless units, [node, tasks, waits for, spare] for each place]. */
function short(reservation: Reservation | null): unknown {
  if (reservation === null) return null;
  const { startMs, endlessUnits, places } = reservation;
  return [startMs, endlessUnits, ...places.map((place) => [place.node, place.tasks, place.waitsFor, place.spareUnits])];
}

describe('the earliest start', () => {
  const one = { tasks: 1, unitsPerTask: 4 };
  const two = { tasks: 2, unitsPerTask: 4 };
  const cases: readonly [string, readonly Candidate[], readonly Held[], Gang, unknown][] = [
    ['now, where least is left', nodes(8, 5, 3), [], one, [1_000, 0, [1, 1, [], 1]]],
    ['the first of equals', nodes(3, 6, 6), [], one, [1_000, 0, [1, 1, [], 2]]],
    ['a gang on one node if one takes it', nodes(4, 4, 8), [], two, [1_000, 0, [2, 2, [], 0]]],
    [
      'else the largest, and the rest where it fits tightly',
      nodes(8, 5, 4),
      [],
      { ...two, tasks: 3 },
      [1_000, 0, [0, 2, [], 0], [2, 1, [], 0]],
    ],
    ['a gang of no tasks', nodes(0), [], { tasks: 0, unitsPerTask: 1 }, [1_000, 0]],
    [
      'at the first end that gives enough',
      nodes(0),
      holders([0, 4, 9_000], [0, 4, 5_000]),
      one,
      [5_000, 0, [0, 1, [1], 0]],
    ],
    [
      'ends add up on a node',
      nodes(1, 3),
      holders([0, 3, 5_000], [1, 1, 4_000], [1, 4, 4_500]),
      two,
      [4_500, 0, [1, 2, [1, 2], 0]],
    ],
    ['and not between nodes', nodes(2, 2), holders([0, 1, 5_000], [1, 1, 6_000]), one, null],
    ['the overdue end now', nodes(0), holders([0, 4, 10]), one, [1_000, 0, [0, 1, [0], 0]]],
    [
      'all that ends at that time counts',
      nodes(0, 0),
      holders([0, 4, 5_000], [1, 8, 5_000]),
      two,
      [5_000, 0, [1, 2, [1], 0]],
    ],
    [
      'no more tasks on a node than it takes',
      [{ node: 0, free: 16, maxTasks: 1 }, ...nodes(0, 4).slice(1)],
      [],
      two,
      [1_000, 0, [0, 1, [], 12], [1, 1, [], 0]],
    ],
    ['holders elsewhere do not matter', nodes(0), holders([7, 4, 2_000]), one, null],
    ['no node', [], [], one, null],
  ];
  it.each(cases)('%s', (_, candidates, held, gang, expected) => {
    expect(short(earliestStart(candidates, held, gang, NOW_MS))).toEqual(expected);
  });

  const endless: readonly [string, readonly Candidate[], readonly Held[], Gang, unknown][] = [
    ['waits for the fewest units', nodes(1, 2), holders([0, 3, null], [1, 2, null]), one, [null, 2, [1, 1, [1], 0]]],
    [
      'what has an end is waited for first and costs nothing',
      nodes(0, 2),
      holders([0, 1, null], [0, 3, 5_000], [1, 2, null]),
      one,
      [null, 1, [0, 1, [1, 0], 0]],
    ],
    [
      'for the fewest holders among equals',
      nodes(2, 2),
      holders([0, 1, null], [0, 1, null], [1, 2, null]),
      one,
      [null, 2, [1, 1, [2], 0]],
    ],
    [
      'all free places, and then the cheapest',
      nodes(5, 3, 0),
      holders([1, 5, null], [2, 4, null]),
      { ...two, tasks: 3 },
      [null, 5, [0, 1, [], 1], [1, 2, [0], 0]],
    ],
    ['more than there is', nodes(1, 2), holders([0, 2, null], [1, 1, null]), one, null],
  ];
  it.each(endless)('where work has no end: %s', (_, candidates, held, gang, expected) => {
    expect(short(earliestStart(candidates, held, gang, NOW_MS))).toEqual(expected);
  });

  it('leaves the places of a reservation made before alone', () => {
    const held = holders([0, 4, 5_000], [1, 4, 7_000]);
    expect(short(earliestStart(nodes(0, 0), held, one, NOW_MS))).toEqual([5_000, 0, [0, 1, [0], 0]]);
    const reserved = [...held, ...holders([0, 4, 30_000])];
    expect(short(earliestStart(nodes(-4, 0), reserved, one, NOW_MS))).toEqual([7_000, 0, [1, 1, [1], 0]]);
    const longer = [...holders([0, 4, 5_000], [1, 4, 70_000]), ...holders([0, 4, 30_000])];
    expect(short(earliestStart(nodes(-4, 0), longer, one, NOW_MS))).toEqual([30_000, 0, [0, 1, [0, 2], 0]]);
  });
});

describe('against brute force', () => {
  const cluster = fc.record({
    candidates: fc.array(fc.record({ free: fc.nat(5), maxTasks: fc.constantFrom(1, 2, 9) }), {
      minLength: 1,
      maxLength: 4,
    }),
    held: fc.array(
      fc.record({
        node: fc.nat(3),
        units: fc.integer({ min: 1, max: 4 }),
        endMs: fc.option(fc.integer({ min: 0, max: 9 })),
      }),
      { maxLength: 8 },
    ),
    gang: fc.record({ tasks: fc.integer({ min: 1, max: 5 }), unitsPerTask: fc.integer({ min: 1, max: 4 }) }),
    nowMs: fc.nat(4),
  });

  /** Units free on a node once everything that ends by then has ended. */
  function unitsAt(candidate: Candidate, held: readonly Held[], timeMs: number): number {
    const ended = held.filter(({ node, endMs }) => node === candidate.node && (endMs ?? Infinity) <= timeMs);
    return candidate.free + ended.reduce((sum, { units }) => sum + units, 0);
  }

  /** The fewest units beyond `free` that any way of dividing the tasks needs; null = there is no way. */
  function fewestBeyond(
    rows: readonly { free: number; all: number; maxTasks: number }[],
    gang: Gang,
    tasks = gang.tasks,
  ): number | null {
    const [row, ...others] = rows;
    if (!row) return tasks === 0 ? 0 : null;
    let best: number | null = null;
    for (let here = 0; here <= Math.min(tasks, row.maxTasks); here++) {
      const units = here * gang.unitsPerTask;
      if (units > row.all) break;
      const rest = fewestBeyond(others, gang, tasks - here);
      if (rest === null) continue;
      const beyond = rest + Math.max(0, units - row.free);
      best = best === null ? beyond : Math.min(best, beyond);
    }
    return best;
  }

  function beyondAt(
    candidates: readonly Candidate[],
    held: readonly Held[],
    gang: Gang,
    timeMs: number,
  ): number | null {
    const rows = candidates.map((candidate) => ({
      free: unitsAt(candidate, held, timeMs),
      all: candidate.free + held.reduce((sum, { node, units }) => sum + (node === candidate.node ? units : 0), 0),
      maxTasks: candidate.maxTasks,
    }));
    return fewestBeyond(rows, gang);
  }

  it('is the earliest, waits for the fewest endless units, and has room for the gang', () => {
    fc.assert(
      fc.property(cluster, ({ candidates: list, held, gang, nowMs }) => {
        const candidates = list.map((each, node) => ({ node, ...each }));
        const found = earliestStart(candidates, held, gang, nowMs);
        const times = [nowMs, ...held.flatMap(({ endMs }) => (endMs !== null && endMs > nowMs ? [endMs] : []))];
        const startMs = times.sort((a, b) => a - b).find((timeMs) => beyondAt(candidates, held, gang, timeMs) === 0);
        const endlessUnits = beyondAt(candidates, held, gang, 1e9);
        expect(found?.startMs).toBe(endlessUnits === null ? undefined : (startMs ?? null));
        expect(found?.endlessUnits).toBe(endlessUnits ?? undefined);
        if (found === null) return;
        expect(found.places.reduce((sum, { tasks }) => sum + tasks, 0)).toBe(gang.tasks);
        for (const { node, tasks, units, waitsFor, spareUnits } of found.places) {
          const candidate = candidates[node] as Candidate;
          expect(units).toBe(tasks * gang.unitsPerTask);
          expect(tasks).toBeLessThanOrEqual(candidate.maxTasks);
          const waited = waitsFor.map((at) => held[at] as Held);
          expect(waited.every((holder) => holder.node === node)).toBe(true);
          const given = candidate.free + waited.reduce((sum, holder) => sum + holder.units, 0);
          expect(given).toBeGreaterThanOrEqual(units);
          if (found.startMs === null) continue;
          const atStart = unitsAt(candidate, held, found.startMs);
          expect(waited.every(({ endMs }) => (endMs ?? Infinity) <= (found.startMs ?? 0))).toBe(true);
          if (found.startMs > nowMs) expect(spareUnits).toBe(atStart - units);
          else expect(spareUnits).toBeLessThanOrEqual(atStart - units);
        }
      }),
      { seed: 11, numRuns: 2_000 },
    );
  });

  it('is the same where those who hold single units without an end are counted, and only those it waits for are looked up', () => {
    const row = fc.record({
      free: fc.integer({ min: -2, max: 6 }),
      endless: fc.nat(6),
      maxTasks: fc.constantFrom(1, 2, Infinity),
      isCounted: fc.boolean(),
    });
    const gang = fc.record({ tasks: fc.integer({ min: 1, max: 6 }), unitsPerTask: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 8 }), gang, (rows, asked) => {
        const looked = new Set<number>();
        const holdersOf = (node: number, endless: number): Listed[] =>
          Array.from({ length: endless }, (_, at) => ({ units: 1, endMs: Infinity, node, at: node * 10 + at }));
        const listed = rows.map(({ free, endless, maxTasks }, node) => {
          return { node, free, maxTasks, held: holdersOf(node, endless) };
        });
        const counted = listed.map((each, node) => {
          const { isCounted, endless } = rows[node] ?? { isCounted: false, endless: 0 };
          if (!isCounted) return each;
          const { free, maxTasks } = each;
          return {
            node,
            free,
            maxTasks,
            endless,
            get held() {
              looked.add(node);
              return each.held;
            },
          };
        });
        const expected = timetable.earliestStart(listed, asked, NOW_MS);
        expect(timetable.earliestStart(counted, asked, NOW_MS)).toEqual(expected);
        const waitsAt = expected?.places.filter(({ waitsFor }) => waitsFor.length > 0).map(({ node }) => node) ?? [];
        expect([...looked].filter((node) => !waitsAt.includes(node))).toEqual([]);
      }),
      { seed: 12, numRuns: 2_000 },
    );
  });

  it('is the same whatever the order of nodes and holders', () => {
    fc.assert(
      fc.property(cluster, fc.nat(7), ({ candidates: list, held, gang, nowMs }, turn) => {
        const candidates = list.map((each, node) => ({ node, ...each }));
        const turned = [...held.slice(turn), ...held.slice(0, turn)];
        const places = (found: Reservation | null) =>
          found && [found.startMs, found.endlessUnits, found.places.map(({ node, units }) => [node, units])];
        expect(places(earliestStart(candidates.toReversed(), turned, gang, nowMs))).toEqual(
          places(earliestStart(candidates, held, gang, nowMs)),
        );
      }),
      { seed: 12 },
    );
  });
});

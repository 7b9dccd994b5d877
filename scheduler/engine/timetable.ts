// The timetable of GPUs: from what is free now and when running work must end, the earliest time at which a gang fits and
// where. It serves reservations and estimates: the place where blocked work can start first. It counts units, GPUs or whatever the caller counts, and knows nothing of queues. May assume that counts are not
// negative and that a node is named once among the candidates.
import { present } from '../../common/assert.js';

/** Units of one node in use. `endMs` is when their holder must give them back at the latest; null = it may run for ever. */
export interface Held {
  readonly node: number;
  readonly units: number;
  readonly endMs: number | null;
}

/** A node that can take tasks of the gang. */
export interface Candidate {
  readonly node: number;
  /** Units nobody holds, less the reserved ones. */
  readonly free: number;
  /** The most tasks it can take for other reasons (CPU, memory); Infinity = as many as units allow. */
  readonly maxTasks: number;
}

/** Equal tasks that start together, each on one node. */
export interface Gang {
  readonly tasks: number;
  /** More than 0. */
  readonly unitsPerTask: number;
}

/** What is reserved on one node. */
export interface ReservedPlace {
  readonly node: number;
  readonly tasks: number;
  readonly units: number;
  /** Positions in `held` of what must end first: in the order of their ends until they give the units, then endless ones. */
  readonly waitsFor: readonly number[];
  /** Units there beyond the reserved ones at the time of the start. */
  readonly spareUnits: number;
}

/** Where a gang will start. */
export interface Reservation {
  /** Null = not known, since it waits for work without an end: units that fall free there are held for it. */
  readonly startMs: number | null;
  /** Units to wait for whose holders have no end; 0 when the start is known. */
  readonly endlessUnits: number;
  /** By node. */
  readonly places: readonly ReservedPlace[];
}

/**
 * The earliest time at which all tasks fit, and the nodes: those that take the most tasks, so that the gang is on as few
 * as it can be, of equal ones those where the least is left. If work without an end is in the way, the place where the
 * fewest such units must be waited for, among equals the fewest holders. Costs n log n for n candidates and holders.
 * @param held what holds units of candidates; holders on other nodes are ignored, overdue ones count as ending now
 * @returns null when it would not fit if everything ended
 */
export function earliestStart(
  candidates: readonly Candidate[],
  held: readonly Held[],
  gang: Gang,
  nowMs: number,
): Reservation | null {
  const timetable = new Timetable(candidates, held, gang, nowMs);
  const startMs = timetable.runUntilItFits();
  const tasksOf = startMs === null ? timetable.leastWaiting() : timetable.fewestNodes();
  return tasksOf && timetable.reservation(startMs, tasksOf);
}

/** One candidate at the time to which the timetable has come. */
interface Row {
  readonly candidate: Candidate;
  /** Positions in `held`: those with an end by their end, then the endless ones, the largest first. */
  readonly holders: number[];
  endlessUnits: number;
  /** Units that are free by then. */
  units: number;
  /** Tasks that fit in them. */
  tasks: number;
}

/** How many tasks of the gang each row takes. */
type TasksOf = ReadonlyMap<Row, number>;

class Timetable {
  readonly #held: readonly Held[];
  readonly #gang: Gang;
  readonly #nowMs: number;
  readonly #rows: Row[] = [];
  readonly #rowOf = new Map<number, Row>();
  /** Positions in `held` of the holders with an end, by their end. */
  readonly #endings: number[] = [];

  constructor(candidates: readonly Candidate[], held: readonly Held[], gang: Gang, nowMs: number) {
    this.#held = held;
    this.#gang = gang;
    this.#nowMs = nowMs;
    for (const candidate of candidates) {
      const row = { candidate, holders: [], endlessUnits: 0, units: candidate.free, tasks: 0 };
      row.tasks = this.#tasksIn(row, row.units);
      this.#rows.push(row);
      this.#rowOf.set(candidate.node, row);
    }
    held.forEach((holder, at) => {
      const row = this.#rowOf.get(holder.node);
      if (!row) return;
      row.holders.push(at);
      if (holder.endMs === null) row.endlessUnits += holder.units;
      else this.#endings.push(at);
    });
    const byEnd = (a: number, b: number) => this.#compareHolders(a, b);
    this.#endings.sort(byEnd);
    for (const row of this.#rows) row.holders.sort(byEnd);
  }

  /** Lets holders end until the gang fits. Leaves the rows at that time; null = after the last end it does not fit yet. */
  runUntilItFits(): number | null {
    let tasks = this.#rows.reduce((sum, row) => sum + row.tasks, 0);
    let timeMs = this.#nowMs;
    let next = 0;
    while (tasks < this.#gang.tasks) {
      if (next === this.#endings.length) return null;
      timeMs = this.#endOf(next);
      for (; next < this.#endings.length && this.#endOf(next) === timeMs; next++) tasks += this.#release(next);
    }
    return timeMs;
  }

  /** All tasks on free units of the rows: the largest rows, and the rest where it fits most tightly. */
  fewestNodes(): TasksOf {
    const rows = this.#rows.filter((row) => row.tasks > 0).sort(compareLargestFirst);
    const tasksOf = new Map<Row, number>();
    let left = this.#gang.tasks;
    for (let at = 0; left > 0; at++) {
      let row = rowAt(rows, at);
      for (let tighter = at + 1; tighter < rows.length && rowAt(rows, tighter).tasks >= left; tighter++) {
        if (rowAt(rows, tighter).tasks < row.tasks) row = rowAt(rows, tighter);
      }
      const here = Math.min(left, row.tasks);
      tasksOf.set(row, here);
      left -= here;
    }
    return tasksOf;
  }

  /**
   * All free units of the rows, and the fewest endless ones. A row's next task costs what its free remainder lacks, each
   * further one all its units: costs that never fall, so taking the cheapest first is best. (They fall only where others
   * have reserved more than is free: such rows are taken last.)
   */
  leastWaiting(): TasksOf | null {
    const tasksOf = new Map<Row, number>();
    let left = this.#gang.tasks;
    const give = (row: Row, most: number) => {
      const had = tasksOf.get(row) ?? 0;
      const here = Math.min(left, most - had);
      if (here > 0) tasksOf.set(row, had + here);
      left -= Math.max(0, here);
    };
    for (const row of this.#rows) give(row, row.tasks);
    const roomy = this.#rows.filter((row) => this.#tasksInAll(row) > row.tasks);
    const completing = roomy.filter((row) => this.#missing(row) < this.#gang.unitsPerTask);
    for (const row of completing.sort((a, b) => this.#compareMissing(a, b))) give(row, row.tasks + 1);
    const begun = new Set(tasksOf.keys());
    const order = roomy.sort((a, b) => Number(begun.has(b)) - Number(begun.has(a)) || this.#compareRoom(a, b));
    for (const row of order) give(row, this.#tasksInAll(row));
    return left === 0 ? tasksOf : null;
  }

  reservation(startMs: number | null, tasksOf: TasksOf): Reservation {
    let endlessUnits = 0;
    const places: ReservedPlace[] = [];
    for (const [row, tasks] of tasksOf) {
      const units = tasks * this.#gang.unitsPerTask;
      endlessUnits += Math.max(0, units - row.units);
      places.push({
        node: row.candidate.node,
        tasks,
        units,
        waitsFor: this.#firstHoldersWith(row, units - row.candidate.free),
        spareUnits: Math.max(0, row.units - units),
      });
    }
    return { startMs, endlessUnits, places: places.sort((a, b) => a.node - b.node) };
  }

  /** How many tasks are in so many units of a row. */
  #tasksIn(row: Row, units: number): number {
    return Math.max(0, Math.min(row.candidate.maxTasks, Math.floor(units / this.#gang.unitsPerTask)));
  }

  /** How many were if everything there ended. */
  #tasksInAll(row: Row): number {
    return this.#tasksIn(row, row.units + row.endlessUnits);
  }

  /** Units that a row lacks for one task more. */
  #missing(row: Row): number {
    return (row.tasks + 1) * this.#gang.unitsPerTask - row.units;
  }

  /** Rows whose units others have reserved come last, then those with the most room come first. */
  #compareRoom(a: Row, b: Row): number {
    return (
      Math.max(this.#missing(a), this.#gang.unitsPerTask) - Math.max(this.#missing(b), this.#gang.unitsPerTask) ||
      this.#tasksInAll(b) - this.#tasksInAll(a) ||
      a.candidate.node - b.candidate.node
    );
  }

  #compareMissing(a: Row, b: Row): number {
    return (
      this.#missing(a) - this.#missing(b) ||
      this.#endlessHoldersWith(a, this.#missing(a)) - this.#endlessHoldersWith(b, this.#missing(b)) ||
      a.candidate.node - b.candidate.node
    );
  }

  /** When the holder at a position of `#endings` ends; not before now. */
  #endOf(position: number): number {
    return Math.max(this.#nowMs, this.#holder(this.#endings[position]).endMs ?? Infinity);
  }

  /** @returns the tasks that fit beside those before */
  #release(position: number): number {
    const holder = this.#holder(this.#endings[position]);
    const row = present(this.#rowOf.get(holder.node), 'endings are on candidates', `node ${holder.node}`);
    row.units += holder.units;
    const before = row.tasks;
    row.tasks = this.#tasksIn(row, row.units);
    return row.tasks - before;
  }

  #holder(at: number | undefined): Held {
    return present(at === undefined ? null : this.#held[at], 'holders are known by their position', `${at}`);
  }

  #compareHolders(a: number, b: number): number {
    const one = this.#holder(a);
    const other = this.#holder(b);
    if (one.endMs !== other.endMs) return (one.endMs ?? Infinity) < (other.endMs ?? Infinity) ? -1 : 1;
    return (one.endMs === null ? other.units - one.units : 0) || a - b;
  }

  /** The first holders of a row that hold so many units together. */
  #firstHoldersWith(row: Row, units: number): number[] {
    const found: number[] = [];
    let lacking = units;
    for (const at of row.holders) {
      if (lacking <= 0) break;
      found.push(at);
      lacking -= this.#holder(at).units;
    }
    return found;
  }

  /** How many endless holders of a row hold so many units together, the largest counted first. */
  #endlessHoldersWith(row: Row, units: number): number {
    let count = 0;
    let lacking = units;
    for (const at of row.holders) {
      if (lacking <= 0) break;
      if (this.#holder(at).endMs !== null) continue;
      count++;
      lacking -= this.#holder(at).units;
    }
    return count;
  }
}

/** Most tasks first, then the least left over, then by node. */
function compareLargestFirst(a: Row, b: Row): number {
  return b.tasks - a.tasks || a.units - b.units || a.candidate.node - b.candidate.node;
}

function rowAt(rows: readonly Row[], at: number): Row {
  return present(rows[at], 'a gang that fits has a node for each task', `row ${at} of ${rows.length}`);
}

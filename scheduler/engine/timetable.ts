// The timetable of GPUs: from what is free now and when running work must end, the earliest time at which a gang fits and
// where. It serves reservations and estimates: the place where blocked work can start first. It counts units, GPUs or whatever the caller counts, and knows nothing of queues. May assume that counts are not
// negative and that a node is named once among the candidates.
import { present } from '../../common/assert.js';

/** Units in use together. `endMs` is when their holder must give them back at the latest; Infinity = it may run for ever. */
export interface Held {
  readonly units: number;
  readonly endMs: number;
}

/** A node that can take tasks of the gang. */
export interface Candidate<H extends Held> {
  readonly node: number;
  /** Units nobody holds, less the reserved ones. */
  readonly free: number;
  /** Who holds others of its units; who is overdue counts as ending now. */
  readonly held: readonly H[];
  /** How many units those hold, if each holds one and without an end: then `held` is read only of what is reserved. Null = not known. */
  readonly endless?: number | null;
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
export interface ReservedPlace<H extends Held> {
  readonly node: number;
  readonly tasks: number;
  readonly units: number;
  /** What must end first: in the order of their ends until they give the units, then endless ones. */
  readonly waitsFor: readonly H[];
  /** Units there beyond the reserved ones at the time of the start. */
  readonly spareUnits: number;
}

/** Where a gang will start. */
export interface Reservation<H extends Held> {
  /** Null = not known, since it waits for work without an end: units that fall free there are held for it. */
  readonly startMs: number | null;
  /** Units to wait for whose holders have no end; 0 when the start is known. */
  readonly endlessUnits: number;
  /** By node. */
  readonly places: readonly ReservedPlace<H>[];
}

/**
 * The earliest time at which all tasks fit, and the nodes: those that take the most tasks, so that the gang is on as few
 * as it can be, of equal ones those where the least is left. If work without an end is in the way, the place where the
 * fewest such units must be waited for, among equals the fewest holders. Costs n log n for n candidates and holders.
 * @returns null when it would not fit if everything ended
 */
export function earliestStart<H extends Held>(
  candidates: readonly Candidate<H>[],
  gang: Gang,
  nowMs: number,
): Reservation<H> | null {
  const timetable = new Timetable(candidates, gang, nowMs);
  const startMs = timetable.runUntilItFits();
  const tasksOf = startMs === null ? timetable.leastWaiting() : timetable.fewestNodes();
  return tasksOf && timetable.reservation(startMs, tasksOf);
}

/** One candidate at the time to which the timetable has come. */
interface Row<H extends Held> {
  readonly candidate: Candidate<H>;
  endlessUnits: number;
  /** Units that are free by then. */
  units: number;
  /** Tasks that fit in them. */
  tasks: number;
}

/** How many tasks of the gang each row takes. */
type TasksOf<H extends Held> = ReadonlyMap<Row<H>, number>;

class Timetable<H extends Held> {
  readonly #gang: Gang;
  readonly #nowMs: number;
  readonly #rows: Row<H>[] = [];
  /** The holders with an end, by their end. */
  readonly #endings: { readonly row: Row<H>; readonly holder: H }[] = [];

  constructor(candidates: readonly Candidate<H>[], gang: Gang, nowMs: number) {
    this.#gang = gang;
    this.#nowMs = nowMs;
    for (const candidate of candidates) {
      const row: Row<H> = { candidate, endlessUnits: candidate.endless ?? 0, units: candidate.free, tasks: 0 };
      row.tasks = this.#tasksIn(row, row.units);
      this.#rows.push(row);
      if (candidate.endless != null) continue;
      for (const holder of candidate.held) {
        if (holder.endMs === Infinity) row.endlessUnits += holder.units;
        else this.#endings.push({ row, holder });
      }
    }
    this.#endings.sort((a, b) => a.holder.endMs - b.holder.endMs);
  }

  /** Lets holders end until the gang fits. Leaves the rows at that time; null = after the last end it does not fit yet. */
  runUntilItFits(): number | null {
    let tasks = this.#rows.reduce((sum, row) => sum + row.tasks, 0);
    let timeMs = this.#nowMs;
    if (tasks >= this.#gang.tasks) return timeMs;
    for (const { row, holder } of this.#endings) {
      const endMs = Math.max(this.#nowMs, holder.endMs);
      // Whatever else ends at the same time is released, too.
      if (tasks >= this.#gang.tasks && endMs > timeMs) return timeMs;
      timeMs = endMs;
      tasks += this.#release(row, holder);
    }
    return tasks >= this.#gang.tasks ? timeMs : null;
  }

  /** All tasks on free units of the rows: the largest rows, and the rest where it fits most tightly. */
  fewestNodes(): TasksOf<H> {
    const rows = this.#rows.filter((row) => row.tasks > 0).sort(compareLargestFirst);
    const tasksOf = new Map<Row<H>, number>();
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
  leastWaiting(): TasksOf<H> | null {
    const tasksOf = new Map<Row<H>, number>();
    let left = this.#gang.tasks;
    const give = (row: Row<H>, most: number) => {
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

  reservation(startMs: number | null, tasksOf: TasksOf<H>): Reservation<H> {
    let endlessUnits = 0;
    const places: ReservedPlace<H>[] = [];
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
  #tasksIn(row: Row<H>, units: number): number {
    return Math.max(0, Math.min(row.candidate.maxTasks, Math.floor(units / this.#gang.unitsPerTask)));
  }

  /** How many were if everything there ended. */
  #tasksInAll(row: Row<H>): number {
    return this.#tasksIn(row, row.units + row.endlessUnits);
  }

  /** Units that a row lacks for one task more. */
  #missing(row: Row<H>): number {
    return (row.tasks + 1) * this.#gang.unitsPerTask - row.units;
  }

  /** Rows whose units others have reserved come last, then those with the most room come first. */
  #compareRoom(a: Row<H>, b: Row<H>): number {
    return (
      Math.max(this.#missing(a), this.#gang.unitsPerTask) - Math.max(this.#missing(b), this.#gang.unitsPerTask) ||
      this.#tasksInAll(b) - this.#tasksInAll(a) ||
      a.candidate.node - b.candidate.node
    );
  }

  #compareMissing(a: Row<H>, b: Row<H>): number {
    return (
      this.#missing(a) - this.#missing(b) ||
      this.#endlessHoldersWith(a, this.#missing(a)) - this.#endlessHoldersWith(b, this.#missing(b)) ||
      a.candidate.node - b.candidate.node
    );
  }

  /** @returns the tasks that fit beside those before */
  #release(row: Row<H>, holder: H): number {
    row.units += holder.units;
    const before = row.tasks;
    row.tasks = this.#tasksIn(row, row.units);
    return row.tasks - before;
  }

  /** The first holders of a row that hold so many units together. */
  #firstHoldersWith(row: Row<H>, units: number): H[] {
    const found: H[] = [];
    let lacking = units;
    if (lacking <= 0) return found;
    for (const holder of row.candidate.held.toSorted(compareHolders)) {
      if (lacking <= 0) break;
      found.push(holder);
      lacking -= holder.units;
    }
    return found;
  }

  /** How many endless holders of a row hold so many units together, the largest counted first. */
  #endlessHoldersWith(row: Row<H>, units: number): number {
    const { endless } = row.candidate;
    if (endless != null) return Math.min(endless, Math.max(0, Math.ceil(units)));
    let count = 0;
    let lacking = units;
    for (const { endMs, units: own } of row.candidate.held.toSorted(compareHolders)) {
      if (lacking <= 0) break;
      if (endMs !== Infinity) continue;
      count++;
      lacking -= own;
    }
    return count;
  }
}

/** Those with an end by their end, then the endless ones, the largest first. */
function compareHolders(a: Held, b: Held): number {
  if (a.endMs !== b.endMs) return a.endMs < b.endMs ? -1 : 1;
  return a.endMs === Infinity ? b.units - a.units : 0;
}

/** Most tasks first, then the least left over, then by node. */
function compareLargestFirst(a: Row<Held>, b: Row<Held>): number {
  return b.tasks - a.tasks || a.units - b.units || a.candidate.node - b.candidate.node;
}

function rowAt<H extends Held>(rows: readonly Row<H>[], at: number): Row<H> {
  return present(rows[at], 'a gang that fits has a node for each task', `row ${at} of ${rows.length}`);
}

// One chain: the cells of nodes of one build, which of them are free, bound to whom, owed and lost. The invariant that it
// keeps, and why that is enough, stands in cells.ts. Every change is followed at the cost of the levels around it.
import { invariant, present } from '../../common/assert.js';
import type { TopologyLevel } from '../model/records.js';
import {
  blockOf,
  compare,
  groupBy,
  groupSize,
  inPowersOfTwo,
  largestPowerOfTwo,
  type Level,
  levelsOf,
  rackOf,
} from './cell-levels.js';
import {
  ANY_OWED,
  type CellChoice,
  type CellDebt,
  type CellNode,
  type CellRequest,
  type CellRoom,
  type CellUse,
  isWithin,
  SURPLUS,
} from './cell-words.js';

/** Whether a promise to others may be broken by it. */
export type How = 'safely' | 'anyhow';

/** What a queue is owed of a chain, by level. */
interface Account {
  readonly queue: string;
  readonly promised: number[];
  /** Bound on account of the promise. */
  readonly bound: number[];
  /** Owed and not bound: promised, less bound, less split, plus what splitting gave. */
  readonly open: number[];
  readonly split: number[];
  /** Single GPUs owed that are not there. */
  missing: number;
  /** Cells bound on account of the promise. */
  readonly cells: Set<number>;
}

const NOBODY = '';

/** The cells of nodes of one build. Cells are numbered; the GPUs of a cell are numbered in a row. */
export class Chain {
  readonly kind: string;
  readonly gpusPerNode: number;
  /** By position. */
  readonly gpus: number[] = [];
  readonly #levels: readonly Level[];
  readonly #positionOf = new Map<number, number>();
  // Of each cell:
  readonly #level: number[] = [];
  readonly #parent: number[] = [];
  readonly #children: number[][] = [];
  readonly #first: number[] = [];
  /** Bad GPUs in it. */
  readonly #bad: number[] = [];
  /** Cells bound inside it, itself not counted. */
  readonly #boundInside: number[] = [];
  /** GPUs in it in guaranteed use. */
  readonly #used: number[] = [];
  /** GPUs in it in guaranteed use, or bad, or both. */
  readonly #busy: number[] = [];
  readonly #lent: number[] = [];
  readonly #owner: (Account | null)[] = [];
  readonly #ownedByPromise: boolean[] = [];
  /** A bound cell of a lower turn was bound before. */
  readonly #boundTurn: number[] = [];
  /** For each cell and level: the best of the free cells of that level in it that are in no larger free one; -1 = none. */
  readonly #best: number[];
  /** Cells that are in no other, and the number of each. */
  readonly #roots: number[] = [];
  readonly #rootNumber: number[] = [];
  /** For each match of a tournament between the roots and each level: the best cell. Match 1 is the final. */
  readonly #winners: number[];
  // Of each position:
  readonly #cellAt: number[] = [];
  readonly #user: string[] = [];
  readonly #isBad: boolean[] = [];
  // Of each level:
  readonly #cellsOn: number[][];
  readonly #free: number[];
  readonly #open: number[];
  readonly #accounts = new Map<string, Account>();
  #lastTurn = 0;
  /** Something is split or missing. */
  #broken = false;

  constructor(nodes: readonly CellNode[]) {
    const [model] = nodes;
    this.kind = model?.kind ?? '';
    this.gpusPerNode = model?.gpus.length ?? 0;
    const sorted = nodes.toSorted((a, b) => compare(a.name, b.name));
    const racks = [...groupBy(sorted, rackOf).values()];
    const mostNodes = largestPowerOfTwo(Math.max(...racks.map((rack) => rack.length)));
    const roots = racks.flatMap((rack) => inPowersOfTwo(rack, mostNodes));
    const whole = roots.filter((root) => root.length === mostNodes);
    const blocks = [...groupBy(whole, ([first]) => (first ? blockOf(first) : '')).values()];
    const mostRacks = largestPowerOfTwo(Math.max(1, ...blocks.map((block) => block.length)));
    this.#levels = levelsOf(this.gpusPerNode, model ? groupSize(model) : 0, mostNodes, mostRacks);
    this.#cellsOn = this.#levels.map(() => []);
    this.#free = this.#levels.map(() => 0);
    this.#open = this.#levels.map(() => 0);
    for (const block of blocks) for (const root of inPowersOfTwo(block, mostRacks)) this.#plant(root.flat());
    for (const root of roots) if (root.length < mostNodes) this.#plant(root);
    this.#best = new Array<number>(this.#level.length * this.#levels.length).fill(-1);
    this.#winners = new Array<number>(this.#roots.length * this.#levels.length).fill(-1);
    for (const [cell, level] of this.#level.entries()) this.#best[cell * this.#levels.length + level] = cell;
    for (const root of this.#roots.keys()) this.#refreshMatch(root);
  }

  /** The lowest level whose cells have so many GPUs that close; null = none. */
  levelFor(gpus: number, closeness: TopologyLevel): number | null {
    const found = this.#levels.findIndex((level) => level.gpus >= gpus && isWithin(level.closeness, closeness));
    return found === -1 ? null : found;
  }

  /** @returns the level of the cell */
  promise(queue: string, gpus: number, closeness: TopologyLevel): number {
    const level = present(this.levelFor(gpus, closeness), 'a chain keeps what it promises', `${gpus} ${closeness}`);
    const account = this.#account(queue);
    account.promised[level] = at(account.promised, level) + 1;
    this.#owe(account, level, 1);
    return level;
  }

  /** GPUs of a cell of a level. */
  sizeOf(level: number): number {
    return this.#levelAt(level).gpus;
  }

  /** Whether one cell more could be promised. */
  hasRoomFor(gpus: number, closeness: TopologyLevel): boolean {
    const level = this.levelFor(gpus, closeness);
    if (level === null) return false;
    const surplus = this.surplus();
    return this.#levels.slice(0, level + 1).every((_, lower) => at(surplus, lower) >= this.#cellsIn(level, lower));
  }

  /** Free cells of each level less those owed. */
  surplus(): number[] {
    const surplus = [...this.#free];
    let owed = 0;
    for (let level = surplus.length - 1; level >= 0; level--) {
      owed += at(this.#open, level);
      surplus[level] = at(surplus, level) - owed;
      owed *= this.#levelAt(level).fanOut;
    }
    return surplus;
  }

  /** Whether borrowed work may run on a GPU. */
  isOpen(gpu: number): boolean {
    const position = this.#position(gpu);
    return !at(this.#isBad, position) && at(this.#user, position) === NOBODY;
  }

  use(gpu: number, queue: string): void {
    const position = this.#position(gpu);
    invariant(at(this.#user, position) === NOBODY, 'a GPU has one guaranteed holder', `GPU ${gpu}, ${queue}`);
    this.#user[position] = queue;
    const busy = at(this.#isBad, position) ? 0 : 1;
    for (let cell = at(this.#cellAt, position); cell !== -1; cell = at(this.#parent, cell)) {
      this.#used[cell] = at(this.#used, cell) + 1;
      this.#busy[cell] = at(this.#busy, cell) + busy;
    }
  }

  /** Ends guaranteed use of a GPU, and says how to undo it. */
  leave(gpu: number): () => void {
    const position = this.#position(gpu);
    const queue = at(this.#user, position);
    invariant(queue !== NOBODY, 'a released GPU was in use', `GPU ${gpu}`);
    this.#user[position] = NOBODY;
    const busy = at(this.#isBad, position) ? 0 : 1;
    for (let cell = at(this.#cellAt, position); cell !== -1; cell = at(this.#parent, cell)) {
      this.#used[cell] = at(this.#used, cell) - 1;
      this.#busy[cell] = at(this.#busy, cell) - busy;
    }
    const bound = this.#boundAround(at(this.#cellAt, position));
    const account = this.#owner[bound];
    if (!account || at(this.#used, bound) > 0) return () => this.use(gpu, queue);
    const owed = at(this.#ownedByPromise, bound);
    const turn = at(this.#boundTurn, bound);
    this.#unbind(bound);
    return () => {
      this.#bind(bound, account, owed, turn);
      this.use(gpu, queue);
    };
  }

  lend(gpu: number, by: number): void {
    const single = at(this.#cellAt, this.#position(gpu));
    for (let cell = single; cell !== -1; cell = at(this.#parent, cell)) {
      this.#lent[cell] = at(this.#lent, cell) + by;
    }
    this.#refreshBest(single);
  }

  setBad(gpu: number, bad: boolean): void {
    const position = this.#position(gpu);
    if (at(this.#isBad, position) === bad) return;
    this.#isBad[position] = bad;
    const by = bad ? 1 : -1;
    const busy = at(this.#user, position) === NOBODY ? by : 0;
    const isInBound = this.#boundAround(at(this.#cellAt, position)) !== -1;
    for (let cell = at(this.#cellAt, position); cell !== -1; cell = at(this.#parent, cell)) {
      const counted = !isInBound && this.#isSound(cell);
      this.#bad[cell] = at(this.#bad, cell) + by;
      this.#busy[cell] = at(this.#busy, cell) + busy;
      const counts = !isInBound && this.#isSound(cell);
      this.#countFree(at(this.#level, cell), Number(counts) - Number(counted));
    }
    this.#refreshBest(at(this.#cellAt, position));
    this.settle();
  }

  cellUse(gpu: number): CellUse | null {
    const position = this.#position(gpu);
    const cell = this.#boundAround(at(this.#cellAt, position));
    if (cell === -1 || this.#owner[cell]?.queue !== at(this.#user, position)) return null;
    return { gpus: this.#size(cell), owed: at(this.#ownedByPromise, cell) };
  }

  /** GPUs in cells bound to the queue, where the least room is left at each level around them, in the oldest cell. */
  inOwnCells(request: CellRequest): readonly number[] | null {
    for (const { gpus } of this.ownRooms(request)) return gpus.slice(0, request.gpus);
    return null;
  }

  *ownRooms({ queue, gpus, level: closeness }: CellRequest): Generator<CellRoom> {
    const lowest = this.levelFor(gpus, closeness);
    const account = this.#accounts.get(queue);
    if (lowest === null || !account) return;
    for (let level = lowest; level < this.#levels.length; level++) {
      if (!isWithin(this.#levelAt(level).closeness, closeness)) return;
      const parts: number[] = [];
      for (const cell of account.cells) {
        if (this.#room(cell) < gpus) continue;
        for (const part of this.#partsOf(cell, level)) if (this.#room(part) >= gpus) parts.push(part);
      }
      parts.sort((a, b) => this.#compareRoom(a, b));
      for (const part of parts) yield { gpus: this.#idleGpus(part, Infinity), opens: null };
    }
  }

  inOwedCell(request: CellRequest): CellChoice | null {
    for (const { gpus, opens } of this.owedRooms(request)) return { gpus: gpus.slice(0, request.gpus), opens };
    return null;
  }

  /** Room in cells that the queue may bind for a request: for each size it is owed, those lost least first. */
  *owedRooms({ queue, gpus, level: closeness }: CellRequest): Generator<CellRoom> {
    const lowest = this.levelFor(gpus, closeness);
    const account = this.#accounts.get(queue);
    if (lowest === null || !account) return;
    for (let level = lowest; level < this.#levels.length; level++) {
      if (at(account.open, level) === 0) continue;
      for (const cell of this.#buddies(level)) {
        if (!this.#mayBind(cell, true)) continue;
        const opens = { gpus: this.#size(cell), owed: true };
        for (const part of this.#partsOf(cell, lowest)) yield { gpus: this.#idleGpus(part, Infinity), opens };
      }
    }
  }

  *gpusBoundTo(queue: string): Generator<number> {
    for (const cell of this.#accounts.get(queue)?.cells ?? []) yield* this.gpusOf(cell);
  }

  /** GPUs of the largest free cell around a GPU; 0 = it is not free itself. */
  freeAround(gpu: number): number {
    let size = 0;
    const single = at(this.#cellAt, this.#position(gpu));
    if (this.#boundAround(single) !== -1) return 0;
    for (let cell = single; cell !== -1 && this.#isSound(cell); cell = at(this.#parent, cell)) size = this.#size(cell);
    return size;
  }

  turnOf(gpu: number): number {
    return this.#boundTurn[this.#boundAround(at(this.#cellAt, this.#position(gpu)))] ?? 0;
  }

  /** The cell that the queue should bind for a request, of those it is owed. */
  owedCell({ queue, gpus, level: closeness }: CellRequest): number | null {
    const lowest = this.levelFor(gpus, closeness);
    const account = this.#accounts.get(queue);
    if (lowest === null || !account) return null;
    for (let level = lowest; level < this.#levels.length; level++) {
      if (at(account.open, level) === 0) continue;
      const cell = this.#buddy(level);
      if (cell !== null && this.#mayBind(cell, true)) return cell;
    }
    return null;
  }

  /** GPUs of a free cell that nobody is owed. */
  onSurplus({ queue, gpus, level: closeness }: CellRequest): number[] | null {
    const level = this.levelFor(gpus, closeness);
    const cell = level === null ? null : this.#buddy(level);
    if (cell === null) return null;
    const chosen = this.#idleGpus(cell, gpus);
    const undo = chosen.length === gpus ? this.cover(queue, chosen, SURPLUS, 'safely') : null;
    undo?.();
    return undo ? chosen : null;
  }

  gpusOf(cell: number): number[] {
    return this.gpus.slice(at(this.#first, cell), at(this.#first, cell) + this.#size(cell));
  }

  /** Who is owed a cell of so many GPUs here that is not bound: the queues whose promise names such cells, in order. */
  *creditors(gpus: number): Generator<string> {
    const level = this.#levels.findIndex((each) => each.gpus === gpus);
    for (const { queue, promised, open } of this.#accounts.values()) {
      if (level !== -1 && at(promised, level) > 0 && at(open, level) > 0) yield queue;
    }
  }

  /** The promise of one cell that is owed here, and not bound, passes from one queue to another. Nothing else changes. */
  passOn(gpus: number, from: string, to: string): void {
    const level = this.#levels.findIndex((each) => each.gpus === gpus);
    for (const [queue, by] of [
      [from, -1],
      [to, 1],
    ] as const) {
      const account = this.#account(queue);
      account.promised[level] = at(account.promised, level) + by;
      this.#owe(account, level, by);
    }
  }

  /** The sizes of cells, the smallest first. */
  get sizes(): readonly number[] {
    return this.#levels.map(({ gpus }) => gpus);
  }

  /** Whether cells of so many GPUs are made alike in another chain, down to single GPUs. */
  isAlikeUpTo(gpus: number, other: Chain): boolean {
    if (this === other || this.kind !== other.kind) return false;
    const top = this.#levels.findIndex((level) => level.gpus === gpus);
    return (
      top !== -1 &&
      this.#levels.slice(0, top + 1).every((level, lower) => {
        const there = other.#levels[lower];
        return there?.gpus === level.gpus && there.closeness === level.closeness;
      })
    );
  }

  /** See {@link Cells.take}. */
  cover(queue: string, gpus: readonly number[], opens: CellUse | null, how: How): (() => void) | null {
    if (how === 'safely' && !gpus.every((gpu) => this.isOpen(gpu))) return null;
    const account = this.#account(queue);
    const bound: number[] = [];
    const undo = () => {
      for (const cell of bound.toReversed()) this.#unbind(cell);
    };
    const positions = gpus.map((gpu) => this.#position(gpu));
    let left = positions;
    for (;;) {
      left = left.filter((position) => this.#owner[this.#boundAround(at(this.#cellAt, position))] !== account);
      const [position] = left;
      if (position === undefined) {
        if (opens !== ANY_OWED || this.#isInOneCell(positions)) return undo;
        undo();
        return null;
      }
      const owed = this.#owedCellAround(position, left, account, opens, how);
      const single = at(this.#cellAt, position);
      const mayBeSingle = owed === null && !opens?.owed && this.#mayBind(single, false, how);
      if (owed !== null || mayBeSingle) {
        const cell = owed ?? single;
        this.#bind(cell, account, owed !== null);
        bound.push(cell);
      } else if (how === 'anyhow') {
        left.shift();
      } else {
        undo();
        return null;
      }
    }
  }

  /** Whether one bound cell has them all. */
  #isInOneCell(positions: readonly number[]): boolean {
    return new Set(positions.map((position) => this.#boundAround(at(this.#cellAt, position)))).size <= 1;
  }

  /** Splits what cannot be kept and puts together what can again. Call after every change that is to last. */
  settle(): void {
    if (!this.#broken && this.surplus().every((surplus) => surplus >= 0)) return;
    const accounts = [...this.#accounts.values()];
    this.#split(accounts.toReversed());
    this.#mend(accounts);
    this.#broken = accounts.some((account) => account.missing > 0 || account.split.some((count) => count > 0));
  }

  debts(): CellDebt[] {
    const debts: CellDebt[] = [];
    for (const account of this.#accounts.values()) {
      this.#levels.forEach(({ gpus, closeness }, level) => {
        const promised = at(account.promised, level);
        if (promised === 0) return;
        const above = this.#levels[level + 1];
        const fromAbove = above ? above.fanOut * at(account.split, level + 1) : 0;
        const lost = level === 0 ? account.missing : at(account.split, level);
        const damaged = [...account.cells].filter((cell) => at(this.#level, cell) === level && at(this.#bad, cell) > 0);
        const impossible = Math.min(promised, Math.max(0, lost - fromAbove) + damaged.length);
        debts.push({
          queue: account.queue,
          gpus,
          level: closeness,
          promised,
          bound: at(account.bound, level),
          impossible,
        });
      });
    }
    return debts;
  }

  check(): void {
    this.#levels.forEach((_, level) => {
      const free = this.#cellsAt(level).filter((cell) => this.#isSound(cell) && this.#boundAround(cell) === -1);
      invariant(free.length === at(this.#free, level), 'free cells are counted', `level ${level}: ${free.length}`);
      const alone = free.filter((cell) => at(this.#parent, cell) === -1 || !this.#isSound(at(this.#parent, cell)));
      const best = alone.reduce((one, other) => this.#better(one, other), -1);
      invariant(best === this.#bestOfAll(level), 'the best free cell is known', `level ${level}: ${best}`);
      let open = 0;
      for (const account of this.#accounts.values()) {
        const above = this.#levels[level + 1];
        const pieces = above ? above.fanOut * at(account.split, level + 1) : 0;
        const gone = at(account.bound, level) + (level === 0 ? account.missing : at(account.split, level));
        const owed = at(account.promised, level) + pieces - gone;
        invariant(owed === at(account.open, level) && owed >= 0, 'what is owed adds up', `${account.queue}: ${owed}`);
        open += owed;
      }
      invariant(open === at(this.#open, level), 'what is owed is counted', `level ${level}: ${open}`);
    });
    invariant(
      this.surplus().every((surplus) => surplus >= 0),
      'every promise can be kept',
      `${this.surplus().join(', ')}`,
    );
  }

  #split(accounts: readonly Account[]): void {
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      let lacking = -at(this.surplus(), level);
      for (const account of accounts) {
        const count = Math.min(lacking, at(account.open, level));
        if (count <= 0) continue;
        this.#exchange(account, level, -count);
        lacking -= count;
      }
      invariant(lacking <= 0, 'only what is owed can lack', `${lacking} cells of level ${level}`);
    }
  }

  #mend(accounts: readonly Account[]): void {
    const surplus = this.surplus();
    this.#levels.forEach(({ fanOut }, level) => {
      for (const account of accounts) {
        const broken = level === 0 ? account.missing : at(account.split, level);
        const pieces = level === 0 ? Infinity : Math.floor(at(account.open, level - 1) / fanOut);
        const count = Math.min(broken, pieces, at(surplus, level));
        if (count <= 0) continue;
        this.#exchange(account, level, count);
        surplus[level] = at(surplus, level) - count;
      }
    });
  }

  /** Puts so many owed cells together from those of the level below, or splits them if `count` is below 0. */
  #exchange(account: Account, level: number, count: number): void {
    this.#owe(account, level, count);
    if (level === 0) {
      account.missing -= count;
    } else {
      account.split[level] = at(account.split, level) - count;
      this.#owe(account, level - 1, -count * this.#levelAt(level).fanOut);
    }
  }

  #owe(account: Account, level: number, count: number): void {
    account.open[level] = at(account.open, level) + count;
    this.#open[level] = at(this.#open, level) + count;
  }

  /** The owed cell to bind around a position: of those that cover the most of the positions, the smallest. */
  #owedCellAround(
    position: number,
    positions: readonly number[],
    account: Account,
    opens: CellUse | null,
    how: How,
  ): number | null {
    if (opens?.owed === false) return null;
    let best: number | null = null;
    let bestCovered = 0;
    for (let cell = at(this.#cellAt, position); cell !== -1; cell = at(this.#parent, cell)) {
      const from = at(this.#first, cell);
      const covered = positions.filter((each) => each >= from && each < from + this.#size(cell)).length;
      const wanted = opens === null || opens.gpus === 0 || opens.gpus === this.#size(cell);
      if (!wanted || covered <= bestCovered || at(account.open, at(this.#level, cell)) === 0) continue;
      if (!this.#mayBind(cell, true, how)) continue;
      best = cell;
      bestCovered = covered;
    }
    return best;
  }

  /** Whether a cell can be bound with all that is owed still possible. For an owed one its queue must be owed such a cell. */
  #mayBind(cell: number, owed: boolean, how: How = 'safely'): boolean {
    if (at(this.#boundInside, cell) > 0 || this.#boundAround(cell) !== -1) return false;
    if (how === 'anyhow') return true;
    if (at(this.#bad, cell) > 0) return false;
    const level = at(this.#level, cell);
    const surplus = this.surplus();
    if (!owed) {
      for (let lower = 0; lower <= level; lower++) {
        if (at(surplus, lower) < this.#cellsIn(level, lower)) return false;
      }
    }
    for (let around = at(this.#parent, cell); around !== -1; around = at(this.#parent, around)) {
      if (!this.#isSound(around)) break;
      if (at(surplus, at(this.#level, around)) < 1) return false;
    }
    return true;
  }

  #bind(cell: number, account: Account, owed: boolean, turn = ++this.#lastTurn): void {
    const level = at(this.#level, cell);
    this.#countFreeIn(cell, -1);
    for (let around = at(this.#parent, cell); around !== -1; around = at(this.#parent, around)) {
      if (this.#isSound(around)) this.#countFree(at(this.#level, around), -1);
      this.#boundInside[around] = at(this.#boundInside, around) + 1;
    }
    this.#owner[cell] = account;
    this.#ownedByPromise[cell] = owed;
    this.#boundTurn[cell] = turn;
    this.#refreshBest(cell);
    if (!owed) return;
    account.cells.add(cell);
    account.bound[level] = at(account.bound, level) + 1;
    this.#owe(account, level, -1);
  }

  #unbind(cell: number): void {
    const level = at(this.#level, cell);
    const account = present(this.#owner[cell], 'a cell that is freed was bound', `${cell}`);
    this.#owner[cell] = null;
    for (let around = at(this.#parent, cell); around !== -1; around = at(this.#parent, around)) {
      this.#boundInside[around] = at(this.#boundInside, around) - 1;
      if (this.#isSound(around)) this.#countFree(at(this.#level, around), 1);
    }
    this.#countFreeIn(cell, 1);
    this.#refreshBest(cell);
    if (!at(this.#ownedByPromise, cell)) return;
    account.cells.delete(cell);
    account.bound[level] = at(account.bound, level) - 1;
    this.#owe(account, level, 1);
  }

  /** Counts the sound cells in a cell, itself included, in which nothing is bound. O(levels) where none of it is bad. */
  #countFreeIn(cell: number, by: number): void {
    const level = at(this.#level, cell);
    if (at(this.#bad, cell) === 0) {
      for (let lower = 0; lower <= level; lower++) this.#countFree(lower, by * this.#cellsIn(level, lower));
    } else if (level > 0) {
      for (const part of this.#partsOf(cell, level - 1)) this.#countFreeIn(part, by);
    }
  }

  #countFree(level: number, by: number): void {
    this.#free[level] = at(this.#free, level) + by;
  }

  /**
   * The free cell of a level of which the least is lost: in a free cell of the lowest level that is in no larger free one,
   * of these the one with the fewest borrowed GPUs, then the first; and in it, level by level, again so. O(levels).
   */
  #buddy(level: number): number | null {
    for (const cell of this.#buddies(level)) return cell;
    return null;
  }

  /** The same, and then the best in the free cells of higher levels, of which more is lost. */
  *#buddies(level: number): Generator<number> {
    for (let around = level; around < this.#levels.length; around++) {
      let cell = this.#bestOfAll(around);
      if (cell === -1) continue;
      while (at(this.#level, cell) > level) {
        let best = -1;
        for (const part of this.#childrenOf(cell)) best = this.#better(best, part);
        cell = best;
      }
      yield cell;
    }
  }

  /** The one with fewer borrowed GPUs, else the first; -1 = none. */
  #better(one: number, other: number): number {
    if (one === -1 || other === -1) return Math.max(one, other);
    const difference = at(this.#lent, one) - at(this.#lent, other) || one - other;
    return difference <= 0 ? one : other;
  }

  /** Call when a cell, or the borrowed GPUs in it, changed: finds the best free cells anew up to the root and beyond. */
  #refreshBest(changed: number): void {
    const levels = this.#levels.length;
    let root = changed;
    for (let cell = changed; cell !== -1; cell = at(this.#parent, cell)) {
      root = cell;
      const own = cell * levels;
      for (let level = 0; level < levels; level++) this.#best[own + level] = -1;
      if (this.#owner[cell] !== null) continue;
      const top = at(this.#level, cell);
      if (this.#isSound(cell)) {
        this.#best[own + top] = cell;
        continue;
      }
      for (const child of this.#childrenOf(cell)) {
        for (let level = 0; level < top; level++) {
          this.#best[own + level] = this.#better(at(this.#best, own + level), at(this.#best, child * levels + level));
        }
      }
    }
    this.#refreshMatch(at(this.#rootNumber, root));
  }

  /** Lets a root play against the others again: a knock-out tournament for each level. */
  #refreshMatch(root: number): void {
    const levels = this.#levels.length;
    for (let match = (root + this.#roots.length) >> 1; match > 0; match >>= 1) {
      for (let level = 0; level < levels; level++) {
        const one = this.#playerOf(match * 2, level);
        this.#winners[match * levels + level] = this.#better(one, this.#playerOf(match * 2 + 1, level));
      }
    }
  }

  /** Who comes out of a match, or of a root, which are numbered after the matches. */
  #playerOf(match: number, level: number): number {
    const root = this.#roots[match - this.#roots.length];
    const levels = this.#levels.length;
    return root === undefined ? at(this.#winners, match * levels + level) : at(this.#best, root * levels + level);
  }

  #bestOfAll(level: number): number {
    return this.#playerOf(1, level);
  }

  /**
   * Of two cells of one queue the one in which, then around which, less room is left; then the one in the smaller bound
   * cell, then in the older.
   */
  #compareRoom(a: number, b: number): number {
    for (let [one, other] = [a, b]; one !== other; one = at(this.#parent, one), other = at(this.#parent, other)) {
      const difference = this.#room(one) - this.#room(other);
      if (difference !== 0) return difference;
      const oneIsWhole = this.#owner[one] !== null;
      const otherIsWhole = this.#owner[other] !== null;
      if (oneIsWhole && otherIsWhole) return at(this.#boundTurn, one) - at(this.#boundTurn, other);
      if (oneIsWhole || otherIsWhole) return oneIsWhole ? -1 : 1;
      // Idle parts of one cell are alike in all that the queue will ever see: then the fewest must be taken back.
      const isIdle = at(this.#busy, one) === 0 && at(this.#busy, other) === 0;
      if (isIdle && at(this.#parent, one) === at(this.#parent, other)) {
        return at(this.#lent, one) - at(this.#lent, other) || at(this.#lent, a) - at(this.#lent, b) || a - b;
      }
    }
    return a - b;
  }

  #room(cell: number): number {
    return this.#size(cell) - at(this.#busy, cell);
  }

  /** The first idle GPUs of a cell. */
  #idleGpus(cell: number, count: number): number[] {
    const idle: number[] = [];
    const end = at(this.#first, cell) + this.#size(cell);
    for (let position = at(this.#first, cell); position < end && idle.length < count; position++) {
      if (at(this.#user, position) === NOBODY && !at(this.#isBad, position)) idle.push(at(this.gpus, position));
    }
    return idle;
  }

  /** No GPU in it is bad, and no cell in it is bound. */
  #isSound(cell: number): boolean {
    return at(this.#bad, cell) === 0 && at(this.#boundInside, cell) === 0;
  }

  /** The bound cell that is this one or around it; -1 = none. */
  #boundAround(cell: number): number {
    let around = cell;
    while (around !== -1 && this.#owner[around] === null) around = at(this.#parent, around);
    return around;
  }

  /** The cells of a level in a cell, itself included; none if it is of a lower level. */
  #partsOf(cell: number, level: number): readonly number[] {
    if (at(this.#level, cell) <= level) return at(this.#level, cell) === level ? [cell] : [];
    const children = this.#childrenOf(cell);
    return at(this.#level, cell) === level + 1 ? children : children.flatMap((child) => this.#partsOf(child, level));
  }

  #childrenOf(cell: number): readonly number[] {
    return at(this.#children, cell);
  }

  /** How many cells of a lower level are in one of a higher. */
  #cellsIn(level: number, lower: number): number {
    return this.#levelAt(level).gpus / this.#levelAt(lower).gpus;
  }

  #size(cell: number): number {
    return this.#levelAt(at(this.#level, cell)).gpus;
  }

  #levelAt(level: number): Level {
    return present(this.#levels[level], 'levels are known', `${level}`);
  }

  #cellsAt(level: number): readonly number[] {
    return present(this.#cellsOn[level], 'levels have cells', `${level}`);
  }

  #position(gpu: number): number {
    return present(this.#positionOf.get(gpu), 'a GPU is in one chain', `GPU ${gpu}`);
  }

  #account(queue: string): Account {
    const known = this.#accounts.get(queue);
    if (known) return known;
    const none = () => this.#levels.map(() => 0);
    const account: Account = {
      queue,
      promised: none(),
      bound: none(),
      open: none(),
      split: none(),
      missing: 0,
      cells: new Set(),
    };
    this.#accounts.set(queue, account);
    return account;
  }

  /** Makes one cell of nodes, a root, with all the cells in it. */
  #plant(nodes: readonly CellNode[]): void {
    const first = this.gpus.length;
    for (const { gpus } of nodes) {
      for (const { gpu } of gpus.toSorted((a, b) => (a.nvlinkGroup ?? 0) - (b.nvlinkGroup ?? 0))) {
        this.#positionOf.set(gpu, this.gpus.length);
        this.gpus.push(gpu);
        this.#user.push(NOBODY);
        this.#isBad.push(false);
        this.#cellAt.push(-1);
      }
    }
    const count = this.gpus.length - first;
    const level = this.#levels.findIndex(({ gpus }) => gpus === count);
    if (count > 0) this.#grow(level, first, -1);
  }

  #grow(level: number, first: number, parent: number): void {
    const cell = this.#level.length;
    this.#level.push(level);
    this.#parent.push(parent);
    this.#children.push([]);
    this.#children[parent]?.push(cell);
    this.#first.push(first);
    this.#rootNumber.push(parent === -1 ? this.#roots.length : -1);
    if (parent === -1) this.#roots.push(cell);
    for (const counts of [this.#bad, this.#boundInside, this.#used, this.#busy, this.#lent]) counts.push(0);
    this.#owner.push(null);
    this.#ownedByPromise.push(false);
    this.#boundTurn.push(0);
    this.#cellsOn[level]?.push(cell);
    this.#countFree(level, 1);
    if (level === 0) {
      this.#cellAt[first] = cell;
      return;
    }
    const below = this.#levelAt(level - 1).gpus;
    for (let part = 0; part < this.#levelAt(level).fanOut; part++) this.#grow(level - 1, first + part * below, cell);
  }
}

/** An element that is there. */
function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}

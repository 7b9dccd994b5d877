// Shape guarantees: a queue is promised whole cells ("4 × eight GPUs in one node"), not only counts. The idea is that of
// HiveD (Zhao et al., OSDI'20): cells, buddy allocation, sharing safety.
//
// Hardware. GPUs of one kind on nodes of one build form a chain: a forest of cells, in which a cell of one level consists
// of a fixed number of cells of the level below: GPUs, pairs and quads or NVLink groups, nodes, 2, 4, 8... nodes of a rack,
// 2, 4, 8... such racks of a block. A rack of five nodes has a cell of four and one of one. Roots may be of any level.
//
// Promises. A queue is owed so many cells of a level. When its guaranteed work first needs one, a physical cell is bound to
// the queue as a whole; when its last guaranteed task leaves, the cell is free again. So what a queue does inside its cells
// is seen by nobody, and a bound cell is as good as a machine of its own. Borrowed work may run anywhere, in bound cells
// too: it can be taken back, so it does not count.
//
// The invariant. A cell is free if no cell in it, of it or around it is bound and all its GPUs are sound. For every level:
//
//     surplus(level) = free cells of that level − cells of that level in all that is owed and not bound ≥ 0
//
// where an owed larger cell counts as all the cells of that level it consists of. This is enough, and not too much:
// a) If it holds, all that is owed can be bound at once. Take the largest first, any free cells: each takes as many free
//    cells of every lower level as it counted there, so the surplus of lower levels stays, and there are enough.
// b) Who is owed a cell of level k finds one that may be bound. Binding it changes no surplus at level k or below, since what
//    is free and what is owed fall alike; above k each free cell around it is lost. Let m ≥ k be the lowest level with a
//    free cell not inside a larger free one, and take the cell from there. Between k and m free cells are only inside those
//    of level m, so for k < j ≤ m:  (cells of k in one of j) × surplus(j) = surplus(k) + what is owed at levels k to j − 1,
//    counted in cells of k, which is at least the one cell that is owed: surplus(j) ≥ 1, one may be lost. Above m none is.
// c) Freeing a cell gives back at least what binding took, its GPUs being sound.
// Hence sharing safety: any sequence of guaranteed requests that a queue could run on private machines of the promised shape
// it can run here, whatever others do within their promises and whatever is borrowed. Guaranteed work beyond the promised
// cells (a count is guaranteed, not a shape) takes single GPUs while the surplus allows it at every level; by the argument
// of b) there is such a GPU as long as surplus(GPU) ≥ 1.
//
// Bad hardware may make the surplus negative. Then owed cells are split, the largest first, into owed cells of the level
// below, until the invariant holds; at the lowest level single GPUs are missing. What is split or missing is shown
// ({@link Cells.owed}) and put together again as soon as the surplus allows it.
import { invariant, present } from '../../common/assert.js';
import type { TopologyLevel } from '../model/records.js';

/** The GPUs of one kind on one node. */
export interface CellNode {
  readonly name: string;
  /** GPUs that are alike for every request: pool and model. */
  readonly kind: string;
  /** Empty = not known: it is in no cell with another node. */
  readonly rack: string;
  readonly block: string;
  readonly gpus: readonly CellGpu[];
}

export interface CellGpu {
  /** The caller's number of it, unlike all others in the cluster. */
  readonly gpu: number;
  readonly nvlinkGroup: number | null;
}

/** `count` cells of at least so many GPUs within one domain of a level. */
export interface PromisedCells {
  readonly queue: string;
  readonly count: number;
  readonly gpus: number;
  readonly level: TopologyLevel;
  /** Kinds of GPUs that will do. */
  readonly kinds: readonly string[];
}

/** What one task of guaranteed work asks for. */
export interface CellRequest {
  readonly queue: string;
  /** At least 1. */
  readonly gpus: number;
  /** All of them in one domain of this level. */
  readonly level: TopologyLevel;
  /** Kinds of GPUs that will do, the best first. */
  readonly kinds: readonly string[];
}

/** The cell by which a queue holds a GPU: so large, and promised or of the surplus. */
export interface CellUse {
  readonly gpus: number;
  readonly owed: boolean;
}

/** Room for a request in a cell. */
export interface CellRoom {
  /** All idle GPUs there, in order: at least as many as asked for. */
  readonly gpus: readonly number[];
  /** The cell to be bound for it; null = it is the queue's already. For {@link Cells.take}. */
  readonly opens: CellUse | null;
}

/** Where a request may go. */
export interface CellChoice {
  readonly gpus: readonly number[];
  /** The cell to be bound for it; null = it is in one that is bound already. For {@link Cells.take}. */
  readonly opens: CellUse | null;
}

/** How a queue's promise of one size stands. */
export interface CellDebt {
  readonly queue: string;
  readonly gpus: number;
  readonly level: TopologyLevel;
  readonly promised: number;
  /** In use by the queue. */
  readonly bound: number;
  /** Cells that cannot be had now because hardware is bad or was never there, bound ones with a bad GPU among them. */
  readonly impossible: number;
}

/** Guaranteed work beyond the promised cells holds its GPUs one by one. */
export const SURPLUS: CellUse = { gpus: 1, owed: false };

/** A promised cell, of whatever size fits best. */
export const ANY_OWED: CellUse = { gpus: 0, owed: true };

/** How far apart GPUs may be, the closest first. */
const CLOSENESS: readonly TopologyLevel[] = ['nvlink', 'node', 'rack', 'block'];

function isWithin(level: TopologyLevel, asked: TopologyLevel): boolean {
  return CLOSENESS.indexOf(level) <= CLOSENESS.indexOf(asked);
}

/** All cells of a cluster, and who is owed and holds them. */
export class Cells {
  readonly #chains: Chain[] = [];
  readonly #chainOf = new Map<number, Chain>();
  /** Promises for which no chain has such cells. */
  readonly #homeless: PromisedCells[] = [];
  /** Where the cells of each promise come from. */
  readonly #origins = new Map<PromisedCells, { readonly chain: Chain; readonly level: number; count: number }[]>();

  /**
   * A promise goes to the kinds of GPUs it names, to the smallest nodes that have such cells and room for them; large cells
   * choose first. Build it anew when nodes or promises change, then {@link adopt} what runs. Costs n log n for n GPUs.
   */
  constructor(nodes: readonly CellNode[], promises: readonly PromisedCells[]) {
    const equipped = nodes.filter((node) => node.gpus.length > 0);
    for (const build of groupBy(equipped, buildOf).values()) {
      const chain = new Chain(build);
      this.#chains.push(chain);
      for (const gpu of chain.gpus) this.#chainOf.set(gpu, chain);
    }
    this.#chains.sort((a, b) => a.gpusPerNode - b.gpusPerNode);
    for (const promise of promises.toSorted((a, b) => b.gpus - a.gpus)) this.#promise(promise);
    for (const chain of this.#chains) chain.settle();
  }

  /**
   * Whether one task may take these GPUs. Borrowed work may take any that are sound and not in guaranteed use; guaranteed
   * work may if it is in cells owed to the queue, or of the surplus, and every other promise can still be kept.
   * Costs GPUs × levels². Changes nothing.
   */
  mayTake(queue: string, gpus: readonly number[], as: 'guaranteed' | 'borrowed'): boolean {
    if (as === 'borrowed') return gpus.every((gpu) => this.#chain(gpu).isOpen(gpu));
    const undo = this.#cover(queue, gpus, null, 'safely');
    undo?.();
    return undo !== null;
  }

  /**
   * Gives GPUs to a guaranteed task, binding cells as needed. A release undoes it.
   * @param opens the cell to bind for it, as {@link choose} said; null = the smallest of those that cover the most of them
   * @param how `anyhow` = even if promises to others cannot be kept then; see {@link adopt}
   * @returns false when it may not; nothing has changed then
   */
  take(queue: string, gpus: readonly number[], opens: CellUse | null = null, how: How = 'safely'): boolean {
    if (this.#cover(queue, gpus, opens, how) === null) return false;
    for (const gpu of gpus) this.#chain(gpu).use(gpu, queue);
    return true;
  }

  /** Takes note of guaranteed tasks that run already, wherever they are; large ones first. What they break is owed. */
  adopt(tasks: readonly { readonly queue: string; readonly gpus: readonly number[] }[]): void {
    for (const { queue, gpus } of tasks.toSorted((a, b) => b.gpus.length - a.gpus.length)) {
      this.#cover(queue, gpus, null, 'anyhow');
      for (const gpu of gpus) this.#chain(gpu).use(gpu, queue);
    }
    for (const chain of this.#chains) chain.settle();
  }

  /**
   * Guaranteed work has left these GPUs. Cells it was the last in are free again. What bad GPUs in them make impossible is
   * not yet split, and what was split is not yet put together: {@link settle} does that, once nothing is to be undone.
   * @returns how to undo it, when all that came after it has been undone
   */
  release(gpus: readonly number[]): () => void {
    const undos = gpus.map((gpu) => this.#chain(gpu).leave(gpu));
    return () => {
      for (const undo of undos.toReversed()) undo();
    };
  }

  /** Splits what became impossible, and puts together what is possible again. Call after releases that are to last. */
  settle(): void {
    for (const chain of this.#chains) chain.settle();
  }

  /** By which cell guaranteed work of a queue holds a GPU; null = by none. */
  cellOf(gpu: number): CellUse | null {
    return this.#chain(gpu).cellUse(gpu);
  }

  /** Takes note of borrowed work on a GPU (by 1) or of its end (by −1). Costs the levels. */
  lend(gpu: number, by: 1 | -1): void {
    this.#chain(gpu).lend(gpu, by);
  }

  /** Takes note that a GPU is bad, or sound again. */
  setBad(gpu: number, bad: boolean): void {
    this.#chain(gpu).setBad(gpu, bad);
  }

  /**
   * Where a guaranteed task should go: into a cell of the queue, the fullest that fits; else into the smallest cell it is
   * owed, bound where the least of larger cells is lost and the fewest borrowed GPUs must be taken back; else on the
   * surplus. The choice inside a queue's cells depends on nothing outside of them.
   * Costs the queue's bound cells, else the levels.
   * @returns null when the queue has no right to such a place now
   */
  choose(request: CellRequest): CellChoice | null {
    const chains = this.#chainsFor(request.kinds);
    for (const chain of chains) {
      const gpus = chain.inOwnCells(request);
      if (gpus) return { gpus, opens: null };
    }
    for (const chain of chains) {
      const opened = chain.inOwedCell(request);
      if (opened) return opened;
    }
    for (const chain of chains) {
      const gpus = chain.onSurplus(request);
      if (gpus) return { gpus, opens: SURPLUS };
    }
    return null;
  }

  /** All GPUs, in order, of a cell that the queue is owed and may bind now: the smallest such that the request fits. */
  openCell(request: CellRequest): readonly number[] | null {
    for (const chain of this.#chainsFor(request.kinds)) {
      const cell = chain.owedCell(request);
      if (cell !== null) return chain.gpusOf(cell);
    }
    return null;
  }

  /**
   * All room for a request in cells that are the queue's, the fullest first, then in cells that it may bind, in the order
   * of {@link choose}. Of cells to be bound of one size any will do, so that the caller may prefer one; else the first is
   * to be taken, or the queue would not be where it would be on machines of its own.
   */
  *rooms(request: CellRequest): Generator<CellRoom> {
    const chains = this.#chainsFor(request.kinds);
    for (const chain of chains) yield* chain.ownRooms(request);
    for (const chain of chains) yield* chain.owedRooms(request);
  }

  /** All GPUs of the promised cells that a queue has in use. */
  *gpusOf(queue: string): Generator<number> {
    for (const chain of this.#chains) yield* chain.gpusBoundTo(queue);
  }

  /** GPUs in the smallest free cells first: where single GPUs are missed the least. Costs GPUs × levels. */
  fromTheBroken(gpus: readonly number[]): number[] {
    const sizes = new Map(gpus.map((gpu) => [gpu, this.#chain(gpu).freeAround(gpu)] as const));
    return gpus.toSorted((a, b) => (sizes.get(a) ?? 0) - (sizes.get(b) ?? 0));
  }

  /** Which of the bound cells is older: the one of the lower turn; 0 = it is in none. */
  turnOf(gpu: number): number {
    return this.#chain(gpu).turnOf(gpu);
  }

  /** How all promises stand, those for which there is no hardware at all included. */
  owed(): CellDebt[] {
    const missing = this.#homeless.map(({ queue, gpus, level, count }) => ({
      queue,
      gpus,
      level,
      promised: count,
      bound: 0,
      impossible: count,
    }));
    return [...this.#chains.flatMap((chain) => chain.debts()), ...missing];
  }

  /**
   * The same for one promise alone. Where a queue has several promises of equal cells, what is in use and what is impossible
   * counts for the first of them first.
   */
  owedFor(promise: PromisedCells): CellDebt[] {
    const { queue, gpus, level } = promise;
    if (this.#homeless.includes(promise)) {
      return [{ queue, gpus, level, promised: promise.count, bound: 0, impossible: promise.count }];
    }
    return (this.#origins.get(promise) ?? []).map((origin) => {
      let before = 0;
      for (const [other, origins] of this.#origins) {
        if (other === promise) break;
        if (other.queue !== queue) continue;
        for (const each of origins)
          if (each.chain === origin.chain && each.level === origin.level) before += each.count;
      }
      const debt = origin.chain
        .debts()
        .find((each) => each.queue === queue && each.gpus === origin.chain.sizeOf(origin.level));
      const part = (sum: number): number => Math.min(origin.count, Math.max(0, sum - before));
      return {
        queue,
        gpus,
        level,
        promised: origin.count,
        bound: part(debt?.bound ?? 0),
        impossible: part(debt?.impossible ?? 0),
      };
    });
  }

  /** For each chain, the surplus of cells of each level, GPUs first. Nothing below 0 once cells were split. */
  surplus(): number[][] {
    return this.#chains.map((chain) => chain.surplus());
  }

  /** Throws if any count differs from one made afresh. For tests. */
  check(): void {
    for (const chain of this.#chains) chain.check();
  }

  #promise(promise: PromisedCells): void {
    const { queue, count, gpus, level, kinds } = promise;
    const able = this.#chains.filter((chain) => kinds.includes(chain.kind) && chain.levelFor(gpus, level) !== null);
    const [first] = able;
    if (!first) {
      this.#homeless.push(promise);
      return;
    }
    for (let each = 0; each < count; each++) {
      const chain = able.find((roomy) => roomy.hasRoomFor(gpus, level)) ?? first;
      this.#noteOrigin(promise, chain, chain.promise(queue, gpus, level));
    }
  }

  #noteOrigin(promise: PromisedCells, chain: Chain, level: number): void {
    const origins = this.#origins.get(promise) ?? [];
    this.#origins.set(promise, origins);
    const known = origins.find((origin) => origin.chain === chain && origin.level === level);
    if (known) known.count++;
    else origins.push({ chain, level, count: 1 });
  }

  /**
   * Binds cells around GPUs as needed, so that each is in one of the queue's.
   * @returns how to undo it; null = it may not, and nothing has changed
   */
  #cover(queue: string, gpus: readonly number[], opens: CellUse | null, how: How): (() => void) | null {
    const undos: (() => void)[] = [];
    const undoAll = () => {
      for (const undo of undos.toReversed()) undo();
    };
    for (const [chain, here] of groupBy(gpus, (gpu) => this.#chain(gpu))) {
      const undo = chain.cover(queue, here, opens, how);
      if (undo === null) {
        undoAll();
        return null;
      }
      undos.push(undo);
    }
    return undoAll;
  }

  #chain(gpu: number): Chain {
    return present(this.#chainOf.get(gpu), 'every GPU is in a cell', `GPU ${gpu}`);
  }

  #chainsFor(kinds: readonly string[]): Chain[] {
    return kinds.flatMap((kind) => this.#chains.filter((chain) => chain.kind === kind));
  }
}

/** Whether a promise to others may be broken by it. */
type How = 'safely' | 'anyhow';

/** Nodes of one build have the same kind of GPUs, as many, in NVLink groups of the same size. */
function buildOf(node: CellNode): string {
  return `${node.gpus.length}/${groupSize(node)}/${node.kind}`;
}

/** The GPUs of a node's NVLink groups if all are alike, else 0. */
function groupSize({ gpus }: CellNode): number {
  const sizes = new Map<number, number>();
  for (const { nvlinkGroup } of gpus) {
    if (nvlinkGroup === null) return 0;
    sizes.set(nvlinkGroup, (sizes.get(nvlinkGroup) ?? 0) + 1);
  }
  const [first = 0, ...others] = sizes.values();
  return others.every((size) => size === first) ? first : 0;
}

/** One level of a chain. */
interface Level {
  readonly gpus: number;
  /** How close the GPUs of such a cell are. */
  readonly closeness: TopologyLevel;
  /** How many cells of the level below make one; 1 at the lowest. */
  readonly fanOut: number;
}

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
class Chain {
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

  /** See {@link Cells.take}. */
  cover(queue: string, gpus: readonly number[], opens: CellUse | null, how: How): (() => void) | null {
    if (how === 'safely' && !gpus.every((gpu) => this.isOpen(gpu))) return null;
    const account = this.#account(queue);
    const bound: number[] = [];
    const undo = () => {
      for (const cell of bound.toReversed()) this.#unbind(cell);
    };
    let left = gpus.map((gpu) => this.#position(gpu));
    for (;;) {
      left = left.filter((position) => this.#owner[this.#boundAround(at(this.#cellAt, position))] !== account);
      const [position] = left;
      if (position === undefined) return undo;
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

/**
 * The levels of a chain: single GPUs, 2, 4... of an NVLink group, the group, 2, 4... groups, the node, 2, 4... nodes of a
 * rack, 2, 4... of the largest such cells in a block. An odd factor comes last: six GPUs are three pairs.
 */
function levelsOf(gpusPerNode: number, gpusPerGroup: number, mostNodes: number, mostRacks: number): Level[] {
  const levels: Level[] = [{ gpus: 1, closeness: 'nvlink', fanOut: 1 }];
  const climb = (factor: number, closeness: TopologyLevel) => {
    const base = levels.at(-1)?.gpus ?? 1;
    let reached = 1;
    while (factor % (reached * 2) === 0) {
      reached *= 2;
      levels.push({ gpus: base * reached, closeness, fanOut: 2 });
    }
    if (reached < factor) levels.push({ gpus: base * factor, closeness, fanOut: factor / reached });
  };
  if (gpusPerGroup > 0) climb(gpusPerGroup, 'nvlink');
  climb(gpusPerGroup > 0 ? gpusPerNode / gpusPerGroup : gpusPerNode, 'node');
  climb(mostNodes, 'rack');
  climb(mostRacks, 'block');
  return levels;
}

/** Cuts a list into runs of the largest power of two that fits, at most `most`. */
function inPowersOfTwo<T>(list: readonly T[], most: number): T[][] {
  const runs: T[][] = [];
  for (let from = 0; from < list.length;) {
    const count = Math.min(most, largestPowerOfTwo(list.length - from));
    runs.push(list.slice(from, from + count));
    from += count;
  }
  return runs;
}

function largestPowerOfTwo(most: number): number {
  return 2 ** Math.floor(Math.log2(most));
}

/** A node that stands in no known rack is a rack of its own. */
function rackOf({ name, rack, block }: CellNode): string {
  return rack === '' ? `node/${name}` : `rack/${block}/${rack}`;
}

function blockOf(node: CellNode): string {
  return node.block === '' ? rackOf(node) : `block/${node.block}`;
}

function groupBy<T, K>(list: readonly T[], keyOf: (each: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const each of list) {
    const key = keyOf(each);
    const group = groups.get(key);
    if (group) group.push(each);
    else groups.set(key, [each]);
  }
  return groups;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** An element that is there. */
function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}

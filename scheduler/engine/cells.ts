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
// Chains. A cell that is owed comes from one chain. Where two chains have cells that are made alike, two queues that are owed one
// each, in different chains, may exchange them before they are bound: no count changes, so the invariant stays.
//
// Bad hardware may make the surplus negative. Then owed cells are split, the largest first, into owed cells of the level
// below, until the invariant holds; at the lowest level single GPUs are missing. What is split or missing is shown
// ({@link Cells.owed}) and put together again as soon as the surplus allows it.
import { present } from '../../common/assert.js';
import { Chain, type How } from './cell-chain.js';
import { buildOf, groupBy } from './cell-levels.js';
import {
  type CellChoice,
  type CellDebt,
  type CellNode,
  type CellRequest,
  type CellRoom,
  type CellUse,
  type PromisedCells,
  SURPLUS,
} from './cell-words.js';

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
    for (const chain of chains) yield* this.#roomsByExchange(chain, request);
  }

  /** Where it would be owed a cell by exchange. */
  *#roomsByExchange(chain: Chain, request: CellRequest): Generator<CellRoom> {
    for (const gpus of chain.sizes) {
      const undo = gpus < request.gpus ? null : this.#exchange(request.queue, chain, gpus);
      if (undo === null) continue;
      const rooms = [...chain.owedRooms(request)];
      undo();
      yield* rooms.filter(({ opens }) => opens?.gpus === gpus);
    }
  }

  /**
   * A queue that is owed a cell in another chain, and none here, is owed one here, and who was is owed that one: where cells
   * are alike nobody sees the difference, and every surplus is what it was. So a queue whose own work has borrowed the place
   * of its cell, which it cannot take from itself, has another one as long as there is any.
   * @returns how to undo it; null = nobody to exchange with
   */
  #exchange(queue: string, here: Chain, gpus: number): (() => void) | null {
    const [creditor, ...others] = here.creditors(gpus);
    if (creditor === undefined || creditor === queue || others.includes(queue)) return null;
    for (const there of this.#chains) {
      if (!here.isAlikeUpTo(gpus, there) || ![...there.creditors(gpus)].includes(queue)) continue;
      const swap = (one: string, other: string): void => {
        here.passOn(gpus, one, other);
        there.passOn(gpus, other, one);
        this.#moveOrigin(one, here, there, gpus);
        this.#moveOrigin(other, there, here, gpus);
      };
      swap(creditor, queue);
      return () => swap(queue, creditor);
    }
    return null;
  }

  #moveOrigin(queue: string, from: Chain, to: Chain, gpus: number): void {
    for (const [promise, origins] of this.#origins) {
      const origin = origins.find((each) => each.chain === from && from.sizeOf(each.level) === gpus && each.count > 0);
      if (promise.queue !== queue || origin === undefined) continue;
      origin.count--;
      this.#noteOrigin(promise, to, origin.level);
      return;
    }
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
      const undo = chain.cover(queue, here, opens, how) ?? this.#coverByExchange(chain, queue, here, opens);
      if (undo === null) {
        undoAll();
        return null;
      }
      undos.push(undo);
    }
    return undoAll;
  }

  #coverByExchange(chain: Chain, queue: string, gpus: readonly number[], opens: CellUse | null): (() => void) | null {
    if (opens?.owed !== true) return null;
    for (const size of chain.sizes) {
      const isWanted = opens.gpus === 0 ? size >= gpus.length : size === opens.gpus;
      const undoExchange = isWanted ? this.#exchange(queue, chain, size) : null;
      if (undoExchange === null) continue;
      const undo = chain.cover(queue, gpus, opens, 'safely');
      if (undo !== null) {
        return () => {
          undo();
          undoExchange();
        };
      }
      undoExchange();
    }
    return null;
  }

  #chain(gpu: number): Chain {
    return present(this.#chainOf.get(gpu), 'every GPU is in a cell', `GPU ${gpu}`);
  }

  #chainsFor(kinds: readonly string[]): Chain[] {
    return kinds.flatMap((kind) => this.#chains.filter((chain) => chain.kind === kind));
  }
}

// Parts of the cluster (the GPUs of a pool, of a model, or of a model in a pool) of which queues are guaranteed GPUs or may
// hold only so many. Every queue has an account for every part that any queue names, beside its account of the whole; a GPU
// counts in each part that it is in. Where no queue names a part there are no accounts, and nothing of this costs anything.
import { largestApart } from '../model/apart.js';
import { matchesModel } from '../model/gpu-model.js';
import type { Queue } from '../model/records.js';
import { GPU_PARTS, toParts } from '../model/requests.js';
import { at, GPU } from './amounts.js';
import { type Ask, partsIn } from './asks.js';
import type { BankClass, NodeTable, Slot } from './nodes.js';
import type { Account, QueueNode } from './queues.js';
import type { Shape } from './shapes.js';

/** A part of the cluster that some queue names. */
export interface Scope {
  /** Where it stands among all of them. */
  readonly index: number;
  /** Empty = any; pool and model are not both empty. */
  readonly pool: string;
  /** Words that the GPU's model must have; empty = any. */
  readonly model: string;
}

/** What a queue, with all below it, has and may have of one part. In GPU parts. */
export interface ScopeAccount {
  readonly scope: Scope;
  guarantee: number;
  /** Infinity = none. */
  limit: number;
  /** As the sums of the same names in `QueueNode`. */
  held: number;
  heldFixed: number;
  leaving: number;
  leavingFixed: number;
  claimed: number;
  claimedFixed: number;
  charged: number;
  /** Asked for by work, running or not, that could go there, and by work that can go nowhere else. */
  demand: number;
  boundDemand: number;
  /** The same with all below it, cut to the limits. */
  requestable: number;
  boundRequestable: number;
  /** By the last division. */
  fairShare: number;
  /** min(limit, max(guarantee, fair share)). */
  allocatableShare: number;
}

/** What an account counts of tasks. */
export type Counted = 'held' | 'leaving' | 'claimed';

/** What one ask, or one workload, wants of a part. */
interface Want {
  readonly scope: Scope;
  /** The most and the least that it may turn out to be: a share given as memory depends on its GPU. */
  readonly parts: number;
  readonly leastParts: number;
  /** It can go nowhere else. */
  readonly isBound: boolean;
}

/** What a shape wants of a part of the cluster if all its GPUs are of it. */
export interface ShapeWant {
  readonly scope: Scope;
  readonly parts: number;
  /** It can go nowhere else. */
  readonly isBound: boolean;
}

export const NO_SHAPE_WANTS: readonly ShapeWant[] = [];
export const NO_SCOPES: readonly Scope[] = [];
const NO_ACCOUNTS: readonly ScopeAccount[] = [];
const NO_WANTS: readonly Want[] = [];

/** All parts that queues name, and which GPUs are in them. */
export class Scopes {
  all: readonly Scope[] = NO_SCOPES;
  /** Something changed that no single sum can follow: everything is to be counted anew. */
  isStale = false;
  /** Numbers the states of `all`, so that classes know whether what they know is current. */
  #stamp = 0;
  #classesStamp = -1;
  readonly #nodes: NodeTable;
  #members: readonly (readonly BankClass[])[] = [];
  /** Which parts share GPUs, by index. */
  #overlaps: readonly (readonly boolean[])[] = [];
  #wants = new WeakMap<Ask, readonly Want[]>();
  #shapeWants = new WeakMap<Shape, readonly ShapeWant[]>();
  readonly #demands = new Map<object, readonly Want[]>();

  constructor(nodes: NodeTable) {
    this.#nodes = nodes;
  }

  /** Whether no queue names a part. */
  get isNone(): boolean {
    return this.all.length === 0;
  }

  /** Whether everything has to be counted anew before it is read. */
  get needsRecount(): boolean {
    return this.isStale || (this.all.length > 0 && this.#classesStamp !== this.#nodes.classesStamp);
  }

  /** Takes over which parts queues name, and gives every queue its accounts, with nothing counted. */
  reset(queues: Iterable<QueueNode>, root: QueueNode): void {
    const every = [...queues];
    const named = new Map<string, Pick<Scope, 'pool' | 'model'>>();
    for (const { record } of every) {
      for (const { pool, model } of record?.scopes ?? [])
        named.set(keyOf(pool, model), { pool, model: model.toLowerCase() });
    }
    // In an order that does not depend on which queue came first.
    const inOrder = [...named].sort(([a], [b]) => (a < b ? -1 : 1));
    const found = inOrder.map(([, part], index): Scope => ({ ...part, index }));
    this.all = found;
    this.isStale = false;
    this.#stamp++;
    this.#classesStamp = this.#nodes.classesStamp;
    this.#members = found.map((scope) => this.#nodes.classes.filter((bankClass) => covers(scope, bankClass)));
    this.#overlaps = this.#members.map((own) => this.#members.map((other) => own.some((one) => other.includes(one))));
    this.#wants = new WeakMap();
    this.#shapeWants = new WeakMap();
    this.#demands.clear();
    root.scopes = this.accountsOf(null);
    for (const queue of every) {
      queue.scopes = this.accountsOf(queue.record);
      queue.entitled = 0;
      queue.beyondLimits = 0;
      queue.promised = Math.max(
        at(queue.guarantee, GPU),
        this.sumApart(queue.scopes.map(({ guarantee }) => guarantee)),
      );
    }
  }

  /** The accounts of a queue with such a record, with nothing counted. */
  accountsOf(record: Queue | null): readonly ScopeAccount[] {
    if (this.all.length === 0) return NO_ACCOUNTS;
    return this.all.map((scope) => {
      const own = record?.scopes.find(({ pool, model }) => isNamed(scope, pool, model));
      const limitGpus = own?.limitGpus ?? null;
      return newAccount(scope, toParts(own?.guaranteeGpus ?? 0), limitGpus === null ? Infinity : toParts(limitGpus));
    });
  }

  /** The parts that GPUs of a class are in. */
  of(bankClass: BankClass): readonly Scope[] {
    if (this.all.length === 0) return NO_SCOPES;
    if (bankClass.scopesStamp !== this.#stamp) {
      bankClass.scopesStamp = this.#stamp;
      bankClass.scopes = this.all.filter((scope) => covers(scope, bankClass));
    }
    return bankClass.scopes;
  }

  has(scope: Scope, bankClass: BankClass): boolean {
    return this.of(bankClass).includes(scope);
  }

  /** Whether the last division saw other amounts than there are now. */
  hasOtherCapacity(root: QueueNode): boolean {
    return root.scopes.some(({ scope, fairShare }) => fairShare !== this.capacityOf(scope));
  }

  /** GPU parts of a part of the cluster that fair shares divide: usable, or in use. */
  capacityOf(scope: Scope): number {
    return (this.#members[scope.index] ?? []).reduce((sum, { capacityParts }) => sum + capacityParts, 0);
  }

  /** Counts what tasks have of slots, for their queue and all above it. Cost without parts: one comparison. */
  count(
    account: Account,
    hold: { readonly slots: readonly Slot[]; readonly parts: number },
    what: Counted,
    sign: 1 | -1,
  ): void {
    if (this.all.length > 0) this.#count(account, hold.slots, hold.parts, what, sign);
  }

  #count(
    { queue, preemptible }: Account,
    slots: readonly Slot[],
    partsOfSlot: number,
    what: Counted,
    sign: 1 | -1,
  ): void {
    for (const { bank } of slots) {
      const parts = sign * partsOnSlot(bank.bankClass, partsOfSlot);
      for (const { index } of this.of(bank.bankClass)) {
        for (let each: QueueNode | null = queue; each !== null; each = each.parent) {
          const own = each.scopes[index];
          if (own !== undefined) change(own, what, parts, preemptible);
        }
      }
    }
  }

  /** Sets what a workload asks for in all: nothing of it, or its core and how many more of which role. */
  setDemand(
    key: object,
    queue: QueueNode | null,
    asks: readonly { readonly ask: Ask; readonly count: number }[],
  ): void {
    if (this.all.length === 0) return;
    const before = this.#demands.get(key);
    if (before !== undefined) addDemand(queue, before, -1);
    const wants = asks.flatMap(({ ask, count }) =>
      this.wantsOf(ask).map((want) => ({ ...want, parts: want.parts * count })),
    );
    if (wants.length === 0) {
      this.#demands.delete(key);
      return;
    }
    this.#demands.set(key, wants);
    addDemand(queue, wants, 1);
  }

  /** What one task wants of each part where it could go. */
  wantsOf(ask: Ask): readonly Want[] {
    if (this.all.length === 0 || ask.unit === 'none') return NO_WANTS;
    let found = this.#wants.get(ask);
    if (found === undefined) {
      found = this.all.flatMap((scope): Want[] => {
        const inside = ask.classes.filter((bankClass) => this.has(scope, bankClass));
        if (inside.length === 0) return [];
        const charges = inside.map((bankClass) => chargeIn(ask, bankClass));
        const isBound = inside.length === ask.classes.length;
        return [{ scope, parts: Math.max(...charges), leastParts: Math.min(...charges), isBound }];
      });
      this.#wants.set(ask, found);
    }
    return found;
  }

  /** The parts in which all GPUs of a shape could be; those of a pool and a model before larger ones. */
  wantsOfShape(shape: Shape): readonly ShapeWant[] {
    if (this.all.length === 0) return NO_SHAPE_WANTS;
    let found = this.#shapeWants.get(shape);
    if (found === undefined) {
      found = this.all
        .filter((scope) => this.#mayBeIn(shape, scope))
        .map((scope) => ({ scope, parts: this.partsOf(shape, scope), isBound: this.#isBound(shape, scope) }))
        .sort((a, b) => breadth(a.scope) - breadth(b.scope) || a.scope.index - b.scope.index);
      this.#shapeWants.set(shape, found);
    }
    return found;
  }

  #isBound({ parts }: Shape, scope: Scope): boolean {
    return parts.every(({ ask }) => ask.unit === 'none' || this.#wantOf(ask, scope)?.isBound === true);
  }

  /** GPU parts that a shape wants of a part if all of it goes there that could. */
  partsOf({ parts }: Shape, scope: Scope): number {
    return parts.reduce((sum, { ask, count }) => sum + (this.#wantOf(ask, scope)?.parts ?? 0) * count, 0);
  }

  /** The least that a shape takes of a part wherever it goes. */
  boundPartsOf({ parts }: Shape, scope: Scope): number {
    return parts.reduce((sum, { ask, count }) => {
      const want = this.#wantOf(ask, scope);
      return want?.isBound === true ? sum + want.leastParts * count : sum;
    }, 0);
  }

  /** GPU parts that places have of a part. */
  partsOfPlaces(places: readonly { readonly slots: readonly Slot[]; readonly parts: number }[], scope: Scope): number {
    let sum = 0;
    for (const { slots, parts } of places) {
      for (const { bank } of slots) if (this.has(scope, bank.bankClass)) sum += partsOnSlot(bank.bankClass, parts);
    }
    return sum;
  }

  #wantOf(ask: Ask, scope: Scope): Want | null {
    return this.wantsOf(ask).find((each) => each.scope === scope) ?? null;
  }

  #mayBeIn(shape: Shape, scope: Scope): boolean {
    let any = false;
    for (const { ask } of shape.parts) {
      if (ask.unit === 'none') continue;
      if (this.#wantOf(ask, scope) === null) return false;
      any = true;
    }
    return any;
  }

  /**
   * The largest sum of amounts of parts that have no GPU in common. What is guaranteed of parts that overlap is one
   * guarantee, since one GPU meets both.
   * @param amounts by the parts' indexes
   */
  sumApart(amounts: readonly number[]): number {
    return largestApart(amounts, (a, b) => this.#overlaps[a]?.[b] === true).sum;
  }
}

function breadth({ pool, model }: Scope): number {
  return Number(pool === '') + Number(model === '');
}

/** Whether that is what a queue calls the part. */
export function isNamed(scope: Scope, pool: string, model: string): boolean {
  return keyOf(scope.pool, scope.model) === keyOf(pool, model);
}

function keyOf(pool: string, model: string): string {
  return `${pool}\n${model.toLowerCase()}`;
}

function covers({ pool, model }: Scope, bankClass: BankClass): boolean {
  return (pool === '' || pool === bankClass.pool) && matchesModel(bankClass.model, model);
}

function newAccount(scope: Scope, guarantee: number, limit: number): ScopeAccount {
  return {
    scope,
    guarantee,
    limit,
    held: 0,
    heldFixed: 0,
    leaving: 0,
    leavingFixed: 0,
    claimed: 0,
    claimedFixed: 0,
    charged: 0,
    demand: 0,
    boundDemand: 0,
    requestable: 0,
    boundRequestable: 0,
    fairShare: 0,
    allocatableShare: 0,
  };
}

function change(account: ScopeAccount, what: Counted, parts: number, preemptible: boolean): void {
  account[what] += parts;
  account.charged += what === 'leaving' ? -parts : parts;
  if (!preemptible) account[`${what}Fixed`] += parts;
}

function addDemand(queue: QueueNode | null, wants: readonly Want[], sign: 1 | -1): void {
  for (let each = queue; each !== null; each = each.parent) {
    for (const { scope, parts, isBound } of wants) {
      const account = each.scopes[scope.index];
      if (account === undefined) continue;
      account.demand += sign * parts;
      if (isBound) account.boundDemand += sign * parts;
    }
  }
}

/** What a task that has so many parts of a slot is charged with for it. */
function partsOnSlot({ partsPerSlot }: BankClass, parts: number): number {
  return partsPerSlot === GPU_PARTS ? parts : partsPerSlot;
}

/** What one task is charged with on GPUs of a class. */
export function chargeIn(ask: Ask, bankClass: BankClass): number {
  return ask.gpus * partsOnSlot(bankClass, partsIn(ask, bankClass));
}

/** `in pool big`, `of model h100`, `of model h100 in pool big`. */
export function sayScope({ pool, model }: Pick<Scope, 'pool' | 'model'>): string {
  const where = pool === '' ? '' : `in pool ${pool}`;
  return model === '' ? where : `of model ${model}${where === '' ? '' : ` ${where}`}`;
}

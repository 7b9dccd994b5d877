// How many tasks may go onto GPUs of a class, as far as parts of the cluster decide (scopes.ts): the limits that queues have
// there; and for work that is not preemptible the guarantees, its own and those of others, whom it must leave what they are
// promised. Reads the accounts as they stand, so what a trial has taken counts at once. Cost: parts of the class times depth
// of the tree, for work that is not preemptible a pass over the queues.
import { at, GPU } from './amounts.js';
import type { Ask } from './asks.js';
import type { BankClass } from './nodes.js';
import { type Account, type Counting, isPromisedMore, type QueueNode, type Stop } from './queues.js';
import { chargeIn, type Scope, type ScopeAccount, type Scopes } from './scopes.js';
import type { Shape } from './shapes.js';

/** What is left there, and what it is that leaves no more. */
interface Room {
  readonly parts: number;
  readonly stop: Stop | null;
}

/** GPU parts chosen before that no account counts yet: in all, and of parts of the cluster. */
interface Taken {
  readonly all: number;
  readonly of: ReadonlyMap<Scope, number>;
}

const NOTHING_TAKEN: ReadonlyMap<Scope, number> = new Map();
const NONE_TAKEN: Taken = { all: 0, of: NOTHING_TAKEN };

function withTaken({ all, of }: Taken, scopes: readonly Scope[], parts: number): Taken {
  return {
    all: all + parts,
    of: new Map([...of, ...scopes.map((scope) => [scope, (of.get(scope) ?? 0) + parts] as const)]),
  };
}

const ENDLESS: Room = { parts: Infinity, stop: null };

/** What an account counts: see `findStop`. */
function countOf(account: ScopeAccount, counting: Counting): number {
  const { held, leaving, claimed } = account;
  if (counting === 'bind') return held + claimed;
  const later = held - leaving + claimed;
  return counting === 'promise' ? later : Math.max(held, later);
}

function fixedOf(account: ScopeAccount, counting: Counting): number {
  const { heldFixed, leavingFixed, claimedFixed } = account;
  if (counting === 'bind') return heldFixed + claimedFixed;
  const later = heldFixed - leavingFixed + claimedFixed;
  return counting === 'promise' ? later : Math.max(heldFixed, later);
}

/** The parts of the cluster seen by whoever places something for an account. */
export class ScopeRoom {
  readonly #scopes: Scopes;
  readonly #root: QueueNode;
  readonly #account: Account;
  readonly #counting: Counting;

  constructor(scopes: Scopes, root: QueueNode, account: Account, counting: Counting) {
    this.#scopes = scopes;
    this.#root = root;
    this.#account = account;
    this.#counting = counting;
  }

  /** Whether it leaves room without end everywhere. */
  get isEndless(): boolean {
    for (let queue = this.#account.queue; queue !== null && queue.parent !== null; queue = queue.parent) {
      if (queue.scopes.some(({ limit }) => limit !== Infinity)) return false;
    }
    return this.#account.preemptible;
  }

  /** How many tasks may go onto GPUs of a class. @param chosen GPU parts of tasks chosen before, charged to nobody's whole yet */
  tasks(ask: Ask, bankClass: BankClass, chosen: number): number {
    const each = chargeIn(ask, bankClass);
    const { parts } = this.#roomIn(bankClass, { all: chosen, of: NOTHING_TAKEN });
    return parts === Infinity ? Infinity : Math.max(0, Math.floor(parts / each));
  }

  /** What stops a shape wherever it may go; null = nothing that does not depend on where. */
  findStop(shape: Shape): Stop | null {
    for (const { ask, count } of shape.parts) {
      if (ask.unit === 'none' || ask.classes.length === 0) continue;
      // Classes of the same parts leave the same room, so that each kind counts once.
      const known = new Set<readonly Scope[]>();
      let tasks = 0;
      let stop: Stop | null = null;
      for (const bankClass of ask.classes) {
        const scopes = this.#scopes.of(bankClass);
        if ([...known].some((other) => sameScopes(other, scopes))) continue;
        known.add(scopes);
        const room = this.#roomIn(bankClass, NONE_TAKEN);
        stop ??= room.stop;
        tasks += room.parts === Infinity ? Infinity : Math.max(0, Math.floor(room.parts / chargeIn(ask, bankClass)));
        if (tasks >= count) break;
      }
      if (tasks < count) return stop;
    }
    return this.#findLimit((scope) => this.#scopes.boundPartsOf(shape, scope));
  }

  /** What keeps a shape from GPUs that are free and would do; null = nothing, or there are too few of them. */
  findStopOnFree({ parts }: Shape): Stop | null {
    for (const { ask, count } of parts) {
      if (ask.unit === 'none') continue;
      // What goes onto one class is taken from the room in others of the same parts.
      let taken = NONE_TAKEN;
      let tasks = 0;
      let stop: Stop | null = null;
      for (const bankClass of ask.classes) {
        const free = ask.unit === 'share' ? count : bankClass.free.counts.portions(ask.gpus, count - tasks);
        const room = this.#roomIn(bankClass, taken);
        const each = chargeIn(ask, bankClass);
        const allowed = Math.max(0, Math.floor(room.parts / each));
        if (allowed < free) stop ??= room.stop;
        const here = Math.min(free, allowed, count - tasks);
        tasks += here;
        taken = withTaken(taken, this.#scopes.of(bankClass), here * each);
      }
      if (tasks < count && stop !== null) return stop;
    }
    return null;
  }

  /** What stops so many GPU parts of each part. */
  findStopOf(partsIn: (scope: Scope) => number): Stop | null {
    return this.#findLimit(partsIn);
  }

  #findLimit(partsIn: (scope: Scope) => number): Stop | null {
    for (let queue = this.#account.queue; queue !== null && queue.parent !== null; queue = queue.parent) {
      for (const account of queue.scopes) {
        if (account.limit === Infinity) continue;
        const asked = partsIn(account.scope);
        if (asked > 0 && countOf(account, this.#counting) + asked > account.limit) {
          return { kind: 'limit', at: queue, resource: GPU, scope: account.scope };
        }
      }
    }
    return null;
  }

  #roomIn(bankClass: BankClass, taken: Taken): Room {
    let room = ENDLESS;
    const narrow = (parts: number, kind: 'limit' | 'guarantee', queue: QueueNode, scope: Scope | null): void => {
      if (parts < room.parts) room = { parts, stop: { kind, at: queue, resource: GPU, scope } };
    };
    const scopes = this.#scopes.of(bankClass);
    for (let queue = this.#account.queue; queue !== null && queue.parent !== null; queue = queue.parent) {
      for (const { index } of scopes) {
        const account = queue.scopes[index];
        if (account === undefined || account.limit === Infinity) continue;
        const left = account.limit - countOf(account, this.#counting) - (taken.of.get(account.scope) ?? 0);
        narrow(left, 'limit', queue, account.scope);
      }
      if (this.#account.preemptible) continue;
      if (isPromisedMore(queue)) narrow(this.#ownPromise(queue, scopes, taken.all), 'guarantee', queue, null);
    }
    if (this.#account.preemptible || this.#account.queue === null) return room;
    for (const scope of scopes) {
      const left = this.unpromised(scope, this.#account.queue) - (taken.of.get(scope) ?? 0);
      narrow(left, 'guarantee', this.#account.queue, scope);
    }
    return room;
  }

  /**
   * A queue with guarantees of parts beyond its guarantee of the whole: what it has of these parts, up to the guarantees,
   * counts for them, the rest for the whole.
   */
  #ownPromise(queue: QueueNode, scopes: readonly Scope[], chosen: number): number {
    const counted = { held: queue.heldFixed, leaving: queue.leavingFixed, claimed: queue.claimedFixed };
    const [held, leaving, claimed] = [at(counted.held, GPU), at(counted.leaving, GPU), at(counted.claimed, GPU)];
    const later = held - leaving + claimed;
    const fixed =
      chosen +
      (this.#counting === 'bind' ? held + claimed : this.#counting === 'promise' ? later : Math.max(held, later));
    const used = queue.scopes.map((account) => Math.min(account.guarantee, fixedOf(account, this.#counting)));
    const free = queue.scopes.map((account) => account.guarantee - (used[account.scope.index] ?? 0));
    const mostFree = Math.max(0, ...scopes.map(({ index }) => free[index] ?? 0));
    return at(queue.guarantee, GPU) - (fixed - this.#scopes.sumApart(used)) + mostFree;
  }

  /**
   * GPU parts of a part that a queue may take for good so that whoever is guaranteed GPUs of it can still have them; Infinity
   * = nobody is guaranteed any.
   */
  unpromised(scope: Scope, queue: QueueNode): number {
    const isPromised = this.#root.children.some((child) => (child.scopes[scope.index]?.guarantee ?? 0) > 0);
    if (!isPromised) return Infinity;
    let slack = 0;
    for (let each = queue; each.parent !== null; each = each.parent) {
      const guarantee = each.scopes[scope.index]?.guarantee ?? 0;
      slack += Math.max(0, guarantee - this.#neededBelow(each, scope));
    }
    return slack + Math.max(0, this.#scopes.capacityOf(scope) - this.#neededBelow(this.#root, scope));
  }

  /** What a queue needs of a part so that all below it have what they hold for good and what they are guaranteed. */
  #neededBelow(queue: QueueNode, { index }: Scope): number {
    const own = queue.scopes[index];
    let needed = own === undefined ? 0 : fixedOf(own, this.#counting);
    for (const child of queue.children) {
      const account = child.scopes[index];
      if (account === undefined || account.guarantee + fixedOf(account, this.#counting) === 0) continue;
      needed += Math.max(account.guarantee, this.#neededBelow(child, account.scope)) - fixedOf(account, this.#counting);
    }
    return needed;
  }
}

function sameScopes(a: readonly Scope[], b: readonly Scope[]): boolean {
  return a.length === b.length && a.every((scope, index) => scope === b[index]);
}

// Laws of victims: who may be told to give, when, and for whom.
import type { Decision, Evict } from '../../../scheduler/engine/decisions.js';
import type { Allocation, Queue, Role, Workload } from '../../../scheduler/model/records.js';
import { migParts, PARTS_PER_MILLI } from '../../../scheduler/model/requests.js';
import { type Amounts, eachResource, plus, sum, within } from '../../reference/amounts.js';
import { isSame, type Part, type Parts } from '../../reference/parts.js';
import type { Watcher, World } from '../world.js';
import { COUNTS_ONLY, demand, EVERY_FLAVOUR, type WatchedLaw } from './law.js';
import { exceedsPart, isOwedPart, partsIn } from './part-figures.js';
import { pathOf } from './holders.js';
import { exceeds, guaranteeOf, Ledger, limitOf, say } from './ledger.js';

function onEviction(check: (world: World, evict: Evict) => void): () => Watcher {
  return () => ({
    beforeDecision: (world: World, decision: Decision) => {
      if (decision.type === 'evict') check(world, decision);
    },
  });
}

export const legalVictims: WatchedLaw = {
  name: 'legal-victims',
  says: 'only preemptible work that runs is evicted, whole or in surplus tasks; between queues for another queue, inside one for higher priority',
  of: EVERY_FLAVOUR,
  watch: onEviction((world, evict) => {
    const victim = workloadOf(world, evict.workload);
    const { number, spec, state } = victim;
    demand(state === 'starting' || state === 'running', () => `${number} is evicted though it is ${state}`);
    const named = allocationsOf(world, evict);
    demand(
      named.length === evict.allocations.length && named.length > 0,
      () => `${number}: not all that is evicted is its own`,
    );
    demand(
      named.every((one) => one.state === 'placed' || one.state === 'running'),
      () => `${number}: what leaves already is evicted again`,
    );
    if (evict.reason === 'gang_ended') return;
    demand(spec.preemptible, () => `${number} is not preemptible`);
    demand(evict.forWorkload !== null, () => `${number} is evicted for nobody`);
    const taker = workloadOf(world, evict.forWorkload);
    demand(taker.number !== number, () => `${number} is evicted for itself`);
    const isOwn = taker.spec.queue === spec.queue;
    switch (evict.reason) {
      case 'reclaimed':
        return demand(!isOwn, () => `${number} is reclaimed for its own queue`);
      case 'preempted':
        demand(isOwn, () => `${number} is preempted for another queue`);
        return demand(
          spec.priority < taker.spec.priority,
          () => `${number} has not less priority than ${taker.number}`,
        );
      case 'moved':
    }
  }),
};

export const nothingBelowGuarantee: WatchedLaw = {
  name: 'keeps-guarantee',
  says: 'a queue at or below its guarantee gives nothing to another queue, not even a move, but to one that is guaranteed GPUs of that part of the cluster',
  of: COUNTS_ONLY,
  watch: onEviction((world, evict) => {
    if (evict.reason === 'gang_ended' || evict.forWorkload === null) return;
    const taker = workloadOf(world, evict.forWorkload);
    const victim = workloadOf(world, evict.workload);
    if (taker.spec.queue === victim.spec.queue) return;
    const ledger = new Ledger(world);
    for (const queue of giversOf(world, taker, victim)) {
      const keeps = ledger.later(queue);
      const guarantee = guaranteeOf(queue);
      // Whoever is guaranteed GPUs of a kind goes before whoever is guaranteed a number.
      const takers = giversOf(world, victim, taker);
      demand(
        exceeds(keeps, guarantee) || isOwedPart(world, evict, { taker, takers, giver: queue }),
        () =>
          `${evict.reason} ${victim.number} for ${taker.number}: ${queue.name} has ${say(keeps)}, guaranteed ${say(guarantee)}`,
      );
    }
  }),
};

/** The victim's queue and all above it that are not above the taker's. */
function giversOf(world: World, taker: Workload, victim: Workload): readonly Queue[] {
  const shared = new Set(pathOf(world, taker).map(({ name }) => name));
  return pathOf(world, victim).filter(({ name }) => !shared.has(name));
}

export const fairVictims: WatchedLaw = {
  name: 'fair-victims',
  says: 'before each victim of a reclaim its side holds more than its fair share, or more than its guarantee while the taker stays within its own: of all GPUs, or of a part of the cluster',
  of: COUNTS_ONLY,
  watch: () => {
    let shares: ReadonlyMap<string, Amounts> = new Map();
    let parts: Parts = { all: [], totals: [], overlap: () => false };
    let sharesOfParts: ReadonlyMap<string, readonly number[]> = new Map();
    let taking: { for: Workload; request: Amounts } | null = null;
    return {
      beforeStep: (world) => {
        const ledger = new Ledger(world);
        shares = ledger.fairShares();
        parts = partsIn(world);
        sharesOfParts = ledger.fairSharesOfParts(parts);
        taking = null;
      },
      beforeDecision: (world, decision) => {
        if (decision.type !== 'evict' || decision.reason !== 'reclaimed' || decision.forWorkload === null) return;
        const taker = workloadOf(world, decision.forWorkload);
        const victim = workloadOf(world, decision.workload);
        if (taking?.for.number !== taker.number) taking = { for: taker, request: leastAsked(taker) };
        const shareOf = (queue: Queue, part: Part): number => {
          const at = parts.all.findIndex((each) => isSame(each, part));
          return sharesOfParts.get(queue.name)?.[at] ?? 0;
        };
        checkFair(world, { evict: decision, taker, victim, request: taking.request, shares, shareOf });
      },
    };
  },
};

interface Fairness {
  readonly evict: Evict;
  readonly taker: Workload;
  readonly victim: Workload;
  readonly request: Amounts;
  readonly shares: ReadonlyMap<string, Amounts>;
  /** Of a part of the cluster. */
  readonly shareOf: (queue: Queue, part: Part) => number;
}

function checkFair(world: World, { evict, taker, victim, request, shares, shareOf }: Fairness): void {
  const ledger = new Ledger(world);
  const giver = giversOf(world, taker, victim).at(-1);
  const receiver = giversOf(world, victim, taker).at(-1);
  demand(giver !== undefined && receiver !== undefined, () => `${victim.number} and ${taker.number} have one queue`);
  const holds = ledger.later(giver);
  const fair = shares.get(giver.name) ?? eachResource(() => 0);
  const limit = limitOf(giver);
  const guarantee = guaranteeOf(giver);
  const share = eachResource((resource) => Math.min(limit[resource], Math.max(guarantee[resource], fair[resource])));
  const isOwed = within(plus(ledger.later(receiver), request), guaranteeOf(receiver)) && exceeds(holds, guarantee);
  const ofPart =
    isOwedPart(world, evict, { taker, takers: [receiver], giver }) ||
    (exceeds(holds, guarantee) && exceedsPart(world, evict, giver, (part) => shareOf(giver, part)));
  demand(
    exceeds(holds, share) || isOwed || ofPart,
    () =>
      `${victim.number} is reclaimed for ${taker.number}: ${giver.name} has ${say(holds)}, share ${say(share)}; ` +
      `${receiver.name} has ${say(ledger.later(receiver))}, guaranteed ${say(guaranteeOf(receiver))}, asks ${say(request)}`,
  );
}

/** The least that a taker asks for: its gang, or one more task. Shares given as memory count nothing: their GPU is not known. */
function leastAsked({ spec, state }: Workload): Amounts {
  if (state === 'pending') {
    return sum(spec.roles.map((role) => eachResource((resource) => role.minTasks * askedByTask(role)[resource])));
  }
  const growing = spec.roles.filter(({ minTasks, maxTasks }) => maxTasks > minTasks).map(askedByTask);
  return eachResource((resource) => Math.min(...growing.map((one) => one[resource])));
}

function askedByTask({ request }: Role): Amounts {
  const { gpus, gpuMilli, gpuMemoryMib, migProfile, cpuMilli, memoryMib } = request;
  const each = migProfile !== '' ? migParts(migProfile) : gpuMemoryMib > 0 ? 0 : gpuMilli * PARTS_PER_MILLI;
  return { cpuMilli, memoryMib, gpuParts: gpus * each };
}

export const minRuntime: WatchedLaw = {
  name: 'min-runtime',
  says: 'in its min-runtime, as far as a queue that lends allows it, a workload loses nothing but surplus tasks',
  of: ['mixed'],
  watch: onEviction((world, evict) => {
    if (evict.reason === 'gang_ended' || evict.forWorkload === null) return;
    const victim = workloadOf(world, evict.workload);
    const taker = workloadOf(world, evict.forWorkload);
    if (evict.reason === 'moved' && taker.spec.queue === victim.spec.queue) return;
    if (goesOn(world, victim, evict)) return;
    const rule = evict.reason === 'preempted' ? 'preemptMinRuntimeMs' : 'reclaimMinRuntimeMs';
    const own = pathOf(world, victim).find((queue) => queue[rule] !== null)?.[rule] ?? 0;
    const least = Math.min(own, lenderAllows(world, evict, taker, victim));
    const placedMs = Math.min(...allocationsOf(world, evict).map((one) => one.placedMs));
    demand(
      world.nowMs - placedMs >= least,
      () => `${victim.number} is evicted (${evict.reason}) after ${world.nowMs - placedMs} ms of ${least}`,
    );
  }),
};

/** How long a min-runtime the queue allows that is said to have lent what is taken; Infinity = none is. */
function lenderAllows(world: World, evict: Evict, taker: Workload, victim: Workload): number {
  if (evict.lender == null) return Infinity;
  const sides = giversOf(world, victim, taker);
  const lender = sides.find(({ name }) => name === evict.lender);
  demand(lender !== undefined, () => `${evict.lender} has lent nothing that ${taker.number} takes of ${victim.number}`);
  // Who is guaranteed a part of the cluster, or GPUs in one piece, may take it whatever he holds of the whole.
  const ofWhole = [...world.state.queues.values()].every(({ scopes, shapes }) => scopes.length + shapes.length === 0);
  const ledger = new Ledger(world);
  for (const queue of ofWhole ? [lender, sides.at(-1) ?? lender] : []) {
    const holds = plus(ledger.later(queue), leastAsked(taker));
    demand(
      within(holds, guaranteeOf(queue)),
      () => `${queue.name} lends nothing: it would hold ${say(holds)}, guaranteed ${say(guaranteeOf(queue))}`,
    );
  }
  const path = pathOf(world, taker);
  const allows = path.slice(path.indexOf(lender)).find((queue) => queue.lendMaxMinRuntimeMs != null);
  return allows?.lendMaxMinRuntimeMs ?? Infinity;
}

/** Whether each role keeps its core without what is evicted, in tasks that run on or have done their work. */
function goesOn(world: World, victim: Workload, { allocations }: Evict): boolean {
  const left = victim.allocations
    .flatMap((id) => world.state.allocation(id) ?? [])
    .filter(({ id, stop, exit }) => stop === null && !allocations.includes(id) && (exit === null || exit.code === 0));
  let from = 0;
  return victim.spec.roles.every(({ minTasks, maxTasks }) => {
    const to = from + maxTasks;
    const own = left.filter(({ task }) => task >= from && task < to).length;
    from = to;
    return own >= minTasks;
  });
}

export const surplusFirst: WatchedLaw = {
  name: 'surplus-first',
  says: 'an elastic workload loses surplus tasks only, or all it has: the first of each role stay as long as it goes on',
  of: ['mixed', 'referee'],
  watch: onEviction((world, evict) => {
    const victim = workloadOf(world, evict.workload);
    const live = world.heldBy(victim).filter(({ state }) => state === 'placed' || state === 'running');
    if (!goesOn(world, victim, evict)) {
      const isAll = live.every(({ id }) => evict.allocations.includes(id));
      return demand(isAll, () => `${victim.number} cannot go on without what it loses, yet keeps some`);
    }
    const done = victim.allocations
      .flatMap((id) => world.state.allocation(id) ?? [])
      .filter(({ stop, exit }) => stop === null && exit?.code === 0);
    let from = 0;
    for (const { minTasks, maxTasks } of victim.spec.roles) {
      const to = from + maxTasks;
      const isOwn = ({ task }: { task: number }): boolean => task >= from && task < to;
      const own = live.filter(isOwn).toSorted((a, b) => a.task - b.task);
      // Tasks that have done their work count for the role, and nobody can take them.
      const needed = Math.max(0, minTasks - done.filter(isOwn).length);
      const lost = own.slice(0, needed).find(({ id }) => evict.allocations.includes(id));
      demand(
        lost === undefined,
        () => `${victim.number} loses task ${lost?.task}, one of the first ${minTasks} it has`,
      );
      from = to;
    }
  }),
};

function workloadOf(world: World, number: Workload['number']): Workload {
  const workload = world.state.workload(number);
  demand(workload !== undefined, () => `workload ${number} is not there`);
  return workload;
}

function allocationsOf(world: World, { workload, allocations }: Evict): readonly Allocation[] {
  return allocations.flatMap((id) => {
    const one = world.state.allocation(id);
    return one !== undefined && one.workload === workload ? [one] : [];
  });
}

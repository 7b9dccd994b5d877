// Laws of quotas: what queues and users may hold, at every level of the tree.
import type { Decision } from '../../../scheduler/engine/decisions.js';
import { toParts } from '../../../scheduler/model/requests.js';
import type { Queue } from '../../../scheduler/model/records.js';
import { type Amounts, RESOURCES } from '../../reference/amounts.js';
import { largestApart } from '../../reference/parts.js';
import type { World } from '../world.js';
import { demand, EVERY_FLAVOUR, type WatchedLaw } from './law.js';
import { guaranteeOfPart, partsIn } from './part-figures.js';
import { pathOf } from './holders.js';
import { amountsAt, guaranteeOf, Ledger, limitOf, say } from './ledger.js';

/** Checks a bind by what is held then, a claim by what will be held. A resource that is not asked for is not checked. */
function afterPlacing(world: World, decision: Decision, check: (placed: Placed) => void): void {
  if (decision.type !== 'bind' && decision.type !== 'claim') return;
  const workload = world.state.workload(decision.workload);
  if (workload === undefined) return;
  const ledger = new Ledger(world);
  const asked = amountsAt(workload, decision.placements);
  for (const queue of pathOf(world, workload)) {
    const hold = (counts?: Parameters<Ledger['now']>[1]) =>
      decision.type === 'bind' ? ledger.now(queue, counts) : ledger.later(queue, counts);
    check({ workload, queue, asked, hold });
  }
}

interface Placed {
  readonly workload: NonNullable<ReturnType<World['state']['workload']>>;
  readonly queue: NonNullable<ReturnType<World['state']['queue']>>;
  readonly asked: ReturnType<typeof amountsAt>;
  readonly hold: (counts?: Parameters<Ledger['now']>[1]) => ReturnType<typeof amountsAt>;
}

export const limits: WatchedLaw = {
  name: 'limits',
  says: 'nothing is placed or promised that carries a queue, at any level, above a limit',
  of: EVERY_FLAVOUR,
  watch: () => ({
    afterDecision: (world, decision) =>
      afterPlacing(world, decision, ({ workload, queue, asked, hold }) => {
        const holds = hold();
        const limit = limitOf(queue);
        const kept = RESOURCES.every((resource) => asked[resource] === 0 || holds[resource] <= limit[resource]);
        demand(
          kept,
          () => `${decision.type} of ${workload.number}: ${queue.name} holds ${say(holds)}, limit ${say(limit)}`,
        );
      }),
  }),
};

export const fixedWork: WatchedLaw = {
  name: 'fixed-work',
  says: 'work that is not preemptible is placed within the guarantees of its queue and all above it only',
  of: EVERY_FLAVOUR,
  watch: () => ({
    afterDecision: (world, decision) =>
      afterPlacing(world, decision, ({ workload, queue, asked, hold }) => {
        if (workload.spec.preemptible) return;
        const fixed = hold(({ spec }) => !spec.preemptible);
        const guarantee = promisedTo(world, queue);
        const kept = RESOURCES.every((resource) => asked[resource] === 0 || fixed[resource] <= guarantee[resource]);
        demand(
          kept,
          () => `${workload.number}: ${queue.name} holds ${say(fixed)} not preemptible, guaranteed ${say(guarantee)}`,
        );
      }),
  }),
};

/** What a queue is guaranteed in all: of the whole, or of parts of the cluster that have no GPU in common. */
function promisedTo(world: World, queue: Queue): Amounts {
  const parts = partsIn(world);
  const ofParts = parts.all.map((part) => guaranteeOfPart(queue, part));
  const guarantee = guaranteeOf(queue);
  return { ...guarantee, gpuParts: Math.max(guarantee.gpuParts, largestApart(parts, ofParts)) };
}

export const userLimits: WatchedLaw = {
  name: 'user-limits',
  says: 'nothing is placed or promised that carries a user above what one user may hold in a queue',
  of: ['mixed'],
  watch: () => ({
    afterDecision: (world, decision) =>
      afterPlacing(world, decision, ({ workload, queue, asked, hold }) => {
        if (queue.userLimitGpus === null || asked.gpuParts === 0) return;
        const holds = hold(({ owner }) => owner === workload.owner);
        const limit = toParts(queue.userLimitGpus);
        demand(
          holds.gpuParts <= limit,
          () =>
            `${workload.number}: ${workload.owner} holds ${say(holds)} in ${queue.name}, limit ${queue.userLimitGpus}`,
        );
      }),
  }),
};

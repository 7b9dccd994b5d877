// Laws of sameness: what must make no difference to what is decided.
import type { Decision } from '../../../scheduler/engine/decisions.js';
import { step } from '../../../scheduler/engine/engine.js';
import { explain } from '../../../scheduler/engine/explain.js';
import { planQueueChange, planWorkloads } from '../../../scheduler/engine/plan.js';
import type { ClusterView } from '../../../scheduler/engine/view.js';
import type { WhatIfMeans } from '../../../scheduler/engine/what-if.js';
import { carryOut } from '../../../scheduler/control/commands/carry-out.js';
import { updateQueue } from '../../../scheduler/control/commands/queues.js';
import { submit } from '../../../scheduler/control/commands/submit.js';
import { ApiError } from '../../../common/errors.js';
import type { RecordChange, Workload } from '../../../scheduler/model/records.js';
import { maxTasks, minTasks } from '../../../scheduler/model/requests.js';
import { Random } from '../../random.js';
import { type Decider, WHOLE_STEP, World } from '../world.js';
import { inShort } from '../in-short.js';
import { COUNTS_ONLY, demand, EVERY_FLAVOUR, type PlayedLaw } from './law.js';

function sameDecisions(left: readonly Decision[], right: readonly Decision[], what: string): void {
  const at = Array.from({ length: Math.max(left.length, right.length) }, (_, index) => index).find(
    (index) => JSON.stringify(left[index]) !== JSON.stringify(right[index]),
  );
  demand(at === undefined, () => {
    const index = at ?? 0;
    return `${what}: "${inShort(left.slice(index, index + 2))}" and "${inShort(right.slice(index, index + 2))}"`;
  });
}

export const sameAgain: PlayedLaw = {
  name: 'same-again',
  says: 'the same history leads to the same decisions',
  of: EVERY_FLAVOUR,
  check: (history) => {
    const [once, again] = [new World(history).play(), new World(history).play()];
    sameDecisions(once.decisions, again.decisions, 'once and again');
  },
};

export const freshView: PlayedLaw = {
  name: 'fresh-view',
  says: 'where nothing waited before, a view made afresh from the records decides what the one that followed the changes decides',
  of: COUNTS_ONLY,
  check: (history) => {
    let waits = false;
    const decider: Decider = (world, budget) => {
      // What was tried in vain before has no turn until something changes for it, so that others come before it.
      const fresh = waits ? null : step(world.freshView(), world.nowMs, WHOLE_STEP);
      const followed = step(world.view, world.nowMs, budget);
      if (fresh !== null) sameDecisions(followed.decisions, fresh.decisions, 'by the view that followed and afresh');
      waits = true;
      return followed;
    };
    const atRest = (world: World): void => {
      waits = world.unfinished().some(mayWant);
    };
    // What requests usually come is learned from them as they come, and only `fragmentation` places by it.
    const { placement } = history.policy;
    const policy = { ...history.policy, placement: placement === 'fragmentation' ? 'pack' : placement } as const;
    new World({ ...history, policy }, { decider, watchers: [{ atRest }] }).play().settle();
  },
};

/** Whether it was, or may have been, tried in vain: it waits, or is short of tasks. */
function mayWant({ state, spec, claim }: Workload): boolean {
  return state === 'pending' ? claim === null : maxTasks(spec) > minTasks(spec);
}

export const anyOrder: PlayedLaw = {
  name: 'any-order',
  says: 'the order in which equal records are read makes no difference to what is decided',
  of: EVERY_FLAVOUR,
  check: (history) => {
    const random = new Random(history.seed);
    const decider: Decider = (world, budget) => {
      const [one, other] = [
        world.freshView((changes) => shuffled(random, changes)),
        world.freshView((changes) => shuffled(random, changes)),
      ];
      const decide = (view: ClusterView) => step(view, world.nowMs, WHOLE_STEP).decisions;
      sameDecisions(decide(one), decide(other), 'in two orders');
      return step(world.view, world.nowMs, budget);
    };
    new World(history, { decider }).play().settle();
  },
};

function shuffled(random: Random, changes: RecordChange[]): RecordChange[] {
  const rest = [...changes];
  return changes.map(() => rest.splice(random.below(rest.length), 1)).flat();
}

export const whatIf: PlayedLaw = {
  name: 'what-if',
  says: 'a what-if leaves everything as it was: records, shares, explanations, and all that is decided afterwards',
  // With guaranteed shapes the books are put back, but what is decided next may come in another order.
  of: COUNTS_ONLY,
  check: (history) => {
    const random = new Random(history.seed);
    const atRest = (world: World): void => {
      const before = answersOf(world);
      plan(world, random);
      const after = answersOf(world);
      demand(before === after, () => `answers differ after a what-if: ${difference(before, after)}`);
    };
    // Somebody may ask while there is much to decide: what is decided then stays the same, too.
    const decider: Decider = (world, budget) => {
      if (random.oneIn(3)) plan(world, random);
      return step(world.view, world.nowMs, budget);
    };
    const asked = new World(history, { watchers: [{ atRest }], decider }).play();
    asked.settle();
    const plain = new World(history).play();
    plain.settle();
    sameDecisions(plain.decisions, asked.decisions, 'without and with a what-if');
  },
};

/** All that can be read of the view, and the state. */
function answersOf(world: World): string {
  const explanations = [...world.state.workloads.values()].map(({ number }) =>
    explain(world.view, number, world.nowMs),
  );
  return [world.view.queueShares(), explanations, world.records()].map((each) => JSON.stringify(each)).join('\n');
}

function difference(before: string, after: string): string {
  let at = 0;
  while (at < before.length && before[at] === after[at]) at += 1;
  return `${before.slice(Math.max(0, at - 60), at + 60)} | ${after.slice(Math.max(0, at - 60), at + 60)}`;
}

/** Asks what a submission, or a change of a queue, would lead to. What the commands refuse is no what-if. */
function plan(world: World, random: Random): void {
  let ulids = 0;
  const newUlid = (): string => `WHATIF${String((ulids += 1)).padStart(20, '0')}`;
  const means: WhatIfMeans = {
    nowMs: world.nowMs,
    carryOut: (draft, decision, nowMs) => carryOut(draft, decision, { nowMs, newUlid }),
    workUnits: 200_000,
    mayGoOn: () => true,
  };
  const workloads = [...world.state.workloads.values()];
  const like = workloads[random.below(Math.max(1, workloads.length))];
  const leaves = world.leaves();
  const queue = leaves[random.below(Math.max(1, leaves.length))];
  try {
    if (like !== undefined && random.oneIn(2)) {
      const specs = [like.spec, { ...like.spec, priority: 100 }];
      const submission = { requestKey: null, digest: '', owner: 'ann', specs, validateOnly: false };
      planWorkloads(world.view, world.state, means, (draft) =>
        submit(submission)
          .run(draft, { nowMs: world.nowMs, newUlid })
          .map(({ number }) => number),
      );
    } else if (queue !== undefined) {
      const patch = { guaranteeGpus: random.pick([0, 2, 8]), priority: random.pick([50, 200]) };
      planQueueChange(world.view, world.state, means, (draft) => {
        updateQueue(queue.name, patch, false).run(draft, { nowMs: world.nowMs, newUlid });
      });
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}

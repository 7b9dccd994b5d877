// Laws of rest: what the engine leaves behind when it has nothing more to say, and that it comes to that.
import type { Evict } from '../../../scheduler/engine/decisions.js';
import { step } from '../../../scheduler/engine/engine.js';
import { explain } from '../../../scheduler/engine/explain.js';
import type { WorkloadNumber } from '../../../common/ids.js';
import { gpusOfGang, GPU_PARTS, minTasks, toParts } from '../../../scheduler/model/requests.js';
import type { Queue, Workload } from '../../../scheduler/model/records.js';
import type { Happening, History } from '../history.js';
import { inShort } from '../in-short.js';
import { WHOLE_STEP, World } from '../world.js';
import { COUNTS_ONLY, demand, EVERY_FLAVOUR, type PlayedLaw, type WatchedLaw } from './law.js';
import { held, isLeaving, pathOf, takesWork } from './holders.js';
import { Ledger } from './ledger.js';

export const nothingMissed: WatchedLaw = {
  name: 'nothing-missed',
  says: 'when the engine has nothing more to say, a view made afresh from the records finds nothing to decide either',
  of: COUNTS_ONLY,
  watch: () => ({
    atRest: (world) => {
      const { decisions } = step(world.freshView(), world.nowMs, WHOLE_STEP);
      if (decisions.length === 0) return;
      // By what is usually asked for, of which it knows nothing, GPUs are chosen: one choice may fit where the other does not.
      const learned = world.freshView();
      learned.settle(world.nowMs);
      learned.learn();
      const again = step(learned, world.nowMs, WHOLE_STEP).decisions;
      demand(again.length === 0, () => `missed: ${inShort(again)}`);
    },
  }),
};

export const explained: WatchedLaw = {
  name: 'explained',
  says: 'whatever waits has one reason, said in sentences, and nothing else has one',
  of: EVERY_FLAVOUR,
  watch: () => ({
    atRest: (world) => {
      for (const { number, state } of world.state.workloads.values()) {
        const explanation = explain(world.view, number, world.nowMs);
        demand((explanation !== null) === (state === 'pending'), () => `${number} is ${state}: ${explanation?.reason}`);
        if (explanation === null) continue;
        demand(explanation.reason !== 'NOT_EVALUATED', () => `${number} waits, and was not looked at`);
        demand(/^[^\n]*\.$/.test(explanation.summary), () => `${number} waits: "${explanation.summary}"`);
      }
    },
  }),
};

/** Cycles without a decision after which nothing more is expected, and cycles in which rest must come. */
const QUIET_CYCLES = 10;
const MOST_CYCLES = 60;

/** Lets cycles pass with no outside event until nothing changes any more. @returns who was told to stop meanwhile */
function evictionsUntilRest(world: World): readonly (Evict & { readonly tasks: readonly number[] })[] {
  const evictions: (Evict & { tasks: readonly number[] })[] = [];
  let quiet = 0;
  for (let cycles = 0; quiet < QUIET_CYCLES; cycles += 1) {
    demand(
      cycles < MOST_CYCLES,
      () => `still decides after ${MOST_CYCLES} cycles: ${inShort(world.decisions.slice(-4))}`,
    );
    const made = world.cycle();
    quiet = made.length === 0 ? quiet + 1 : 0;
    for (const decision of made) {
      if (decision.type !== 'evict') continue;
      const tasks = decision.allocations.map((id) => world.state.allocation(id)?.task ?? -1);
      evictions.push({ ...decision, tasks });
    }
  }
  return evictions;
}

/** The history without what happens by itself later: that is an outside event, too. */
function withoutCalendar(history: History): History {
  const isCalendar = (event: Happening): boolean => event.do === 'maintain';
  const events = history.events.filter((event) => !isCalendar(event));
  return {
    ...history,
    events: events.map((event) =>
      event.do === 'submit' ? { ...event, work: { ...event.work, timeLimitMs: null } } : event,
    ),
  };
}

export const settles: PlayedLaw = {
  name: 'settles',
  says: `with no outside event nothing changes after ten quiet cycles, and these come within ${MOST_CYCLES}`,
  of: EVERY_FLAVOUR,
  check: (history) => void evictionsUntilRest(new World(withoutCalendar(history)).play()),
};

export const evictedOnce: PlayedLaw = {
  name: 'evicted-once',
  says: 'with no outside event no task is evicted twice, where all work has one priority',
  of: COUNTS_ONLY,
  check: (history) => {
    const known = new Set<string>();
    for (const { workload, tasks, reason, forWorkload } of evictionsUntilRest(
      new World(withoutPriorities(withoutCalendar(history))).play(),
    )) {
      for (const task of tasks) {
        const key = `${workload}/${task}`;
        demand(!known.has(key), () => `task ${key} is evicted a second time, ${reason} for ${forWorkload}`);
        known.add(key);
      }
    }
  },
};

function withoutPriorities(history: History): History {
  const events = history.events
    .filter((event) => event.do !== 'prioritize')
    .map((event) => (event.do === 'submit' ? { ...event, work: { ...event.work, priority: 50 } } : event));
  return { ...history, events };
}

export const noRevenge: PlayedLaw = {
  name: 'no-revenge',
  says: 'with no outside event no victim evicts its evictor, where all GPUs are alike',
  of: ['busy', 'plain'],
  check: (history) => {
    const evictors = new Map<WorkloadNumber, Set<WorkloadNumber>>();
    for (const { workload, forWorkload } of evictionsUntilRest(new World(history).play())) {
      if (forWorkload === null) continue;
      demand(
        !(evictors.get(forWorkload)?.has(workload) ?? false),
        () => `${forWorkload} evicts its evictor ${workload}`,
      );
      evictors.set(workload, (evictors.get(workload) ?? new Set()).add(forWorkload));
    }
  },
};

export const reachesGuarantee: WatchedLaw = {
  name: 'reaches-guarantee',
  says: 'no single task within its guarantee waits without a claim while some set of legal victims on one node would make room',
  of: ['plain'],
  watch: () => ({
    atRest: (world) => {
      const ledger = new Ledger(world);
      for (const workload of world.unfinished()) {
        if (!isOwed(world, ledger, workload)) continue;
        const node = placeByForce(world, ledger, workload);
        demand(node === null, () => `${workload.number} is owed GPUs and could have them on ${node}, but has no claim`);
      }
    },
  }),
};

function isOwed(world: World, ledger: Ledger, { state, claim, gate, spec, ...rest }: Workload): boolean {
  if (state !== 'pending' || claim !== null || gate !== null || minTasks(spec) !== 1) return false;
  const [queue] = pathOf(world, { state, claim, gate, spec, ...rest });
  if (queue === undefined) return false;
  const asked = toParts(gpusOfGang(spec));
  const guarantee = toParts(queue.guaranteeGpus);
  const fixed = ledger.now(queue, (other) => !other.spec.preemptible).gpuParts;
  return ledger.later(queue).gpuParts + asked <= guarantee && (spec.preemptible || fixed + asked <= guarantee);
}

/** A node where some set of legal victims would make room: by trying every set. For flat trees without limits. */
function placeByForce(world: World, ledger: Ledger, { spec }: Workload): string | null {
  const wanted = gpusOfGang(spec);
  const promised = new Set(
    world
      .unfinished()
      .flatMap(({ claim }) => claim?.placements ?? [])
      .flatMap(({ node, gpus }) => gpus.map((index) => `${node}:${index}`)),
  );
  for (const node of world.state.nodes.values()) {
    if (!takesWork(world, node.id)) continue;
    const stays = held(world).filter((one) => one.node === node.id && !isLeaving(one));
    const used = new Set(stays.flatMap(({ gpus }) => gpus.map(({ index }) => index)));
    const open = node.gpus.filter(({ index }) => !used.has(index) && !promised.has(`${node.id}:${index}`)).length;
    const victims = [...new Set(stays.map((one) => one.workload))]
      .flatMap((number) => world.state.workload(number) ?? [])
      .filter((victim) => victim.spec.preemptible && victim.spec.queue !== spec.queue && victim.afterStop === null);
    for (const chosen of subsets(victims)) {
      const freed = stays.filter((one) => chosen.some(({ number }) => number === one.workload));
      const gpus = freed.reduce((sum, one) => sum + one.gpus.length, 0);
      if (chosen.length > 0 && open + gpus >= wanted && mayGiveTogether(world, ledger, chosen)) return node.name;
    }
  }
  return null;
}

/** In the best order: the largest last, so that each queue is above its guarantee before each of its victims. */
function mayGiveTogether(world: World, ledger: Ledger, victims: readonly Workload[]): boolean {
  return [...world.state.queues.values()].every((queue: Queue) => {
    const sizes = victims
      .filter(({ spec }) => spec.queue === queue.name)
      .map((victim) => world.heldBy(victim).reduce((sum, one) => sum + one.gpus.length * GPU_PARTS, 0));
    if (sizes.length === 0) return true;
    const beforeLast = sizes.reduce((sum, size) => sum + size, 0) - Math.max(...sizes);
    return ledger.later(queue).gpuParts - beforeLast > toParts(queue.guaranteeGpus);
  });
}

function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((all, item) => [...all, ...all.map((chosen) => [...chosen, item])], [[]]);
}

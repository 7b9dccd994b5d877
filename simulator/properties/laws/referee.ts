// Agreement with the slow reference. From the same records both go on by themselves: decide, let leave what was told to,
// decide again, until nothing changes. Which of equal GPUs somebody gets, and in how many steps, is nobody's concern; who runs
// in the end with how many tasks is.
import type { Decision } from '../../../scheduler/engine/decisions.js';
import { decide } from '../../reference/reference.js';
import type { Decider } from '../world.js';
import { World } from '../world.js';
import { inShort } from '../in-short.js';
import { demand, type PlayedLaw } from './law.js';
import { Ledger, say } from './ledger.js';

/** Cycles after which both have come to rest, or never will. */
const MOST_CYCLES = 12;

export const agreesWithReference: PlayedLaw = {
  name: 'agrees-with-reference',
  says: 'on small clusters, left alone, the same workloads come to run with as many tasks as by the slow reference',
  of: ['referee'],
  check: (history) => {
    const world = new World(history).play();
    const judge = world.fork({ decider: askReference(history.policy) });
    const engine = world.fork({});
    const cycles = [engine, judge].map(cyclesToRest);
    const [ours, theirs] = [outcomeOf(engine), outcomeOf(judge)];
    demand(ours === theirs, () =>
      [
        `engine (${cycles[0]} cycles): ${ours}`,
        `reference (${cycles[1]} cycles): ${theirs}`,
        `engine decided: ${inShort(engine.decisions)}`,
        `reference decided: ${inShort(judge.decisions)}`,
      ].join('\n'),
    );
  },
};

/** Lets cycles pass until one brings nothing new. @returns how many that took */
function cyclesToRest(world: World): number {
  for (let cycles = 1; cycles <= MOST_CYCLES; cycles += 1) if (world.cycle().length === 0) return cycles;
  return MOST_CYCLES;
}

function askReference(policy: World['view']['policy']): Decider {
  return ({ state, nowMs }) => {
    const decisions: readonly Decision[] = decide({
      queues: [...state.queues.values()],
      nodes: [...state.nodes.values()],
      workloads: [...state.workloads.values()],
      allocations: [...state.allocations.values()],
      policy,
      nowMs,
    });
    return { decisions, complete: true };
  };
}

/** Which workloads hold or are promised how many tasks, and what their queues hold with that. */
function outcomeOf(world: World): string {
  const tasks = world.unfinished().flatMap((workload) => {
    const staying = world.heldBy(workload).filter(({ stop }) => stop === null).length;
    const promised = workload.claim?.placements.length ?? 0;
    return staying + promised === 0 ? [] : [`${workload.number}:${staying + promised}`];
  });
  const ledger = new Ledger(world);
  const queues = world.leaves().map((queue) => `${queue.name} ${say(ledger.later(queue))}`);
  return `${tasks.join(' ')} | ${queues.join(' | ')}`;
}

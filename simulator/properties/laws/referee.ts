// Agreement with the slow reference. From the same records both go on by themselves: decide, let leave what was told to,
// decide again, until nothing changes. Which of equal GPUs somebody gets, and in how many steps, is nobody's concern; who runs
// in the end with how many tasks is.
//
// Compared in full where nobody is told to stop; where both tell the same victims to stop for the same takers, by what these
// takers get. Where only one of the two evicts, or each for somebody else, both may be right: the reference does as the peer
// does, with whom a workload that fits nowhere holds up those behind it in its queue while victims are placed again, and with
// whom a queue may grow by preemption beyond its share while others wait. The same holds where the reference gives to one what
// was promised to another: the engine keeps its promises, so that nobody is told to stop twice for one place. What is left
// over by victims goes to whoever is looked at first, which two right orders see differently. Whether an eviction is legal is
// for the laws of victims to say, whether one is missing for those of rest.
import type { Decision, Evict } from '../../../scheduler/engine/decisions.js';
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
  says: 'on small clusters, left alone, the same workloads come to run as by the slow reference, unless it evicts others',
  of: ['referee', 'parted'],
  check: (history) => {
    const world = new World(history).play();
    const judge = world.fork({ decider: askReference(history.policy) });
    const engine = world.fork({});
    const cycles = [engine, judge].map(cyclesToRest);
    if (inPairs(engine) !== inPairs(judge)) return;
    const takers = new Set(evictions(engine).map(({ forWorkload }) => forWorkload));
    const [ours, theirs] = [outcomeOf(engine, takers), outcomeOf(judge, takers)];
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

function evictions({ decisions }: World): readonly Evict[] {
  return decisions.filter((one) => one.type === 'evict');
}

/** Who was told to stop for whom, each pair once, and who lost a promise. */
function inPairs(world: World): string {
  const pairs = evictions(world).map(({ workload, forWorkload }) => `${workload} for ${forWorkload}`);
  const broken = world.decisions.flatMap((one) => (one.type === 'drop_claim' ? [`${one.workload} waits again`] : []));
  return [...new Set([...pairs, ...broken])].toSorted().join();
}

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

/**
 * Which workloads hold or are promised how many tasks, and what their queues hold with that.
 * @param takers only these; none = all
 */
function outcomeOf(world: World, takers: ReadonlySet<number | null>): string {
  const tasks = world.unfinished().flatMap((workload) => {
    const staying = world.heldBy(workload).filter(({ stop }) => stop === null).length;
    const promised = workload.claim?.placements.length ?? 0;
    const counts = takers.size === 0 || takers.has(workload.number);
    return staying + promised === 0 || !counts ? [] : [`${workload.number}:${staying + promised}`];
  });
  if (takers.size > 0) return tasks.join(' ');
  const ledger = new Ledger(world);
  const queues = world.leaves().map((queue) => `${queue.name} ${say(ledger.later(queue))}`);
  return `${tasks.join(' ')} | ${queues.join(' | ')}`;
}

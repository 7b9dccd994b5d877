// Agreement with the slow reference: from the same records both decide until they have nothing more to say, with nobody
// leaving meanwhile, and what comes of it is compared.
import type { Decision } from '../../../scheduler/engine/decisions.js';
import { decide } from '../../reference/reference.js';
import type { Decider } from '../world.js';
import { World } from '../world.js';
import { inShort } from '../in-short.js';
import { demand, type PlayedLaw } from './law.js';
import { Ledger, say } from './ledger.js';

export const agreesWithReference: PlayedLaw = {
  name: 'agrees-with-reference',
  says: 'on small clusters the same workloads run or are promised a place as by the slow reference',
  of: ['referee'],
  check: (history) => {
    const compare = (world: World, shadow: World): void => {
      const [ours, theirs] = [outcomeOf(world), outcomeOf(shadow)];
      demand(
        ours === theirs,
        () =>
          `engine: ${ours}\n  reference: ${theirs}\n` +
          `  engine decided: ${inShort(world.decisions.slice(marks.decisions))}\n  reference decided: ${inShort(shadow.decisions)}`,
      );
    };
    const marks = { decisions: 0 };
    let shadow: World | null = null;
    const world = new World(history, {
      watchers: [
        {
          beforeStep: (now) => {
            if (shadow !== null) return;
            marks.decisions = now.decisions.length;
            shadow = now.fork({ decider: askReference(history.policy) });
            shadow.settle();
          },
          atRest: (now) => {
            if (shadow !== null) compare(now, shadow);
            shadow = null;
          },
        },
      ],
    });
    world.play().settle();
  },
};

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

/** Which workloads hold or are promised how many tasks, and what the queues will hold. */
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

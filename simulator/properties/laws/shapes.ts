// Laws of guaranteed shapes. Sharing safety in full has its own test beside the engine (test/engine/shape-law.test.ts), with
// a private cluster to compare with; here what follows from it for any history, bad hardware and changed quotas included.
import type { Queue, ShapeGuarantee, Workload } from '../../../scheduler/model/records.js';
import { gpusOfGang, minTasks, toParts } from '../../../scheduler/model/requests.js';
import type { World } from '../world.js';
import { demand, type WatchedLaw } from './law.js';
import { pathOf } from './holders.js';
import { Ledger } from './ledger.js';

export const sharingSafety: WatchedLaw = {
  name: 'sharing-safety',
  says: 'who has fewer tasks than guaranteed cells, none larger than a cell, and all cells possible, gets one more task that fits in one, whatever others do',
  of: ['shapes'],
  watch: () => ({
    atRest: (world) => {
      const ledger = new Ledger(world);
      for (const workload of world.unfinished()) {
        const [queue] = pathOf(world, workload);
        if (queue === undefined || !isOwed(world, ledger, workload, queue)) continue;
        demand(false, () => `${workload.number} is owed a cell of ${queue.name}, but waits without a claim`);
      }
    },
  }),
};

/** One more task would fit in a cell that is idle on machines of the queue's own. */
function isOwed(world: World, ledger: Ledger, workload: Workload, queue: Queue): boolean {
  const { state, claim, gate, spec } = workload;
  const [shape, ...others] = queue.shapes;
  if (shape === undefined || others.length > 0 || !isPossible(world, queue)) return false;
  if (state !== 'pending' || claim !== null || gate !== null || minTasks(spec) !== 1 || spec.topology !== null)
    return false;
  if (gpusOfGang(spec) > mostOfTask(shape)) return false;
  const asked = toParts(gpusOfGang(spec));
  const guarantee = toParts(queue.guaranteeGpus);
  const fixed = ledger.now(queue, (other) => !other.spec.preemptible).gpuParts;
  if (ledger.later(queue).gpuParts + asked > guarantee || (!spec.preemptible && fixed + asked > guarantee))
    return false;
  return tasksOf(world, queue) < shape.count;
}

/** A task is on one node. */
function mostOfTask({ gpus }: ShapeGuarantee): number {
  return Math.min(8, gpus);
}

function isPossible(world: World, queue: Queue): boolean {
  const share = world.view.queueShares().find((each) => each.queue === queue.name);
  return share?.shapes.every(({ impossible }) => impossible === 0) ?? false;
}

/** Tasks that run, or are promised a place, those that leave included: with each of them one cell may be in use. */
function tasksOf(world: World, queue: Queue): number {
  return world
    .unfinished()
    .filter(({ spec }) => spec.queue === queue.name)
    .reduce((sum, workload) => sum + world.heldBy(workload).length + (workload.claim?.placements.length ?? 0), 0);
}

export const keepsCells: WatchedLaw = {
  name: 'keeps-cells',
  says: 'the books of cells are true at every rest: what is secured is in cells, and every promise that hardware allows can be kept',
  of: ['shapes'],
  watch: () => ({ atRest: (world) => world.view.cells?.check() }),
};

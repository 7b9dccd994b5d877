// Elastic workloads that are about to begin: their core has a place, and their turn for more tasks comes when they run. Who
// moved in the meantime to what they have a right to would give it to them again, and so be evicted twice.
import { entitlementsOf } from './entitlements.js';
import { at, GPU } from './amounts.js';
import type { Group } from './shapes.js';
import type { Trial } from './trial.js';
import type { TaskPlace, WorkloadEntry } from './workloads.js';

/** Whether one of another queue, about to begin, is due GPUs like those of a place, and will not find them elsewhere. */
export function isWantedForGrowth(trial: Trial, { queue }: WorkloadEntry, places: readonly TaskPlace[]): boolean {
  const { view } = trial;
  return trial.aboutToBegin().some((workload) => {
    const { record } = workload;
    if (record === null || workload.queue === null || workload.queue === queue) return false;
    return view.surplusOf(workload, record, 0).some((group) => {
      const isDue = entitlementsOf(view.scopes, group, 'fairShare').some(({ confinement }) =>
        places.some(({ slots }) =>
          slots.some(
            ({ bank: { bankClass } }) =>
              group.shape.reach.classes.includes(bankClass) && (confinement === null || confinement(bankClass)),
          ),
        ),
      );
      return isDue && group.shape.reach.potentialParts < partsWanted(group);
    });
  });
}

/** GPU parts of all the tasks that it waits for. */
function partsWanted({ shape, waiting }: Group): number {
  return waiting * at(shape.charge, GPU);
}

// Laws of parts of the cluster: pools and models of which queues are guaranteed GPUs or may hold only so many.
import { matchesModel } from '../../../scheduler/model/gpu-model.js';
import type { Queue, Workload } from '../../../scheduler/model/records.js';
import { gpusOfGang, minTasks, toParts } from '../../../scheduler/model/requests.js';
import { isIn, isSame, type Part, partsNamed } from '../../reference/parts.js';
import type { World } from '../world.js';
import { held, isLeaving, pathOf, takesWork } from './holders.js';
import { demand, EVERY_FLAVOUR, type WatchedLaw } from './law.js';
import { Ledger } from './ledger.js';
import { guaranteeOfPart, hadBy, isPartOf, partsHeld, partsTaken } from './part-figures.js';

export const partLimits: WatchedLaw = {
  name: 'part-limits',
  says: 'nothing is placed or promised that carries a queue, at any level, above a limit of a part of the cluster',
  of: EVERY_FLAVOUR,
  watch: () => ({
    afterDecision: (world, decision) => {
      if (decision.type !== 'bind' && decision.type !== 'claim') return;
      const workload = world.state.workload(decision.workload);
      if (workload === undefined) return;
      const given = decision.placements.flatMap(({ node, gpus, parts }) =>
        gpus.map((index) => ({ node, index, parts })),
      );
      for (const queue of pathOf(world, workload)) {
        for (const scope of queue.scopes) {
          if (scope.limitGpus === null || !given.some((one) => isPartOf(world, scope, one))) continue;
          const has = partsHeld(world, queue, scope, decision.type === 'bind' ? 'now' : 'later');
          demand(
            has <= toParts(scope.limitGpus),
            () => `${decision.type} of ${workload.number}: ${queue.name} has ${has} parts of ${sayPart(scope)}`,
          );
        }
      }
    },
  }),
};

export const keepsPart: WatchedLaw = {
  name: 'keeps-part',
  says: 'of a part of the cluster a queue gives nothing to another queue while it has no more of it than it is guaranteed',
  of: EVERY_FLAVOUR,
  watch: () => ({
    beforeDecision: (world, decision) => {
      if (decision.type !== 'evict' || decision.forWorkload === null || decision.reason === 'gang_ended') return;
      const taker = world.state.workload(decision.forWorkload);
      const victim = world.state.workload(decision.workload);
      if (taker === undefined || victim === undefined || taker.spec.queue === victim.spec.queue) return;
      const shared = new Set(pathOf(world, taker).map(({ name }) => name));
      for (const queue of pathOf(world, victim).filter(({ name }) => !shared.has(name))) {
        for (const part of partsTaken(world, decision)) {
          const guarantee = guaranteeOfPart(queue, part);
          const has = partsHeld(world, queue, part, 'later');
          demand(
            guarantee === 0 || has > guarantee,
            () =>
              `${decision.reason} ${victim.number} for ${taker.number}: ${queue.name} has ${has} parts of ` +
              `${sayPart(part)}, guaranteed ${guarantee}`,
          );
        }
      }
    },
  }),
};

export const reachesPart: WatchedLaw = {
  name: 'reaches-part',
  says: 'no single task within what its queues are guaranteed of a part waits without a claim while one legal victim there would make room',
  of: ['parts'],
  watch: () => ({
    atRest: (world) => {
      for (const workload of world.unfinished()) {
        for (const part of partsNamed([...world.state.queues.values()])) {
          if (!isOwed(world, workload, part)) continue;
          const node = placeByForce(world, workload, part);
          demand(
            node === null,
            () =>
              `${workload.number} is owed GPUs of ${sayPart(part)} and could have them on ${node}, but has no claim`,
          );
        }
      }
    },
  }),
};

/** It may be placed by all limits, and stays within the guarantee of the part at every level. */
function isOwed(world: World, workload: Workload, part: Part): boolean {
  const { state, claim, gate, spec } = workload;
  if (state !== 'pending' || claim !== null || gate !== null || minTasks(spec) !== 1 || !spec.preemptible) return false;
  const asked = toParts(gpusOfGang(spec));
  const ledger = new Ledger(world);
  return pathOf(world, workload).every((queue) => {
    const isWithin = partsHeld(world, queue, part, 'later') + asked <= guaranteeOfPart(queue, part);
    const most = queue.limitGpus === null ? Infinity : toParts(queue.limitGpus);
    const isAllowed = queue.scopes.every(
      (scope) =>
        scope.limitGpus === null || partsHeld(world, queue, scope, 'later') + asked <= toParts(scope.limitGpus),
    );
    return isWithin && isAllowed && ledger.later(queue).gpuParts + asked <= most;
  });
}

/** A node of the part where one legal victim would make room beside what is free. */
function placeByForce(world: World, { spec }: Workload, part: Part): string | null {
  const [role] = spec.roles;
  const wanted = gpusOfGang(spec);
  const promised = new Set(
    world
      .unfinished()
      .flatMap(({ claim }) => claim?.placements ?? [])
      .flatMap(({ node, gpus }) => gpus.map((index) => `${node}:${index}`)),
  );
  for (const node of world.state.nodes.values()) {
    const models = role?.rules.models ?? [];
    const suits =
      takesWork(world, node.id) &&
      node.gpus.every(({ model }) => isIn(part, { pool: node.pool, model })) &&
      (role?.rules.pool === '' || role?.rules.pool === node.pool) &&
      (models.length === 0 || node.gpus.every(({ model }) => models.some((each) => matchesModel(model, each))));
    if (!suits) continue;
    const stays = held(world).filter((one) => one.node === node.id && !isLeaving(one));
    const used = new Set(stays.flatMap(({ gpus }) => gpus.map(({ index }) => index)));
    const open = node.gpus.filter(({ index }) => !used.has(index) && !promised.has(`${node.id}:${index}`)).length;
    const victims = [...new Set(stays.map((one) => one.workload))]
      .flatMap((number) => world.state.workload(number) ?? [])
      .filter((victim) => victim.spec.preemptible && victim.spec.queue !== spec.queue && victim.afterStop === null)
      .filter((victim) => mayGive(world, victim, spec.queue, part));
    const frees = victims.map(({ number }) =>
      stays.filter((one) => one.workload === number).reduce((sum, { gpus }) => sum + gpus.length, 0),
    );
    if (frees.some((gpus) => open + gpus >= wanted)) return node.name;
  }
  return null;
}

/** Whether all queues of a victim that are not above the taker have more of the part than they are guaranteed, and of others. */
function mayGive(world: World, victim: Workload, taker: Queue['name'], part: Part): boolean {
  const takers = new Set<string>();
  for (let name: Queue['name'] | null = taker; name !== null; name = world.state.queue(name)?.parent ?? null)
    takers.add(name);
  const own = hadBy(world, victim, 'later');
  const touched = partsNamed([...world.state.queues.values()]).filter((each) =>
    own.some((one) => isPartOf(world, each, one)),
  );
  return pathOf(world, victim)
    .filter(({ name }) => !takers.has(name))
    .every((queue) =>
      [part, ...touched].every((each) => {
        const guarantee = guaranteeOfPart(queue, each);
        const has = partsHeld(world, queue, each, 'later');
        return isSame(each, part) ? has > guarantee : guarantee === 0 || has > guarantee;
      }),
    );
}

function sayPart({ pool, model }: Part): string {
  return [model === '' ? '' : `model ${model}`, pool === '' ? '' : `pool ${pool}`]
    .filter((text) => text !== '')
    .join(' in ');
}

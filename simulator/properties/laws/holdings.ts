// Laws of what is held: nothing of the hardware is given twice, or to somebody who may not have it.
import type { NodeId } from '../../../common/ids.js';
import type { Bind, Decision, MakeClaim } from '../../../scheduler/engine/decisions.js';
import { matchesModel } from '../../../scheduler/model/gpu-model.js';
import type { ClusterNode, Gpu, Placement, Role, Workload } from '../../../scheduler/model/records.js';
import { GPU_PARTS, memoryShareParts, migParts, PARTS_PER_MILLI, roleOf } from '../../../scheduler/model/requests.js';
import type { World } from '../world.js';
import { demand, EVERY_FLAVOUR, type WatchedLaw } from './law.js';
import { held, isLeaving, takesWork } from './holders.js';

export const oneOwner: WatchedLaw = {
  name: 'one-owner',
  says: 'no GPU has more than one owner, or shares of more than the whole; an instance has one holder',
  of: EVERY_FLAVOUR,
  watch: () => ({
    afterDecision: (world) => {
      const parts = new Map<string, number>();
      const kinds = new Map<string, boolean>();
      const instances = new Set<string>();
      for (const { gpus, id } of held(world)) {
        for (const gpu of gpus) {
          const sum = (parts.get(gpu.uuid) ?? 0) + gpu.parts;
          parts.set(gpu.uuid, sum);
          demand(sum <= GPU_PARTS, () => `${gpu.uuid} is given ${sum} parts of ${GPU_PARTS}, the last to ${id}`);
          const isMig = gpu.instance !== '';
          demand((kinds.get(gpu.uuid) ?? isMig) === isMig, () => `${gpu.uuid} is given whole and in instances`);
          kinds.set(gpu.uuid, isMig);
          demand(!instances.has(gpu.instance) || !isMig, () => `${gpu.instance} has two holders`);
          instances.add(gpu.instance);
        }
      }
    },
  }),
};

export const stores: WatchedLaw = {
  name: 'cpu-and-memory',
  says: 'what is placed on a node never exceeds its CPU or memory, and no more is promised than will be there',
  of: EVERY_FLAVOUR,
  watch: () => ({
    afterDecision: (world, decision) => {
      if (decision.type !== 'bind' && decision.type !== 'claim') return;
      for (const id of new Set(decision.placements.map(({ node }) => node))) checkStores(world, id, decision);
    },
  }),
};

function checkStores(world: World, id: NodeId, { type, workload: number, placements }: Bind | MakeClaim): void {
  const node = world.state.node(id);
  const workload = world.state.workload(number);
  if (node === undefined || workload === undefined) return;
  const here = held(world).filter((one) => one.node === id);
  for (const [field, capacity] of [
    ['cpuMilli', node.cpuCount * 1_000],
    ['memoryMib', node.memoryMib],
  ] as const) {
    const asks = placements.some(({ task, node: on }) => on === id && roleOf(workload.spec, task).request[field] > 0);
    if (!asks) continue;
    const now = here.reduce((sum, one) => sum + one[field], 0);
    const stays = here.filter((one) => !isLeaving(one)).reduce((sum, one) => sum + one[field], 0);
    const promised = promises(world)
      .filter(({ placement }) => placement.node === id)
      .reduce((sum, { workload: other, placement }) => sum + roleOf(other.spec, placement.task).request[field], 0);
    demand(type === 'claim' || now <= capacity, () => `${id} has ${capacity} ${field}, and ${now} is given`);
    demand(
      stays + promised <= capacity,
      () => `${id} has ${capacity} ${field}; ${stays} stays, ${promised} is promised`,
    );
  }
}

/** All that is promised. */
function promises(world: World): readonly { workload: Workload; placement: Placement }[] {
  return world
    .unfinished()
    .flatMap((workload) => (workload.claim?.placements ?? []).map((placement) => ({ workload, placement })));
}

export const promisedOnce: WatchedLaw = {
  name: 'promised-once',
  says: 'of a GPU no more is promised than will be there, and what is promised goes to nobody else',
  of: EVERY_FLAVOUR,
  watch: () => ({
    afterDecision: (world, decision) => {
      if (decision.type !== 'bind' && decision.type !== 'claim') return;
      for (const { node: id, gpus } of decision.placements) {
        for (const index of gpus) checkPromises(world, id, index);
      }
    },
  }),
};

function checkPromises(world: World, id: NodeId, index: number): void {
  const uuid = world.state.node(id)?.gpus[index]?.uuid;
  const stays = held(world)
    .filter((one) => !isLeaving(one))
    .flatMap(({ gpus }) => gpus)
    .filter((gpu) => gpu.uuid === uuid);
  const promised = promises(world).filter(({ placement }) => placement.node === id && placement.gpus.includes(index));
  const parts =
    stays.reduce((sum, gpu) => sum + gpu.parts, 0) + promised.reduce((sum, { placement }) => sum + placement.parts, 0);
  demand(parts <= GPU_PARTS, () => `${uuid}: ${parts} parts stay or are promised`);
  const instances = [
    ...stays.map(({ instance }) => instance),
    ...promised.flatMap(({ placement }) => placement.instances.filter((_, at) => placement.gpus[at] === index)),
  ].filter((instance) => instance !== '');
  demand(new Set(instances).size === instances.length, () => `${uuid}: an instance is promised twice`);
}

export const asAsked: WatchedLaw = {
  name: 'as-asked',
  says: 'each task gets what it asked for, on sound hardware that suits it, of a node that takes work',
  of: EVERY_FLAVOUR,
  watch: () => ({ beforeDecision: checkPlaces }),
};

function checkPlaces(world: World, decision: Decision): void {
  if (decision.type !== 'bind' && decision.type !== 'claim') return;
  const workload = world.state.workload(decision.workload);
  demand(workload !== undefined, () => `workload ${decision.workload} is not there`);
  for (const placement of decision.placements) {
    const role = roleOf(workload.spec, placement.task);
    const node = world.state.node(placement.node);
    demand(node !== undefined, () => `node ${placement.node} is not there`);
    demand(takesWork(world, node.id), () => `${decision.type} on ${node.name}, which takes no work`);
    checkNode(node, role, workload, world.nowMs);
    checkGpus(node, role, placement);
  }
}

/** How long work without a time limit keeps away from an announced maintenance. */
const NO_LIMIT_LEAD_MS = 60 * 60_000;

function checkNode(node: ClusterNode, { rules }: Role, { number, spec }: Workload, nowMs: number): void {
  const fits =
    (rules.pool === '' || rules.pool === node.pool) &&
    (rules.nodes.length === 0 || rules.nodes.includes(node.name)) &&
    Object.entries(rules.labels).every(([name, value]) => node.labels[name] === value) &&
    versionOf(node.driverVersion) >= versionOf(rules.minDriver);
  demand(fits, () => `${number} is put on ${node.name}, which its rules exclude`);
  const endsMs = nowMs + (spec.timeLimitMs ?? NO_LIMIT_LEAD_MS);
  const next = Math.min(...node.maintenance.map(({ startMs }) => startMs).filter((startMs) => startMs > nowMs));
  demand(endsMs <= next, () => `${number} may run to ${endsMs} on ${node.name}, whose maintenance begins at ${next}`);
}

/** Enough for two figures below a thousand each. */
function versionOf(text: string): number {
  const [major = '0', minor = '0'] = text.split('.');
  return Number(major) * 1_000 + Number(minor);
}

function checkGpus(node: ClusterNode, { request, rules }: Role, { task, gpus, parts, instances }: Placement): void {
  const found = gpus.flatMap((index) => node.gpus.find((gpu) => gpu.index === index) ?? []);
  demand(found.length === gpus.length && found.length === request.gpus, () => `task ${task} gets ${gpus.length} GPUs`);
  const isMig = request.migProfile !== '';
  demand(isMig || new Set(gpus).size === gpus.length, () => `task ${task} gets a GPU of ${node.name} twice`);
  demand(instances.length === (isMig ? gpus.length : 0), () => `task ${task} gets ${instances.length} instances`);
  demand(new Set(instances).size === instances.length, () => `task ${task} gets an instance twice`);
  found.forEach((gpu, at) => {
    demand(gpu.health === 'healthy', () => `GPU ${gpu.index} of ${node.name} is ${gpu.health}`);
    const suits = rules.models.length === 0 || rules.models.some((wanted) => matchesModel(gpu.model, wanted));
    demand(suits, () => `GPU ${gpu.index} of ${node.name} is a ${gpu.model}`);
    checkPart(node, gpu, { request, rules, parts, instance: instances[at] ?? '' });
  });
}

function checkPart(
  node: ClusterNode,
  gpu: Gpu,
  { request, rules, parts, instance }: Pick<Role, 'request' | 'rules'> & { parts: number; instance: string },
): void {
  const where = `GPU ${gpu.index} of ${node.name}`;
  if (request.migProfile !== '') {
    const own = gpu.mig?.find(({ uuid }) => uuid === instance);
    demand(own?.profile === request.migProfile, () => `${where}: instance ${instance} is a ${own?.profile}`);
    demand(parts === migParts(request.migProfile), () => `${where}: ${parts} parts for ${request.migProfile}`);
    demand(own.memoryMib >= rules.minGpuMemoryMib, () => `${where}: instance ${instance} has too little memory`);
    return;
  }
  demand(gpu.mig === null, () => `${where} is in MIG mode`);
  demand(gpu.memoryMib >= rules.minGpuMemoryMib, () => `${where} has too little memory`);
  const asked =
    request.gpuMemoryMib > 0
      ? memoryShareParts(request.gpuMemoryMib, gpu.memoryMib)
      : request.gpuMilli * PARTS_PER_MILLI;
  demand(parts === asked, () => `${where}: ${parts} parts instead of ${asked}`);
}

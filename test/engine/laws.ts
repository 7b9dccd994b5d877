// The laws every decision must keep, checked against the records alone, with none of the engine's code.
import type { Bind, Decision, Evict, MakeClaim } from '../../scheduler/engine/decisions.js';
import type { Queue, Workload } from '../../scheduler/model/records.js';
import { ANYWHERE, gpusOfGang, minTasks } from '../../scheduler/model/requests.js';
import type { TestCluster } from './cluster.js';

/** Throws when carrying out `decision` now would break a law. */
export function checkLaws(cluster: TestCluster, decision: Decision): void {
  switch (decision.type) {
    case 'bind':
      checkWhole(cluster, decision);
      checkGpus(cluster, decision, 'free');
      return checkQueues(cluster, cluster.workload(decision.workload));
    case 'claim':
      checkWhole(cluster, decision);
      return checkGpus(cluster, decision, 'leaving');
    case 'evict':
      return checkVictim(cluster, decision);
    case 'drop_claim':
      if (!cluster.workload(decision.workload).claim) throw new Error('drops a claim that is not there');
  }
}

/** All tasks, each with the GPUs it asked for. */
function checkWhole(cluster: TestCluster, decision: Bind | MakeClaim): void {
  const { state, spec } = cluster.workload(decision.workload);
  // What is moved gets its promise while it leaves.
  const waits = state === 'pending' || (decision.type === 'claim' && state === 'stopping');
  if (!waits) throw new Error(`${decision.type}s ${decision.workload}, which is ${state}`);
  const tasks = decision.placements.map(({ task }) => task).join();
  const wanted = Array.from({ length: minTasks(spec) }, (_, at) => at).join();
  if (tasks !== wanted) throw new Error(`tasks ${tasks} instead of ${wanted}`);
  for (const { gpus } of decision.placements) {
    const asked = spec.roles[0]?.request.gpus;
    if (gpus.length !== asked) throw new Error(`a task gets ${gpus.length} GPUs, not ${asked}`);
  }
}

/** Each GPU is there, healthy, of a node that takes work, of the right kind, and nobody else's. */
function checkGpus(cluster: TestCluster, decision: Bind | MakeClaim, want: 'free' | 'leaving'): void {
  const { spec } = cluster.workload(decision.workload);
  const held = new Map<string, 'held' | 'leaving'>();
  for (const allocation of cluster.allocations()) {
    for (const { index } of allocation.gpus) {
      const key = `${allocation.node}:${index}`;
      if (held.has(key)) throw new Error(`GPU ${key} is held twice`);
      held.set(key, allocation.stop ? 'leaving' : 'held');
    }
  }
  const claimed = new Set<string>();
  for (const { number, state, claim } of cluster.workloads()) {
    if (state !== 'pending' || number === decision.workload) continue;
    for (const { node, gpus } of claim?.placements ?? []) for (const index of gpus) claimed.add(`${node}:${index}`);
  }
  const given = new Set<string>();
  for (const { node: id, gpus } of decision.placements) {
    const node = cluster.nodeRecords().find((candidate) => candidate.id === id);
    if (!node) throw new Error(`no node ${id}`);
    if (node.cordoned || cluster.livenessOf(id) !== 'ready') throw new Error(`${id} takes no work`);
    const { pool, models } = spec.roles[0]?.rules ?? ANYWHERE;
    if (pool !== '' && node.pool !== pool) throw new Error(`${id} is not in pool ${pool}`);
    for (const index of gpus) {
      const key = `${id}:${index}`;
      const gpu = node.gpus.find((candidate) => candidate.index === index);
      if (gpu?.health !== 'healthy') throw new Error(`GPU ${key} is not there or not healthy`);
      const words = (models[0] ?? '').toLowerCase().split(' ');
      if (!words.every((word) => gpu.model.toLowerCase().includes(word))) throw new Error(`GPU ${key} is ${gpu.model}`);
      const use = held.get(key);
      if (use === 'held' || (use === 'leaving' && want === 'free')) throw new Error(`GPU ${key} is ${use}`);
      if (claimed.has(key)) throw new Error(`GPU ${key} is promised to another`);
      if (given.has(key)) throw new Error(`GPU ${key} is given twice at once`);
      given.add(key);
    }
  }
}

/** Limits, and the guarantee for work that is not preemptible, at every level. */
function checkQueues(cluster: TestCluster, workload: Workload): void {
  const request = gpusOfGang(workload.spec);
  if (request === 0) return;
  for (const queue of pathOf(cluster, workload)) {
    const held = heldBelow(cluster, queue, () => true);
    if (queue.limitGpus !== null && held + request > queue.limitGpus) throw new Error(`${queue.name} over its limit`);
    if (workload.spec.preemptible) continue;
    const fixed = heldBelow(cluster, queue, (other) => !other.spec.preemptible);
    if (fixed + request > queue.guaranteeGpus) throw new Error(`${queue.name} over its guarantee with fixed work`);
  }
}

/** Preemptible, whole, and from a queue above its guarantee, or of lower priority in the same queue. */
function checkVictim(cluster: TestCluster, decision: Evict): void {
  const victim = cluster.workload(decision.workload);
  if (decision.forWorkload === null) throw new Error('evicts for nobody');
  const taker = cluster.workload(decision.forWorkload);
  if (!victim.spec.preemptible) throw new Error(`evicts ${victim.number}, which is not preemptible`);
  if (victim.state !== 'starting' && victim.state !== 'running') throw new Error(`evicts what is ${victim.state}`);
  if (decision.allocations.join() !== victim.allocations.join()) throw new Error('evicts a part of a gang');
  if (decision.reason === 'preempted') {
    if (victim.spec.queue !== taker.spec.queue) throw new Error('preempts in another queue');
    if (victim.spec.priority >= taker.spec.priority) throw new Error('preempts what is not lower');
    return;
  }
  if (decision.reason === 'moved' && victim.spec.queue === taker.spec.queue) return;
  if (victim.spec.queue === taker.spec.queue) throw new Error('reclaims from its own queue');
  const shared = new Set(pathOf(cluster, taker).map(({ name }) => name));
  for (const queue of pathOf(cluster, victim)) {
    if (shared.has(queue.name)) break;
    const stays = heldBelow(cluster, queue, ({ state }) => state !== 'stopping') + claimedBelow(cluster, queue);
    if (stays <= queue.guaranteeGpus) {
      throw new Error(`${queue.name} gives though it has ${stays} of ${queue.guaranteeGpus} guaranteed`);
    }
  }
}

/** The workload's queue and all above it. */
export function pathOf(cluster: TestCluster, workload: Workload): Queue[] {
  const path: Queue[] = [];
  for (let name: string | null = workload.spec.queue; name !== null;) {
    const queue = cluster.queueRecords().find((candidate) => candidate.name === name);
    if (!queue) break;
    path.push(queue);
    name = queue.parent;
  }
  return path;
}

/** GPUs that workloads of a queue and all below it hold in allocations. */
export function heldBelow(cluster: TestCluster, queue: Queue, counts: (workload: Workload) => boolean): number {
  let sum = 0;
  for (const { workload: number, gpus } of cluster.allocations()) {
    const workload = cluster.workload(number);
    if (counts(workload) && pathOf(cluster, workload).includes(queue)) sum += gpus.length;
  }
  return sum;
}

export function claimedBelow(cluster: TestCluster, queue: Queue): number {
  let sum = 0;
  for (const workload of cluster.workloads()) {
    if (workload.state !== 'pending' || !workload.claim || !pathOf(cluster, workload).includes(queue)) continue;
    sum += gpusOfGang(workload.spec);
  }
  return sum;
}

/** A pending workload of one task, without a claim, that would stay within its queue's guarantee. For flat trees. */
export function isOwed(cluster: TestCluster, workload: Workload): boolean {
  const { state, claim, spec } = workload;
  const [queue] = pathOf(cluster, workload);
  if (state !== 'pending' || claim || minTasks(spec) !== 1 || gpusOfGang(spec) === 0 || !queue) return false;
  const use = staying(cluster, queue) + gpusOfGang(spec);
  const fixed = heldBelow(cluster, queue, (other) => !other.spec.preemptible);
  return use <= queue.guaranteeGpus && (spec.preemptible || fixed + gpusOfGang(spec) <= queue.guaranteeGpus);
}

/** Nodes where some set of legal victims would make room for its task: by trying every set. For flat trees, no limits. */
export function placesByForce(cluster: TestCluster, workload: Workload): string[] {
  const claimed = new Set<string>();
  for (const { state, claim } of cluster.workloads()) {
    if (state !== 'pending') continue;
    for (const { node, gpus } of claim?.placements ?? []) for (const index of gpus) claimed.add(`${node}:${index}`);
  }
  return cluster
    .nodeRecords()
    .filter((node) => {
      const here = cluster.allocations().filter((allocation) => allocation.node === node.id);
      const stays = here.filter(({ stop }) => !stop);
      const held = new Set(stays.flatMap(({ gpus }) => gpus.map(({ index }) => index)));
      const open = node.gpus.filter(({ index }) => !held.has(index) && !claimed.has(`${node.id}:${index}`)).length;
      const victims = [...new Set(stays.map((allocation) => allocation.workload))]
        .map((number) => cluster.workload(number))
        .filter(({ spec }) => spec.preemptible && spec.queue !== workload.spec.queue);
      return subsets(victims).some((chosen) => {
        const freed = stays.filter((allocation) => chosen.some(({ number }) => number === allocation.workload));
        const gpus = freed.reduce((sum, allocation) => sum + allocation.gpus.length, 0);
        return chosen.length > 0 && open + gpus >= gpusOfGang(workload.spec) && mayGiveTogether(cluster, chosen);
      });
    })
    .map(({ name }) => name);
}

/** In the best order: the largest last, so that each queue is above its guarantee before each of its victims. */
function mayGiveTogether(cluster: TestCluster, victims: readonly Workload[]): boolean {
  return cluster.queueRecords().every((queue) => {
    const sizes = victims.filter(({ spec }) => spec.queue === queue.name).map(({ spec }) => gpusOfGang(spec));
    if (sizes.length === 0) return true;
    const beforeLast = sizes.reduce((sum, size) => sum + size, 0) - Math.max(...sizes);
    return staying(cluster, queue) - beforeLast > queue.guaranteeGpus;
  });
}

/** What a queue will hold when all that leaves has left. */
function staying(cluster: TestCluster, queue: Queue): number {
  return heldBelow(cluster, queue, ({ state }) => state !== 'stopping') + claimedBelow(cluster, queue);
}

function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((all, item) => [...all, ...all.map((chosen) => [...chosen, item])], [[]]);
}

// The laws every decision must keep, checked against the records alone, with none of the engine's code.
import type { Bind, Decision, Evict, MakeClaim } from '../../scheduler/engine/decisions.js';
import type { EnginePolicy } from '../../scheduler/engine/policy.js';
import { isWhole, staysWhole } from '../../scheduler/model/elastic.js';
import type {
  Allocation,
  ClusterNode,
  Gpu,
  Placement,
  PlacementRules,
  Queue,
  TopologyLevel,
  Workload,
} from '../../scheduler/model/records.js';
import { GPU_PARTS, gpusOfGang, minTasks, partsPerTask, roleOf, toGpus } from '../../scheduler/model/requests.js';
import { TestCluster } from './cluster.js';
import { checkScopeLimits, checkScopeVictim, isOwedPart } from './scope-laws.js';

/** A cluster in which every decision is checked before it is carried out. */
export function lawfulCluster(policy: Partial<EnginePolicy> = {}): TestCluster {
  const cluster = new TestCluster(policy);
  cluster.onDecision = (decision) => checkLaws(cluster, decision);
  return cluster;
}

/** Throws when carrying out `decision` now would break a law. */
export function checkLaws(cluster: TestCluster, decision: Decision): void {
  switch (decision.type) {
    case 'bind':
      checkTasks(cluster, decision);
      checkPlaces(cluster, decision, 'free');
      checkScopeLimits(cluster, decision);
      return checkQueues(cluster, decision);
    case 'claim':
      checkTasks(cluster, decision);
      return checkPlaces(cluster, decision, 'leaving');
    case 'evict':
      return checkVictim(cluster, decision);
    case 'drop_claim':
      if (!cluster.workload(decision.workload).claim) throw new Error('drops a claim that is not there');
  }
}

/** The whole core of what waits, or more tasks of what runs; each with the parts of the GPUs it asked for. */
function checkTasks(cluster: TestCluster, decision: Bind | MakeClaim): void {
  const { state, spec, allocations } = cluster.workload(decision.workload);
  const tasks = decision.placements.map(({ task }) => task);
  // What is moved gets its promise while it leaves.
  if (state === 'pending' || (decision.type === 'claim' && state === 'stopping')) {
    const wanted = coreTasks(spec).join();
    if (tasks.join() !== wanted) throw new Error(`tasks ${tasks.join()} instead of ${wanted}`);
  } else if (state === 'starting' || state === 'running') {
    const known = cluster.allocations().filter(({ id }) => allocations.includes(id));
    if (tasks.some((task) => known.some((one) => one.task === task))) throw new Error('a task is placed twice');
  } else {
    throw new Error(`${decision.type}s ${decision.workload}, which is ${state}`);
  }
  for (const placement of decision.placements) checkTask(cluster, spec, placement);
}

function coreTasks({ roles }: Workload['spec']): number[] {
  let first = 0;
  return roles.flatMap((role) => {
    const tasks = Array.from({ length: role.minTasks }, (_, offset) => first + offset);
    first += role.maxTasks;
    return tasks;
  });
}

function checkTask(cluster: TestCluster, spec: Workload['spec'], placement: Placement): void {
  const { request } = roleOf(spec, placement.task);
  const { gpus, node, parts, instances } = placement;
  if (gpus.length !== request.gpus) throw new Error(`a task gets ${gpus.length} GPUs, not ${request.gpus}`);
  if (gpus.length === 0) return;
  const { memoryMib } = gpuOf(nodeOf(cluster, node), gpus[0] ?? -1);
  const wanted = partsPerTask(request, memoryMib) / request.gpus;
  if (parts !== wanted) throw new Error(`a task gets ${parts} parts of each GPU, not ${wanted}`);
  const isMig = request.migProfile !== '';
  if (instances.length !== (isMig ? gpus.length : 0)) throw new Error(`${instances.length} MIG instances`);
  if (!isMig && new Set(gpus).size !== gpus.length) throw new Error('a task gets one GPU twice');
}

function nodeOf(cluster: TestCluster, id: string): ClusterNode {
  const node = cluster.nodeRecords().find((candidate) => candidate.id === id);
  if (!node) throw new Error(`no node ${id}`);
  return node;
}

function gpuOf(node: ClusterNode, index: number): Gpu {
  const gpu = node.gpus.find((candidate) => candidate.index === index);
  if (!gpu) throw new Error(`no GPU ${index} on ${node.name}`);
  return gpu;
}

/** What is held, leaves and is promised, of GPU parts, cores and memory, under the names of what they are of. */
class Uses {
  readonly held = new Map<string, number>();
  readonly leaving = new Map<string, number>();
  readonly promised = new Map<string, number>();

  constructor(cluster: TestCluster, besides: Workload) {
    for (const { node, gpus, cpuMilli, memoryMib, stop } of cluster.allocations()) {
      for (const into of stop ? [this.held, this.leaving] : [this.held]) {
        for (const { uuid, parts, instance } of gpus) addSlot(into, node, uuid, parts, instance);
        add(into, `${node} CPU`, cpuMilli);
        add(into, `${node} memory`, memoryMib);
      }
    }
    for (const { number, spec, claim } of cluster.workloads()) {
      if (number === besides.number) continue;
      for (const placement of claim?.placements ?? []) addPlacement(cluster, this.promised, placement, spec);
    }
  }
}

/** A GPU is the same wherever it stands in its node's list; whoever has an instance has all of it, and its part of the GPU. */
function addSlot(into: Map<string, number>, node: string, uuid: string, parts: number, instance: string): void {
  add(into, `GPU ${uuid} of ${node}`, parts);
  if (instance !== '') add(into, `instance ${instance} of ${node}`, GPU_PARTS);
}

function add(into: Map<string, number>, name: string, amount: number): void {
  into.set(name, (into.get(name) ?? 0) + amount);
}

function addPlacement(
  cluster: TestCluster,
  into: Map<string, number>,
  placement: Placement,
  spec: Workload['spec'],
): void {
  const { task, node, gpus, parts, instances } = placement;
  const known = cluster.nodeRecords().find(({ id }) => id === node)?.gpus ?? [];
  const { cpuMilli, memoryMib } = roleOf(spec, task).request;
  gpus.forEach((index, at) => {
    const uuid = known.find((gpu) => gpu.index === index)?.uuid ?? `${index}`;
    addSlot(into, node, uuid, parts, instances[at] ?? '');
  });
  add(into, `${node} CPU`, cpuMilli);
  add(into, `${node} memory`, memoryMib);
}

/**
 * Each node takes work and is of the right kind, each GPU is healthy, and with what is given nothing is given out beyond
 * what there is: now, if it is to be free, and once all that leaves has left.
 */
function checkPlaces(cluster: TestCluster, decision: Bind | MakeClaim, want: 'free' | 'leaving'): void {
  const workload = cluster.workload(decision.workload);
  const uses = new Uses(cluster, workload);
  const given = new Map<string, number>();
  for (const placement of decision.placements) {
    const node = nodeOf(cluster, placement.node);
    checkNode(cluster, node, roleOf(workload.spec, placement.task).rules);
    for (const [at, index] of placement.gpus.entries()) {
      checkGpu(node, index, workload.spec, placement, placement.instances[at] ?? '');
    }
    addPlacement(cluster, given, placement, workload.spec);
  }
  for (const [name, amount] of given) {
    if (amount === 0) continue;
    const [held, leaving, promised] = [uses.held, uses.leaving, uses.promised].map((use) => use.get(name) ?? 0);
    const later = (held ?? 0) - (leaving ?? 0) + (promised ?? 0) + amount;
    const most = capacityOf(cluster, name);
    if (later > most) throw new Error(`${name} will be given out ${later} of ${most}`);
    if (want === 'free' && (held ?? 0) + amount > most) throw new Error(`${name} is not free`);
  }
  checkTogether(cluster, decision);
}

/** A node that does not say what it has sets no bound. */
function capacityOf(cluster: TestCluster, name: string): number {
  const [id = '', what] = name.split(' ');
  if (what === 'CPU') return nodeOf(cluster, id).cpuCount * 1_000 || Infinity;
  return what === 'memory' ? nodeOf(cluster, id).memoryMib || Infinity : GPU_PARTS;
}

function checkNode(cluster: TestCluster, node: ClusterNode, rules: PlacementRules): void {
  const { name } = node;
  const isOut = node.maintenance.some(({ startMs, endMs }) => startMs <= cluster.nowMs && cluster.nowMs < endMs);
  if (node.cordoned || isOut || cluster.livenessOf(node.id) !== 'ready') throw new Error(`${name} takes no work`);
  if (rules.pool !== '' && node.pool !== rules.pool) throw new Error(`${name} is not in pool ${rules.pool}`);
  if (rules.nodes.length > 0 && !rules.nodes.includes(name)) throw new Error(`${name} was not asked for`);
  for (const [label, value] of Object.entries(rules.labels)) {
    if (node.labels[label] !== value) throw new Error(`${name} has not the label ${label}=${value}`);
  }
}

function checkGpu(
  node: ClusterNode,
  index: number,
  spec: Workload['spec'],
  { task }: Placement,
  instance: string,
): void {
  const gpu = gpuOf(node, index);
  const { rules, request } = roleOf(spec, task);
  const name = `GPU ${node.name}:${index}`;
  if (gpu.health !== 'healthy') throw new Error(`${name} is not healthy`);
  const has = (model: string): boolean =>
    model
      .toLowerCase()
      .split(' ')
      .every((word) => gpu.model.toLowerCase().includes(word));
  if (rules.models.length > 0 && !rules.models.some(has)) throw new Error(`${name} is ${gpu.model}`);
  const slice = gpu.mig?.find(({ uuid }) => uuid === instance);
  if ((gpu.mig !== null) !== (request.migProfile !== '')) throw new Error(`${name} is or is not in MIG mode`);
  if (gpu.mig !== null && slice?.profile !== request.migProfile) throw new Error(`${name}: ${slice?.profile}`);
  const memoryMib = slice?.memoryMib ?? gpu.memoryMib;
  if (memoryMib < Math.max(rules.minGpuMemoryMib, request.gpuMemoryMib)) throw new Error(`${name} is too small`);
}

/** Where one task is. */
interface Whereabouts {
  readonly task: number;
  readonly node: string;
  /** By index. */
  readonly gpus: readonly number[];
}

/** What must be in one NVLink group, node, rack or block is, with what runs of it already. */
function checkTogether(cluster: TestCluster, decision: Bind | MakeClaim): void {
  const { spec, state, allocations } = cluster.workload(decision.workload);
  const running = cluster
    .allocations()
    .filter(({ id }) => state !== 'stopping' && allocations.includes(id))
    .map(({ task, node, gpus }) => ({ task, node, gpus: gpus.map(({ index }) => index) }));
  const all: Whereabouts[] = [...running, ...decision.placements];
  const groups = [
    { rule: spec.topology, places: all },
    ...spec.roles.map((role) => ({
      rule: role.topology,
      places: all.filter(({ task }) => roleOf(spec, task) === role),
    })),
  ];
  for (const { rule, places } of groups) {
    if (!rule?.required) continue;
    const domains = new Set(places.flatMap((place) => domainsOf(cluster, place, rule.level)));
    if (domains.size > 1) throw new Error(`its tasks are in more than one ${rule.level}: ${[...domains].join()}`);
  }
}

function domainsOf(cluster: TestCluster, { node: id, gpus }: Whereabouts, level: TopologyLevel): string[] {
  const node = nodeOf(cluster, id);
  switch (level) {
    case 'nvlink':
      return gpus.map((index) => `${id}/${gpuOf(node, index).nvlinkGroup}`);
    case 'node':
      return [id];
    case 'rack':
      return [`${node.labels.block}/${node.labels.rack}`];
    case 'block':
      return [`${node.labels.block}`];
  }
}

/** GPU parts, thousandths of a core and MiB. */
type Sums = readonly [number, number, number];

const RESOURCES = ['GPUs', 'CPU', 'memory'] as const;

/** Limits, and the guarantee for work that is not preemptible, at every level; and what one user may hold. */
function checkQueues(cluster: TestCluster, { workload: number, placements }: Bind): void {
  const workload = cluster.workload(number);
  const asked = sumOfPlacements(workload, placements);
  for (const queue of pathOf(cluster, workload)) {
    const held = sumsBelow(cluster, queue, () => true);
    const fixed = sumsBelow(cluster, queue, (other) => !other.spec.preemptible);
    const [limits, guarantees] = [limitsOf(queue), promisesOf(queue)];
    RESOURCES.forEach((resource, at) => {
      const wants = asked[at] ?? 0;
      if (wants === 0) return;
      if ((held[at] ?? 0) + wants > (limits[at] ?? 0)) throw new Error(`${queue.name} over its limit of ${resource}`);
      if (workload.spec.preemptible || (fixed[at] ?? 0) + wants <= (guarantees[at] ?? 0)) return;
      throw new Error(`${queue.name} over its guarantee of ${resource} with fixed work`);
    });
    const own = sumsBelow(cluster, queue, ({ owner }) => owner === workload.owner)[0];
    if (queue.userLimitGpus !== null && toGpus(own + asked[0]) > queue.userLimitGpus) {
      throw new Error(`${workload.owner} over the limit of a user in ${queue.name}`);
    }
  }
}

function sumOfPlacements({ spec }: Workload, placements: readonly Placement[]): Sums {
  let [parts, cpuMilli, memoryMib] = [0, 0, 0];
  for (const placement of placements) {
    const { request } = roleOf(spec, placement.task);
    parts += placement.gpus.length * placement.parts;
    cpuMilli += request.cpuMilli;
    memoryMib += request.memoryMib;
  }
  return [parts, cpuMilli, memoryMib];
}

function limitsOf({ limitGpus, limitCpuMilli, limitMemoryMib }: Queue): Sums {
  return [(limitGpus ?? Infinity) * GPU_PARTS, limitCpuMilli ?? Infinity, limitMemoryMib ?? Infinity];
}

/** What is guaranteed of the whole, or of parts of it together if that is more. */
function promisesOf(queue: Queue): Sums {
  const [parts, ...stores] = guaranteesOf(queue);
  const ofParts = queue.scopes.reduce((sum, { guaranteeGpus }) => sum + guaranteeGpus, 0) * GPU_PARTS;
  return [Math.max(parts, ofParts), ...stores];
}

function guaranteesOf({ guaranteeGpus, guaranteeCpuMilli, guaranteeMemoryMib }: Queue): Sums {
  return [guaranteeGpus * GPU_PARTS, guaranteeCpuMilli ?? Infinity, guaranteeMemoryMib ?? Infinity];
}

/**
 * Preemptible; all of it, or what it can do without; and from a queue above its guarantee, or of lower priority in the same
 * queue, or moved there. A gang that lacks tasks may go for nobody.
 */
function checkVictim(cluster: TestCluster, decision: Evict): void {
  const victim = cluster.workload(decision.workload);
  if (victim.state !== 'starting' && victim.state !== 'running') throw new Error(`evicts what is ${victim.state}`);
  const all = cluster.allocationsOf(victim.number);
  const stays = all.filter(({ stop }) => !stop);
  const isAll = stays.every(({ id }) => decision.allocations.includes(id));
  const isPart = staysWhole(victim.spec, all, new Set(decision.allocations));
  if (decision.reason === 'gang_ended') {
    if (!isAll || decision.forWorkload !== null) throw new Error('repairs by half');
    if (isWhole(victim.spec, all, ({ stop }) => !stop)) throw new Error(`ends ${victim.number}, which is whole`);
    return;
  }
  if (!isAll && !isPart) throw new Error('evicts a part of a gang');
  if (decision.forWorkload === null) throw new Error('evicts for nobody');
  const taker = cluster.workload(decision.forWorkload);
  if (!victim.spec.preemptible) throw new Error(`evicts ${victim.number}, which is not preemptible`);
  if (decision.reason === 'preempted') {
    if (victim.spec.queue !== taker.spec.queue) throw new Error('preempts in another queue');
    if (victim.spec.priority >= taker.spec.priority) throw new Error('preempts what is not lower');
    return;
  }
  if (decision.reason === 'moved' && victim.spec.queue === taker.spec.queue) return;
  if (victim.spec.queue === taker.spec.queue) throw new Error('reclaims from its own queue');
  const shared = new Set(pathOf(cluster, taker).map(({ name }) => name));
  const givers = pathOf(cluster, victim).filter(({ name }) => !shared.has(name));
  const names = new Set(givers.map(({ name }) => name));
  const queues = pathOf(cluster, taker).filter(({ name }) => !names.has(name) && !isAbove(cluster, name, victim));
  checkScopeVictim(cluster, decision, givers);
  for (const queue of givers) {
    if (isOwedPart(cluster, decision, { workload: taker, queues }, queue)) continue;
    const keeps = stayingSums(cluster, queue);
    const guarantees = guaranteesOf(queue);
    if (keeps.every((amount, at) => amount <= (guarantees[at] ?? 0))) {
      throw new Error(`${queue.name} gives though it has ${toGpus(keeps[0])} of ${queue.guaranteeGpus} guaranteed`);
    }
  }
}

function isAbove(cluster: TestCluster, name: string, workload: Workload): boolean {
  return pathOf(cluster, workload).some((queue) => queue.name === name);
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

/** What allocations of workloads of a queue and all below it hold. */
function sumsBelow(
  cluster: TestCluster,
  queue: Queue,
  counts: (workload: Workload, allocation: Allocation) => boolean,
): Sums {
  let [parts, cpuMilli, memoryMib] = [0, 0, 0];
  for (const allocation of cluster.allocations()) {
    const workload = cluster.workload(allocation.workload);
    if (!counts(workload, allocation) || !pathOf(cluster, workload).includes(queue)) continue;
    parts += allocation.gpus.reduce((sum, gpu) => sum + gpu.parts, 0);
    cpuMilli += allocation.cpuMilli;
    memoryMib += allocation.memoryMib;
  }
  return [parts, cpuMilli, memoryMib];
}

/** What a queue will hold when all that leaves has left and all promises are kept. */
function stayingSums(cluster: TestCluster, queue: Queue): Sums {
  const claimers = cluster.workloads().filter((workload) => pathOf(cluster, workload).includes(queue));
  return claimers
    .map((workload) => sumOfPlacements(workload, workload.claim?.placements ?? []))
    .reduce(
      (sum, promised) => [sum[0] + promised[0], sum[1] + promised[1], sum[2] + promised[2]],
      sumsBelow(cluster, queue, (_, { stop }) => stop === null),
    );
}

/** GPUs that workloads of a queue and all below it hold in allocations. */
export function heldBelow(cluster: TestCluster, queue: Queue, counts: (workload: Workload) => boolean): number {
  return toGpus(sumsBelow(cluster, queue, counts)[0]);
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

/** GPUs a queue will hold when all that leaves has left. */
function staying(cluster: TestCluster, queue: Queue): number {
  return toGpus(stayingSums(cluster, queue)[0]);
}

function subsets<T>(items: readonly T[]): T[][] {
  return items.reduce<T[][]>((all, item) => [...all, ...all.map((chosen) => [...chosen, item])], [[]]);
}

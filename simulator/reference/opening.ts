// The state at the begin of a cycle, made of records: what every task holds, leaves or is promised, and the fair shares of all
// queues.
import type { Allocation, ClusterNode, Placement, Queue, Workload } from '../../scheduler/model/records.js';
import { GPU_PARTS, migParts, roleOf } from '../../scheduler/model/requests.js';
import { askedOf, guaranteeIn, holdingOf, limitIn } from './accounts.js';
import { plus, sum, type Amounts } from './amounts.js';
import {
  allocatedTo,
  gpuKey,
  guaranteeOf,
  isBelow,
  limitOf,
  pendingTasks,
  usableGpus,
  type Cluster,
  type Place,
  type ReferenceInput,
  type State,
} from './cluster.js';
import { fairShares, fairSharesOfParts } from './fair-share.js';
import { isIn, partsNamed, type Parts } from './parts.js';
import type { ShareNode } from './share-node.js';

/** The state at the begin of a cycle, with the fair shares of all queues. */
export function openCycle(input: ReferenceInput): State {
  const memories = input.nodes.flatMap((node) => usableGpus(node).map((gpu) => gpu.memoryMib));
  const bare: Cluster = {
    input,
    queues: new Map(input.queues.map((queue) => [queue.name, queue])),
    nodes: new Map(input.nodes.map((node) => [node.id, node])),
    workloads: new Map(input.workloads.map((workload) => [workload.number, workload])),
    total: sum(input.nodes.filter((node) => !node.cordoned).map(capacity)),
    fairShares: new Map(),
    parts: partsOf(input),
    partShares: new Map(),
    smallestGpuMib: memories.length === 0 ? 0 : Math.min(...memories),
    largestGpuMib: Math.max(0, ...memories),
  };
  const places = [
    ...input.allocations.filter((each) => each.state !== 'released').map((each) => placeOfAllocation(bare, each)),
    ...input.workloads.flatMap((workload) =>
      (workload.claim?.placements ?? []).map((each) => placeOfClaim(bare, workload, each)),
    ),
  ];
  const opened = { cluster: bare, places };
  const roots = input.queues.filter((queue) => queue.parent === null).map((queue) => shareNode(opened, queue));
  const cluster = {
    ...bare,
    fairShares: fairShares(bare.total, roots, bare.parts),
    partShares: fairSharesOfParts(roots, bare.parts),
  };
  return { cluster, places };
}

/** The parts that queues name, with what there is of them. */
function partsOf({ queues, nodes }: ReferenceInput): Parts {
  const all = partsNamed(queues);
  const isOf = ({ pool, gpus: [gpu] }: ClusterNode, at: number): boolean => {
    const part = all[at];
    return part !== undefined && gpu !== undefined && isIn(part, { pool, model: gpu.model });
  };
  const taking = nodes.filter((node) => !node.cordoned);
  return {
    all,
    totals: all.map((_, at) => sum(taking.filter((node) => isOf(node, at)).map(capacity)).gpuParts),
    overlap: (left, right) => nodes.some((node) => isOf(node, left) && isOf(node, right)),
  };
}

function shareNode(state: State, queue: Queue): ShareNode {
  const { input, parts } = state.cluster;
  const below = input.workloads.filter((workload) => isBelow(state.cluster, workload.spec.queue, queue.name));
  const pending = below.flatMap((workload) => pendingTasks(state, workload));
  return {
    name: queue.name,
    guarantee: guaranteeOf(queue),
    limit: limitOf(queue),
    request: plus(allocatedTo(state, queue.name), askedOf(state.cluster, pending, null)),
    weight: queue.weight,
    priority: queue.priority,
    createdMs: queue.createdMs,
    children: input.queues.filter((child) => child.parent === queue.name).map((child) => shareNode(state, child)),
    parts: parts.all.map((_, part) => {
      const request = plus(holdingOf(state, queue, part), askedOf(state.cluster, pending, part)).gpuParts;
      const [guarantee, limit] = [guaranteeIn, limitIn].map((of) => of(state.cluster, queue, part).gpuParts);
      return { guarantee: guarantee ?? 0, limit: limit ?? Infinity, request, boundRequest: request };
    }),
  };
}

/** What there is to divide of a node; a GPU in MIG mode is worth the sum of its instances. */
function capacity(node: ClusterNode): Amounts {
  return {
    cpuMilli: node.cpuCount * 1_000,
    memoryMib: node.memoryMib,
    gpuParts: usableGpus(node)
      .map((gpu) =>
        gpu.mig === null ? GPU_PARTS : gpu.mig.reduce((parts, instance) => parts + migParts(instance.profile), 0),
      )
      .reduce((all, parts) => all + parts, 0),
  };
}

function placeOfAllocation(cluster: Cluster, allocation: Allocation): Place {
  const first = allocation.gpus[0];
  const node = cluster.nodes.get(allocation.node);
  return {
    workload: allocation.workload,
    task: allocation.task,
    node: allocation.node,
    state: allocation.state === 'placed' || allocation.state === 'running' ? 'held' : 'leaving',
    ...ofGpus(
      node,
      first?.parts ?? 0,
      allocation.gpus.map((gpu) => gpu.index),
      allocation.gpus.map((gpu) => gpu.instance).filter((instance) => instance !== ''),
    ),
    cpuMilli: allocation.cpuMilli,
    memoryMib: allocation.memoryMib,
    allocation: allocation.id,
  };
}

function placeOfClaim(cluster: Cluster, workload: Workload, placement: Placement): Place {
  const { request } = roleOf(workload.spec, placement.task);
  return {
    workload: workload.number,
    task: placement.task,
    node: placement.node,
    state: 'promised',
    ...ofGpus(cluster.nodes.get(placement.node), placement.parts, placement.gpus, placement.instances),
    cpuMilli: request.cpuMilli,
    memoryMib: request.memoryMib,
    allocation: null,
  };
}

function ofGpus(
  node: ClusterNode | undefined,
  parts: number,
  gpus: readonly number[],
  instances: readonly string[],
): Pick<Place, 'kind' | 'count' | 'parts' | 'shared' | 'profile' | 'gpus' | 'instances'> {
  const kind = gpus.length === 0 ? 'no gpu' : instances.length > 0 ? 'mig' : parts >= GPU_PARTS ? 'whole' : 'share';
  const profile = node?.gpus.flatMap((gpu) => gpu.mig ?? []).find((each) => each.uuid === instances[0])?.profile ?? '';
  return {
    kind,
    count: gpus.length,
    parts,
    shared: kind === 'share' ? gpus.map(gpuKey) : [],
    profile,
    gpus,
    instances,
  };
}

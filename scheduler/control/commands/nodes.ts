// Nodes: how they join, what they report of themselves, and whether they take new work.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../../common/errors.js';
import type { AllocationId, NodeId } from '../../../common/ids.js';
import { plural } from '../../../common/units.js';
import type { Draft } from '../../model/draft.js';
import { rebooted, unquarantined, withHealth, withReport } from '../../model/gpu-health.js';
import { DEFAULT_GPU_POLICY, type GpuPolicy } from '../../model/gpu-policy.js';
import { noteIncident } from '../../model/incidents.js';
import { dropClaim } from '../../model/lifecycle.js';
import type { Allocation, ClusterNode, Gpu } from '../../model/records.js';
import type { Command } from '../command.js';
import { notFound } from '../refusals.js';
import { findNode, nodeOfAgent } from './find-node.js';
import { followInventory } from './gpu-health.js';

/** Nodes one daemon takes, and GPUs one node may report. */
export const MAX_NODES = 20_000;
export const MAX_GPUS_PER_NODE = 256;

/** What an agent says of its machine. */
export interface NodeReport {
  readonly id: NodeId;
  readonly name: string;
  readonly pool: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly bootId: string;
  readonly agentVersion: string;
  /** Where tasks on other nodes reach it; absent = not known. */
  readonly address?: string;
  readonly inventory: InventoryReport;
}

export interface InventoryReport {
  readonly gpus: readonly Omit<
    Gpu,
    'generation' | 'index' | 'quarantine' | 'quarantinedFor' | 'retired' | 'marks' | 'faults' | 'reported'
  >[];
  readonly cpuCount: number;
  readonly memoryMib: number;
  readonly driverVersion: string;
  readonly cudaVersion: string;
  readonly gpuProblem: string;
  /** Why the node's own health check keeps new work off it; absent = it does not. */
  readonly nodeProblem?: string;
}

/** Takes a node in, or brings its record up to date. A name belongs to one node id as long as that node exists. */
export function registerNode(draft: Draft, report: NodeReport, nowMs: number): ClusterNode {
  const known = draft.get('nodes', report.id);
  const holder = draft.base.nodeNamed(report.name);
  if (holder !== undefined && holder.id !== report.id) throw nameTaken(report.name, holder);
  if (known === undefined && draft.base.nodes.size >= MAX_NODES) {
    throw new ApiError({
      code: status.RESOURCE_EXHAUSTED,
      reason: 'TOO_MANY_NODES',
      message: `${MAX_NODES} nodes are registered already, the most there may be`,
    });
  }
  const inventory = withInventory(known === undefined ? [] : gpusAfter(known, report.bootId), report.inventory);
  const node: ClusterNode = {
    id: report.id,
    name: report.name,
    pool: report.pool,
    labels: report.labels,
    bootId: report.bootId,
    agentVersion: report.agentVersion,
    ...(report.address === undefined ? {} : { address: report.address }),
    cordoned: known?.cordoned ?? false,
    cordonReason: known?.cordonReason ?? '',
    maintenance: known?.maintenance ?? [],
    ...(known?.strays === undefined ? {} : { strays: known.strays }),
    ...(known?.healthSequence === undefined ? {} : { healthSequence: known.healthSequence }),
    registeredMs: known?.registeredMs ?? nowMs,
    ...inventory,
    gpus: withoutThoseOfOthers(draft, report.id, inventory.gpus),
  };
  if (known === undefined || JSON.stringify(known) !== JSON.stringify(node)) draft.putNode(node);
  return draft.node(report.id);
}

/** Takes in what an agent found since. @returns in words, what followed from it */
export function updateInventory(
  id: NodeId,
  inventory: InventoryReport,
  policy: GpuPolicy = DEFAULT_GPU_POLICY,
): Command<readonly string[]> {
  return {
    name: 'inventory',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, context) => {
      const { nodeProblem: _, ...known } = nodeOfAgent(draft, id);
      const found = withInventory(known.gpus, inventory);
      const node = { ...known, ...found, gpus: withoutThoseOfOthers(draft, id, found.gpus) };
      if (JSON.stringify(draft.node(id)) !== JSON.stringify(node)) draft.putNode(node);
      return followInventory(draft, id, inventory.gpuProblem === '', policy, context);
    },
  };
}

/** Keeps new work off a node, or lets it come again: to its quarantined GPUs, too, since a person looked after them. */
export function cordonNode(name: string, cordoned: boolean, reason: string): Command<ClusterNode> {
  return {
    name: cordoned ? 'cordon_node' : 'uncordon_node',
    whenSpace: 'critical',
    run: (draft) => {
      const node = findNode(draft, name);
      const gpus = cordoned ? node.gpus : node.gpus.map(unquarantined);
      // Cordoning again without a reason does not take away the one that was given.
      const cordonReason = cordoned ? reason || node.cordonReason : '';
      const changed = { ...node, gpus, cordoned, cordonReason };
      if (JSON.stringify(node) !== JSON.stringify(changed)) draft.putNode(changed);
      return draft.node(node.id);
    },
  };
}

/** Forgets a node of which nothing is held. What its agent knows of generations comes back with it, should it return. */
export function removeNode(name: string, actor: string): Command<ClusterNode> {
  return {
    name: 'remove_node',
    whenSpace: 'critical',
    run: (draft, context) => {
      const node = findNode(draft, name);
      const held = draft.base.heldOn(node.id);
      if (held.length > 0) throw stillHeld(node, held);
      for (const { number, claim } of draft.base.workloads.values()) {
        if (claim?.placements.some((one) => one.node === node.id) !== true) continue;
        dropClaim(draft, number, `node ${name} was removed`, context.nowMs);
      }
      draft.delete('nodes', node.id);
      noteIncident(draft, 'node_removed', `node ${name} (${node.id}) was removed`, actor, context);
      return node;
    },
  };
}

/** Takes away the entry of a lost GPU. Its place stays, since grants name GPUs by it, and is the next new GPU's. */
export function removeGpu(name: string, uuid: string, actor: string): Command<ClusterNode> {
  return {
    name: 'remove_gpu',
    whenSpace: 'critical',
    run: (draft, context) => {
      const node = findNode(draft, name);
      const shown = node.gpus.filter(({ retired }) => retired !== true);
      const gpu = shown.find((one) => one.uuid === uuid);
      if (gpu === undefined) {
        throw notFound(
          'gpu',
          uuid,
          shown.map((one) => one.uuid),
        );
      }
      const held = draft.base.heldOn(node.id).filter((one) => one.gpus.some((granted) => granted.uuid === uuid));
      if (held.length > 0) throw stillHeld(node, held);
      if (gpu.health !== 'lost') throw notLost(node, gpu);
      const gpus = node.gpus.map((one): Gpu => (one.uuid === uuid ? { ...one, retired: true } : one));
      draft.putNode({ ...node, gpus });
      noteIncident(draft, 'gpu_removed', `GPU ${uuid} of node ${name} was removed`, actor, context);
      return draft.node(node.id);
    },
  };
}

function stillHeld({ name }: ClusterNode, held: readonly Allocation[]): ApiError {
  const workloads = [...new Set(held.map(({ workload }) => workload))].slice(0, 10).join(', ');
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'STILL_HELD',
    message:
      `${plural(held.length, 'allocation')} of node ${name} ${held.length === 1 ? 'is' : 'are'} held (workloads ${workloads})\n` +
      `Wait for their end; or, if the machine is off for certain: sluice node fence ${name} --i-certify-it-is-off`,
    metadata: { node: name },
  });
}

function notLost({ name }: ClusterNode, { uuid, health }: Gpu): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'GPU_NOT_LOST',
    message: `GPU ${uuid} of node ${name} is ${health}: only the entry of a lost one can be removed\nTake it out of the machine first, or cordon the node.`,
    metadata: { node: name },
  });
}

/**
 * A GPU that another node has as well is not for this one: two agents of one machine, a copied agent, or a lie would
 * give it two owners. It comes free here once the other node has lost it and holds nothing on it.
 */
function withoutThoseOfOthers(draft: Draft, id: NodeId, gpus: readonly Gpu[]): readonly Gpu[] {
  const holds = (node: ClusterNode, uuid: string): boolean =>
    node.gpus.some((gpu) => gpu.uuid === uuid && gpu.health === 'healthy') ||
    draft.base.heldOn(node.id).some((allocation) => allocation.gpus.some((gpu) => gpu.uuid === uuid));
  return gpus.map((gpu) => {
    const others = [...draft.base.nodesWithGpu(gpu.uuid)]
      .filter((other) => other !== id)
      .map((other) => draft.node(other));
    const owner = others.find((other) => holds(other, gpu.uuid));
    if (owner === undefined || gpu.health !== 'healthy') return gpu;
    return { ...gpu, health: 'quarantined', healthMessage: `node ${owner.name} has a GPU with the same UUID` };
  });
}

/** After a reboot nothing of an earlier task is left. */
function gpusAfter(known: ClusterNode, bootId: string): readonly Gpu[] {
  return known.bootId === bootId ? known.gpus : known.gpus.map(rebooted);
}

/**
 * Keeps GPUs from new work until a reboot or a person says that they are free. A GPU of which a share or an instance is
 * not clean is kept as a whole; those who hold other parts of it work on.
 * @param uuids of GPUs or of their MIG instances
 */
export function quarantineGpus(draft: Draft, id: NodeId, uuids: readonly string[], why: string): void {
  const node = draft.node(id);
  const quarantine = `${why}; see that nothing uses it, then: sluice uncordon ${node.name}`;
  const isMeant = ({ uuid, mig }: Gpu): boolean =>
    uuids.includes(uuid) || (mig ?? []).some((instance) => uuids.includes(instance.uuid));
  const gpus = node.gpus.map((gpu): Gpu => {
    if (!isMeant(gpu)) return gpu;
    const { quarantinedFor: _, ...kept } = gpu;
    return withQuarantine(kept, quarantine);
  });
  draft.putNode({ ...node, gpus });
}

/** The GPU, kept from new work until it is proven free. What its agent says of it is kept beside. */
function withQuarantine(gpu: Gpu, quarantine: string, quarantinedFor?: AllocationId): Gpu {
  const reported = withHealth(gpu).reported ?? { health: gpu.health, healthMessage: gpu.healthMessage };
  const own = gpu.quarantine === undefined ? reported : (gpu.reported ?? { health: 'healthy', healthMessage: '' });
  return withHealth({
    ...gpu,
    reported: own,
    quarantine,
    ...(quarantinedFor === undefined ? {} : { quarantinedFor }),
  });
}

/** Keeps GPUs from new work until a stray task on them has ended and left them clean. Those kept for another reason stay so. */
export function quarantineForStray(draft: Draft, id: NodeId, uuids: readonly string[], stray: AllocationId): void {
  const node = draft.node(id);
  const quarantine = `allocation ${stray} runs here and should not`;
  const gpus = node.gpus.map((gpu): Gpu =>
    uuids.includes(gpu.uuid) && gpu.quarantine === undefined ? withQuarantine(gpu, quarantine, stray) : gpu,
  );
  draft.putNode({ ...node, gpus });
}

/** The stray task is over. @param clean whether its agent saw its GPUs clean; else they stay quarantined */
export function strayIsOver(draft: Draft, id: NodeId, stray: AllocationId, clean: boolean): void {
  const node = draft.node(id);
  const gpus = node.gpus.map((gpu): Gpu => {
    if (gpu.quarantinedFor !== stray) return gpu;
    if (clean) return unquarantined(gpu);
    const { quarantinedFor: _, ...kept } = gpu;
    const quarantine = `allocation ${stray} left it dirty; see that nothing uses it, then: sluice uncordon ${node.name}`;
    return withQuarantine(kept, quarantine);
  });
  draft.putNode({ ...node, gpus });
}

/**
 * The GPUs of a node after a report. A GPU keeps its place and its generation for as long as the record lives, since
 * allocations and the engine name it by them; one that is no longer reported is lost.
 */
function withInventory(
  known: readonly Gpu[],
  report: InventoryReport,
): Pick<
  ClusterNode,
  'gpus' | 'cpuCount' | 'memoryMib' | 'driverVersion' | 'cudaVersion' | 'gpuProblem' | 'nodeProblem'
> {
  const { gpus: reported, ...rest } = report;
  const byUuid = new Map(reported.map((gpu) => [gpu.uuid, gpu]));
  const kept = known.map((entry): Gpu => {
    const fresh = byUuid.get(entry.uuid);
    // One that was taken away and is back is as good as any.
    // What it read of it before says nothing any more.
    const { retired, symptoms: _, ...gpu } = entry;
    if (retired === true && fresh === undefined) return entry;
    if (fresh !== undefined) return withReport({ ...gpu, ...fresh }, fresh);
    const why = rest.gpuProblem === '' ? 'it is gone from the inventory' : rest.gpuProblem;
    return withReport(gpu, { health: 'lost', healthMessage: why });
  });
  const uuids = new Set(known.map(({ uuid }) => uuid));
  const gpus = [...kept];
  for (const gpu of byUuid.values()) {
    if (uuids.has(gpu.uuid)) continue;
    const place = gpus.findIndex(({ retired }) => retired === true);
    const index = place < 0 ? gpus.length : place;
    gpus[index] = { ...gpu, index, generation: 0 };
  }
  return { ...rest, gpus: gpus.slice(0, MAX_GPUS_PER_NODE) };
}

function nameTaken(name: string, holder: ClusterNode): ApiError {
  return new ApiError({
    code: status.ALREADY_EXISTS,
    reason: 'NODE_NAME_TAKEN',
    message:
      `another node is called "${name}" already (id ${holder.id})\n` +
      'Give this agent another --name, or the --state-dir it had before.',
    metadata: { node: name, id: holder.id },
  });
}

// The GPUs of a scenario's nodes as records, and who holds which of them: a scenario names nodes and groups of tasks that
// share a GPU, the records name GPUs.
import { present } from '../../common/assert.js';
import type { NodeId } from '../../common/ids.js';
import type { ClusterNode, Gpu, MigInstance, Placement, TaskRequest } from '../../scheduler/model/records.js';
import {
  GPU_PARTS,
  memoryShareParts,
  migParts,
  PARTS_PER_MILLI,
  PARTS_PER_SLICE,
} from '../../scheduler/model/requests.js';
import type { ScenarioNode } from './scenario.js';

/** A scenario says something that our records cannot hold. */
export class CannotRepresent extends Error {
  override readonly name = 'CannotRepresent';
}

/** A node as its agent would report it. On a `mixed` node every GPU is in MIG mode, so the plain ones are never granted. */
export function nodeRecord(node: ScenarioNode, toMemoryMib: (bytes: number) => number): ClusterNode {
  if (node.max_tasks !== undefined) {
    throw new CannotRepresent(`node ${node.name} takes at most ${node.max_tasks} tasks; records have no such bound`);
  }
  const sliced = packInstances(node);
  const plain = Array.from({ length: node.gpus }, () => (node.mig_strategy === 'mixed' ? [] : null));
  return {
    id: node.name as NodeId,
    name: node.name,
    pool: 'default',
    labels: {},
    gpus: [...plain, ...sliced].map((mig, index) => gpuRecord(node, index, mig)),
    cpuCount: node.cpus,
    memoryMib: toMemoryMib(node.memory_bytes),
    driverVersion: '',
    cudaVersion: '',
    gpuProblem: '',
    bootId: '',
    agentVersion: '',
    cordoned: false,
    cordonReason: '',
    maintenance: [],
    registeredMs: 0,
  };
}

function gpuRecord(node: ScenarioNode, index: number, mig: readonly MigInstance[] | null): Gpu {
  return {
    uuid: `${node.name}/gpu${index}`,
    index,
    model: 'GPU',
    memoryMib: node.gpu_memory_mib,
    simulated: true,
    health: 'healthy',
    healthMessage: '',
    pciBusId: '',
    generation: 1,
    nvlinkGroup: null,
    mig,
  };
}

/** MIG instances on as few GPUs as hold them, seven slices a GPU. */
function packInstances({ name, mig_instances = {} }: ScenarioNode): MigInstance[][] {
  const gpus: { free: number; readonly instances: MigInstance[] }[] = [];
  for (const [resource, count] of Object.entries(mig_instances)) {
    const profile = migProfile(resource);
    const slices = migParts(profile) / PARTS_PER_SLICE;
    for (let made = 0; made < count; made++) {
      let gpu = gpus.find(({ free }) => free >= slices);
      if (!gpu) gpus.push((gpu = { free: GPU_PARTS / PARTS_PER_SLICE, instances: [] }));
      gpu.free -= slices;
      gpu.instances.push({ uuid: `${name}/${profile}/${made}`, profile, memoryMib: memoryOf(profile) });
    }
  }
  return gpus.map(({ instances }) => instances);
}

/** `mig-1g.10gb` is the peer's word for the profile `1g.10gb`. */
export function migProfile(resource: string): string {
  return resource.replace(/^mig-/, '');
}

function memoryOf(profile: string): number {
  return Number(/\.(\d+)gb/.exec(profile)?.[1] ?? 0) * 1_024;
}

/** Hands the GPUs of a scenario's nodes to the tasks that run on them at the start. */
export class GpuDesk {
  readonly #nodes = new Map<string, NodeDesk>();

  constructor(nodes: readonly ClusterNode[]) {
    for (const node of nodes) this.#nodes.set(node.name, new NodeDesk(node));
  }

  /**
   * The GPUs of a task on its node.
   * @param groups the scenario's labels of the GPUs it shares; null = it has GPUs of its own
   */
  grant(
    nodeName: string,
    request: TaskRequest,
    groups: readonly string[] | null,
  ): Pick<Placement, 'gpus' | 'parts' | 'instances'> {
    const node = present(this.#nodes.get(nodeName), 'tasks run on nodes of the scenario', nodeName);
    if (request.gpus === 0) return { gpus: [], parts: 0, instances: [] };
    if (request.migProfile !== '') return node.takeInstances(request);
    return node.takeGpus(request, groups);
  }
}

/** The free parts of each GPU of one node. */
class NodeDesk {
  readonly #node: ClusterNode;
  readonly #free: number[];
  readonly #takenInstances = new Set<string>();
  readonly #groups = new Map<string, number>();

  constructor(node: ClusterNode) {
    this.#node = node;
    this.#free = node.gpus.map(({ mig }) => (mig === null ? GPU_PARTS : 0));
  }

  takeGpus(request: TaskRequest, groups: readonly string[] | null): Pick<Placement, 'gpus' | 'parts' | 'instances'> {
    const memoryMib = this.#node.gpus[0]?.memoryMib ?? 0;
    const byMemory = request.gpuMemoryMib > 0 ? memoryShareParts(request.gpuMemoryMib, memoryMib) : null;
    const parts = byMemory ?? request.gpuMilli * PARTS_PER_MILLI;
    const labels = groups ?? [];
    const gpus: number[] = [];
    for (let at = 0; at < request.gpus; at++) {
      const label = parts < GPU_PARTS ? labels[at] : undefined;
      const known = label === undefined ? undefined : this.#groups.get(label);
      const index = known ?? this.#free.findIndex((free) => free === GPU_PARTS);
      const free = this.#free[index];
      if (free === undefined || free < parts) throw this.#full(`${parts} of ${GPU_PARTS} parts of a GPU`);
      if (label !== undefined) this.#groups.set(label, index);
      this.#free[index] = free - parts;
      gpus.push(index);
    }
    return { gpus, parts, instances: [] };
  }

  takeInstances({ gpus: count, migProfile: profile }: TaskRequest): Pick<Placement, 'gpus' | 'parts' | 'instances'> {
    const gpus: number[] = [];
    const instances: string[] = [];
    for (const { index, mig } of this.#node.gpus) {
      for (const instance of mig ?? []) {
        if (gpus.length === count) break;
        if (instance.profile !== profile || this.#takenInstances.has(instance.uuid)) continue;
        this.#takenInstances.add(instance.uuid);
        gpus.push(index);
        instances.push(instance.uuid);
      }
    }
    if (gpus.length < count) throw this.#full(`${count} instances of ${profile}`);
    return { gpus, parts: migParts(profile), instances };
  }

  #full(wanted: string): CannotRepresent {
    return new CannotRepresent(`node ${this.#node.name} has no ${wanted} left for what runs on it at the start`);
  }
}

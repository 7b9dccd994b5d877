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

/** What a task gets of its node. */
export type Granted = Pick<Placement, 'gpus' | 'parts' | 'instances'>;

/** How a task has its GPUs at the start. */
export type Hold = 'running' | 'releasing' | 'pipelined';

const NOTHING: Granted = { gpus: [], parts: 0, instances: [] };

/** Hands the GPUs of a scenario's nodes to the tasks that have some at the start; what is only promised comes last. */
export class GpuDesk {
  readonly #nodes = new Map<string, NodeDesk>();

  constructor(nodes: readonly ClusterNode[]) {
    for (const node of nodes) this.#nodes.set(node.name, new NodeDesk(node));
  }

  /**
   * The GPUs of a task on its node.
   * @param groups the scenario's labels of the GPUs it shares; null = it has GPUs of its own
   */
  grant(nodeName: string, request: TaskRequest, hold: Hold, groups: readonly string[] | null): Granted {
    const node = present(this.#nodes.get(nodeName), 'tasks run on nodes of the scenario', nodeName);
    if (request.gpus === 0) return NOTHING;
    if (request.migProfile !== '') return node.grantInstances(request, hold);
    return node.grantGpus(request, hold, groups ?? []);
  }
}

/**
 * One node's GPUs and instances, in two books: what is free now, and what is free when all that is being released is gone.
 * A task that is being released is in the first book only, one with a promise in the second only.
 */
class NodeDesk {
  readonly #node: ClusterNode;
  readonly #freeNow: number[];
  readonly #freeLater: number[];
  readonly #takenNow = new Set<string>();
  readonly #takenLater = new Set<string>();
  readonly #gpuOfGroup = new Map<string, number>();

  constructor(node: ClusterNode) {
    this.#node = node;
    this.#freeNow = node.gpus.map(({ mig }) => (mig === null ? GPU_PARTS : 0));
    this.#freeLater = [...this.#freeNow];
  }

  grantGpus(request: TaskRequest, hold: Hold, labels: readonly string[]): Granted {
    const memoryMib = this.#node.gpus[0]?.memoryMib ?? 0;
    const byMemory = request.gpuMemoryMib > 0 ? memoryShareParts(request.gpuMemoryMib, memoryMib) : null;
    const parts = byMemory ?? request.gpuMilli * PARTS_PER_MILLI;
    const free = hold === 'pipelined' ? this.#freeLater : this.#freeNow;
    const gpus: number[] = [];
    for (let at = 0; at < request.gpus; at++) {
      const label = parts < GPU_PARTS ? labels[at] : undefined;
      const known = label === undefined ? undefined : this.#gpuOfGroup.get(label);
      const index = known ?? free.findIndex((left) => left === GPU_PARTS);
      if ((free[index] ?? 0) < parts) throw this.#full(`${parts} of ${GPU_PARTS} parts of a GPU`);
      if (label !== undefined) this.#gpuOfGroup.set(label, index);
      if (hold !== 'pipelined') subtract(this.#freeNow, index, parts);
      if (hold !== 'releasing') subtract(this.#freeLater, index, parts);
      gpus.push(index);
    }
    return { gpus, parts, instances: [] };
  }

  grantInstances({ gpus: count, migProfile: profile }: TaskRequest, hold: Hold): Granted {
    const taken = hold === 'pipelined' ? this.#takenLater : this.#takenNow;
    const free = this.#node.gpus
      .flatMap(({ index, mig }) => (mig ?? []).map((instance) => ({ index, ...instance })))
      .filter((instance) => instance.profile === profile && !taken.has(instance.uuid))
      .slice(0, count);
    if (free.length < count) throw this.#full(`${count} instances of ${profile}`);
    for (const { uuid } of free) {
      if (hold !== 'pipelined') this.#takenNow.add(uuid);
      if (hold !== 'releasing') this.#takenLater.add(uuid);
    }
    return { gpus: free.map(({ index }) => index), parts: migParts(profile), instances: free.map(({ uuid }) => uuid) };
  }

  #full(wanted: string): CannotRepresent {
    return new CannotRepresent(`node ${this.#node.name} has no ${wanted} left for what is there at the start`);
  }
}

function subtract(free: number[], index: number, parts: number): void {
  free[index] = (free[index] ?? 0) - parts;
}

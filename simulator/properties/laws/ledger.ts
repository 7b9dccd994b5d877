// Who holds what, counted from the records each time it is asked: what queues and users hold, what leaves, what is promised.
import type { Allocation, Placement, Queue, Workload } from '../../../scheduler/model/records.js';
import {
  GPU_PARTS,
  migParts,
  memoryShareParts,
  PARTS_PER_MILLI,
  roleOf,
  toParts,
} from '../../../scheduler/model/requests.js';
import { matchesModel } from '../../../scheduler/model/gpu-model.js';
import { type Amounts, eachResource, minus, NOTHING, plus, sum } from '../../reference/amounts.js';
import { fairShares } from '../../reference/fair-share.js';
import type { ShareNode } from '../../reference/share-node.js';
import { fairSharesOfParts } from '../../reference/fair-share.js';
import type { Parts } from '../../reference/parts.js';
import type { World } from '../world.js';
import { held, isLeaving, pathOf, takesWork } from './holders.js';
import { figuresOf, partsIn } from './part-figures.js';

export function amountsOf({ gpus, cpuMilli, memoryMib }: Allocation): Amounts {
  return { cpuMilli, memoryMib, gpuParts: gpus.reduce((all, { parts }) => all + parts, 0) };
}

/** What a place promised or given to a workload amounts to. */
export function amountsAt({ spec }: Workload, placements: readonly Placement[]): Amounts {
  return sum(
    placements.map(({ task, gpus, parts }) => {
      const { cpuMilli, memoryMib } = roleOf(spec, task).request;
      return { cpuMilli, memoryMib, gpuParts: gpus.length * parts };
    }),
  );
}

/** What the queues hold. `stays` = when all that leaves has left and all promises are kept. */
export class Ledger {
  readonly #world: World;
  readonly #entries: readonly {
    workload: Workload;
    path: ReadonlySet<string>;
    now: Amounts;
    stays: Amounts;
    later: Amounts;
  }[];

  constructor(world: World) {
    this.#world = world;
    const holders = new Map<number, { now: Amounts; stays: Amounts; later: Amounts }>();
    for (const one of held(world)) {
      const before = holders.get(one.workload) ?? { now: NOTHING, stays: NOTHING, later: NOTHING };
      const amounts = amountsOf(one);
      const stays = isLeaving(one) ? before.stays : plus(before.stays, amounts);
      holders.set(one.workload, { now: plus(before.now, amounts), stays, later: stays });
    }
    for (const workload of world.unfinished()) {
      if (workload.claim === null) continue;
      const before = holders.get(workload.number) ?? { now: NOTHING, stays: NOTHING, later: NOTHING };
      const promised = amountsAt(workload, workload.claim.placements);
      holders.set(workload.number, { ...before, later: plus(before.later, promised) });
    }
    this.#entries = [...holders].flatMap(([number, amounts]) => {
      const workload = [...world.state.workloads.values()].find((one) => one.number === number);
      if (workload === undefined) return [];
      return [{ workload, path: new Set<string>(pathOf(world, workload).map(({ name }) => name)), ...amounts }];
    });
  }

  /** In allocations that are not released. */
  now(queue: Queue, counts: (workload: Workload) => boolean = () => true): Amounts {
    return sum(this.#below(queue, counts).map(({ now }) => now));
  }

  /** Without what leaves. */
  stays(queue: Queue, counts: (workload: Workload) => boolean = () => true): Amounts {
    return sum(this.#below(queue, counts).map(({ stays }) => stays));
  }

  /** When all that leaves has left, with what is promised. */
  later(queue: Queue, counts: (workload: Workload) => boolean = () => true): Amounts {
    return sum(this.#below(queue, counts).map(({ later }) => later));
  }

  /** The fair share of every queue, worked out by the slow reference from what all hold and ask for. */
  fairShares(): ReadonlyMap<string, Amounts> {
    const parts = partsIn(this.#world);
    return fairShares(capacityOf(this.#world), this.#shareNodes(parts), parts);
  }

  /** The fair share of every queue of every part of the cluster, in the order of `parts`. */
  fairSharesOfParts(parts: Parts): ReadonlyMap<string, readonly number[]> {
    return fairSharesOfParts(this.#shareNodes(parts), parts);
  }

  #shareNodes(parts: Parts): readonly ShareNode[] {
    const roots = [...this.#world.state.queues.values()].filter(({ parent }) => parent === null);
    return roots.map((root) => this.#shareNode(root, parts));
  }

  #shareNode(queue: Queue, parts: Parts): ShareNode {
    const children = [...this.#world.state.queues.values()].filter(({ parent }) => parent === queue.name);
    const isBelow = (workload: Workload): boolean => pathOf(this.#world, workload).includes(queue);
    return {
      name: queue.name,
      guarantee: guaranteeOf(queue),
      limit: limitOf(queue),
      request: sum(
        this.#world
          .unfinished()
          .filter(isBelow)
          .map((one) => demandOf(this.#world, one)),
      ),
      weight: queue.weight,
      priority: queue.priority,
      createdMs: queue.createdMs,
      children: children.map((child) => this.#shareNode(child, parts)),
      parts: figuresOf(this.#world, queue, parts),
    };
  }

  #below(queue: Queue, counts: (workload: Workload) => boolean) {
    return this.#entries.filter(({ workload, path }) => path.has(queue.name) && counts(workload));
  }
}

/** What there is to divide: what nodes that take work have, and the GPUs of others that are in use. */
function capacityOf(world: World): Amounts {
  const inUse = new Set(held(world).flatMap(({ gpus }) => gpus.map(({ uuid, instance }) => instance || uuid)));
  return sum(
    [...world.state.nodes.values()].map((node) => {
      const takes = takesWork(world, node.id);
      const gpus = node.gpus.flatMap((gpu) => {
        const usable = takes && gpu.health === 'healthy';
        if (gpu.mig === null) return usable || inUse.has(gpu.uuid) ? [GPU_PARTS] : [];
        return gpu.mig.filter(({ uuid }) => usable || inUse.has(uuid)).map(({ profile }) => migParts(profile));
      });
      return {
        cpuMilli: takes ? node.cpuCount * 1_000 : 0,
        memoryMib: takes ? node.memoryMib : 0,
        gpuParts: gpus.reduce((all, parts) => all + parts, 0),
      };
    }),
  );
}

/** All that a workload holds, waits for, or will wait for again when it has left. */
function demandOf(world: World, workload: Workload): Amounts {
  if (workload.gate !== null || (workload.state === 'stopping' && workload.afterStop !== 'requeue')) return NOTHING;
  return sum(
    workload.spec.roles.map((role) => {
      const parts = role.request.gpus * mostPartsOf(world, workload, role.request);
      const { cpuMilli, memoryMib } = role.request;
      return eachResource((resource) => role.maxTasks * { gpuParts: parts, cpuMilli, memoryMib }[resource]);
    }),
  );
}

/** Parts of one GPU or instance; a share given as memory counts by the smallest GPU it may get. */
function mostPartsOf(world: World, { spec }: Workload, request: Workload['spec']['roles'][number]['request']): number {
  if (request.migProfile !== '') return migParts(request.migProfile);
  if (request.gpuMemoryMib === 0) return request.gpuMilli * PARTS_PER_MILLI;
  const role = spec.roles.find((one) => one.request === request);
  const models = role?.rules.models ?? [];
  const sizes = [...world.state.nodes.values()].flatMap((node) =>
    node.gpus
      .filter(({ mig, memoryMib }) => mig === null && memoryMib >= request.gpuMemoryMib)
      .filter(({ memoryMib }) => memoryMib >= (role?.rules.minGpuMemoryMib ?? 0))
      .filter(() => (role?.rules.pool ?? '') === '' || node.pool === role?.rules.pool)
      .filter(({ model }) => models.length === 0 || models.some((wanted) => matchesModel(model, wanted)))
      .map(({ memoryMib }) => memoryMib),
  );
  return sizes.length === 0 ? GPU_PARTS : (memoryShareParts(request.gpuMemoryMib, Math.min(...sizes)) ?? GPU_PARTS);
}

/** Infinity = as much as there is. */
export function guaranteeOf({ guaranteeGpus, guaranteeCpuMilli, guaranteeMemoryMib }: Queue): Amounts {
  return {
    gpuParts: toParts(guaranteeGpus),
    cpuMilli: guaranteeCpuMilli ?? Infinity,
    memoryMib: guaranteeMemoryMib ?? Infinity,
  };
}

/** Infinity = no limit. */
export function limitOf({ limitGpus, limitCpuMilli, limitMemoryMib }: Queue): Amounts {
  return {
    gpuParts: limitGpus === null ? Infinity : toParts(limitGpus),
    cpuMilli: limitCpuMilli ?? Infinity,
    memoryMib: limitMemoryMib ?? Infinity,
  };
}

/** In words: `2 GPUs, 500 mCPU, 0 MiB`. */
export function say({ gpuParts, cpuMilli, memoryMib }: Amounts): string {
  const gpus = Number.isFinite(gpuParts) ? Math.round((gpuParts * 1_000) / GPU_PARTS) / 1_000 : gpuParts;
  return `${gpus} GPUs, ${cpuMilli} mCPU, ${memoryMib} MiB`;
}

/** Whether `left` is more than `right` in at least one resource. */
export function exceeds(left: Amounts, right: Amounts): boolean {
  const over = minus(left, right);
  return over.gpuParts > 0 || over.cpuMilli > 0 || over.memoryMib > 0;
}

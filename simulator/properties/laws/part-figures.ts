// Who holds, asks for and may have what of which part of the cluster, counted from the records each time.
import type { Evict } from '../../../scheduler/engine/decisions.js';
import { matchesModel } from '../../../scheduler/model/gpu-model.js';
import type { NodeId } from '../../../common/ids.js';
import type { Queue, QueueScope, Role, Workload } from '../../../scheduler/model/records.js';
import {
  GPU_PARTS,
  gpusOfGang,
  memoryShareParts,
  migParts,
  PARTS_PER_MILLI,
  partsPerTask,
  toParts,
} from '../../../scheduler/model/requests.js';
import { isIn, isSame, type Part, type Parts, partsNamed } from '../../reference/parts.js';
import type { PartFigures } from '../../reference/share-node.js';
import type { World } from '../world.js';
import { held, isLeaving, pathOf, takesWork } from './holders.js';

/** A GPU that somebody has, as far as he has it. */
export interface Had {
  readonly node: NodeId;
  readonly index: number;
  readonly parts: number;
}

/** `now`: with what leaves; `stays`: without; `later`: when that has left and all promises are kept. */
export type When = 'now' | 'stays' | 'later';

export function isPartOf(world: World, part: Part, { node, index }: Had): boolean {
  const record = world.state.node(node);
  const gpu = record?.gpus.find((each) => each.index === index);
  return record !== undefined && gpu !== undefined && isIn(part, { pool: record.pool, model: gpu.model });
}

export function hadBy(world: World, workload: Workload, when: When): readonly Had[] {
  const own = held(world).filter((one) => one.workload === workload.number && (when === 'now' || !isLeaving(one)));
  const had = own.flatMap(({ node, gpus }) => gpus.map(({ index, parts }) => ({ node, index, parts })));
  const promised = when === 'later' && !isOver(workload) ? (workload.claim?.placements ?? []) : [];
  return [...had, ...promised.flatMap(({ node, gpus, parts }) => gpus.map((index) => ({ node, index, parts })))];
}

function isOver({ state }: Workload): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled';
}

/** GPU parts that a queue, with all below it, has of a part. */
export function partsHeld(
  world: World,
  queue: Queue,
  part: Part,
  when: When,
  counts: (workload: Workload) => boolean = () => true,
): number {
  return [...world.state.workloads.values()]
    .filter((workload) => counts(workload) && pathOf(world, workload).includes(queue))
    .flatMap((workload) => hadBy(world, workload, when))
    .filter((one) => isPartOf(world, part, one))
    .reduce((sum, { parts }) => sum + parts, 0);
}

function scopeOf(queue: Queue, part: Part): QueueScope | undefined {
  return queue.scopes.find((scope) => isSame(scope, part));
}

export function guaranteeOfPart(queue: Queue, part: Part): number {
  return toParts(scopeOf(queue, part)?.guaranteeGpus ?? 0);
}

/** All parts that queues name, with what there is of them. */
export function partsIn(world: World): Parts {
  const all = partsNamed([...world.state.queues.values()]);
  const inUse = new Set(held(world).flatMap(({ gpus }) => gpus.map(({ uuid, instance }) => instance || uuid)));
  const gpus = [...world.state.nodes.values()].flatMap((node) =>
    node.gpus.map((gpu) => ({ pool: node.pool, model: gpu.model, gpu, usable: takesWork(world, node.id) })),
  );
  const worth = ({ gpu, usable }: (typeof gpus)[number]): number => {
    const takes = usable && gpu.health === 'healthy';
    if (gpu.mig === null) return takes || inUse.has(gpu.uuid) ? GPU_PARTS : 0;
    const counted = gpu.mig.filter(({ uuid }) => takes || inUse.has(uuid));
    return counted.reduce((sum, { profile }) => sum + migParts(profile), 0);
  };
  return {
    all,
    totals: all.map((part) => gpus.filter((gpu) => isIn(part, gpu)).reduce((sum, gpu) => sum + worth(gpu), 0)),
    overlap: (left, right) =>
      gpus.some((gpu) => [left, right].every((at) => isIn(all[at] ?? { pool: '-', model: '-' }, gpu))),
  };
}

/** What a queue has to do with each part. */
export function figuresOf(world: World, queue: Queue, { all }: Parts): readonly PartFigures[] {
  const below = world.unfinished().filter((workload) => pathOf(world, workload).includes(queue) && asks(workload));
  return all.map((part) => {
    const scope = scopeOf(queue, part);
    const wants = below.flatMap(({ spec }) => spec.roles).map((role) => wantOf(world, role, part));
    return {
      guarantee: toParts(scope?.guaranteeGpus ?? 0),
      limit: scope?.limitGpus === null || scope === undefined ? Infinity : toParts(scope.limitGpus),
      request: wants.reduce((sum, { parts }) => sum + parts, 0),
      boundRequest: wants.reduce((sum, { parts, isBound }) => sum + (isBound ? parts : 0), 0),
    };
  });
}

function asks({ gate, state, afterStop }: Workload): boolean {
  return gate === null && !(state === 'stopping' && afterStop !== 'requeue');
}

/** What all tasks of a role would take of a part. */
function wantOf(world: World, role: Role, part: Part): { readonly parts: number; readonly isBound: boolean } {
  const places = placesOf(world, role);
  const inside = places.filter((place) => isIn(part, place));
  const each = Math.max(0, ...inside.map(({ parts }) => parts));
  return { parts: role.maxTasks * role.request.gpus * each, isBound: inside.length === places.length };
}

/** The kinds of GPUs that a role may go to, in whatever state, and what it takes of each. */
function placesOf(world: World, { request, rules }: Role): readonly (Part & { readonly parts: number })[] {
  if (request.gpus === 0) return [];
  return [...world.state.nodes.values()].flatMap(({ pool, gpus }) =>
    gpus.flatMap(({ model, memoryMib, mig }) => {
      const slots = mig === null ? [{ profile: '', memoryMib }] : mig;
      const fits = slots.filter(
        (slot) =>
          slot.profile === request.migProfile &&
          slot.memoryMib >= Math.max(rules.minGpuMemoryMib, request.gpuMemoryMib) &&
          (rules.pool === '' || rules.pool === pool) &&
          (rules.models.length === 0 || rules.models.some((wanted) => matchesModel(model, wanted))),
      );
      return fits.map((slot) => ({ pool, model, parts: takenOf(request, slot.memoryMib) }));
    }),
  );
}

function takenOf({ migProfile, gpuMemoryMib, gpuMilli }: Role['request'], memoryMib: number): number {
  if (migProfile !== '') return migParts(migProfile);
  return gpuMemoryMib > 0 ? (memoryShareParts(gpuMemoryMib, memoryMib) ?? GPU_PARTS) : gpuMilli * PARTS_PER_MILLI;
}

// --- entitlements ---

/** The parts that GPUs are in which somebody is told to give. */
export function partsTaken(world: World, { allocations }: Evict): readonly Part[] {
  const had = allocations.flatMap((id) => {
    const one = world.state.allocation(id);
    return one === undefined ? [] : one.gpus.map(({ index, parts }) => ({ node: one.node, index, parts }));
  });
  return partsNamed([...world.state.queues.values()]).filter((part) => had.some((one) => isPartOf(world, part, one)));
}

/** The least GPU parts that a taker asks for: its gang, or one more task. */
function leastAsked({ state, spec }: Workload): number {
  if (state === 'pending') return toParts(gpusOfGang(spec));
  const growing = spec.roles.filter((role) => role.maxTasks > role.minTasks);
  return Math.min(...growing.map(({ request }) => partsPerTask(request)));
}

/** Whether some queue of the taker's is guaranteed so many more GPUs of a part than it has, and the giver has more of it. */
export function isOwedPart(
  world: World,
  evict: Evict,
  { taker, takers, giver }: { readonly taker: Workload; readonly takers: readonly Queue[]; readonly giver: Queue },
): boolean {
  return partsTaken(world, evict).some((part) => {
    const isOwed = takers.some(
      (queue) => partsHeld(world, queue, part, 'later') + leastAsked(taker) <= guaranteeOfPart(queue, part),
    );
    return isOwed && partsHeld(world, giver, part, 'later') > guaranteeOfPart(giver, part);
  });
}

/** Whether the giver has more of a part, of which it is told to give, than its fair share of that part. */
export function exceedsPart(world: World, evict: Evict, giver: Queue, shareOf: (part: Part) => number): boolean {
  return partsTaken(world, evict).some((part) => {
    const share = Math.max(guaranteeOfPart(giver, part), shareOf(part));
    return partsHeld(world, giver, part, 'later') > share;
  });
}

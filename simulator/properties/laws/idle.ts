// The law of idleness: nothing waits beside what would hold it. Asks by trying every place, from the records alone.
import { matchesModel } from '../../../scheduler/model/gpu-model.js';
import type { ClusterNode, Placement, Role, Workload } from '../../../scheduler/model/records.js';
import { GPU_PARTS, PARTS_PER_MILLI, toParts } from '../../../scheduler/model/requests.js';
import { type Amounts, minus, plus, RESOURCES } from '../../reference/amounts.js';
import type { World } from '../world.js';
import { COUNTS_ONLY, demand, type WatchedLaw } from './law.js';
import { isPartOf, partsHeld } from './part-figures.js';
import { held, isLeaving, pathOf, takesWork } from './holders.js';
import { amountsAt, guaranteeOf, Ledger, limitOf } from './ledger.js';

/** Tasks of a gang whose places are all tried, one after the other. */
const MOST_TASKS = 4;
/** How long work without a time limit keeps away from an announced maintenance. */
const NO_LIMIT_LEAD_MS = 60 * 60_000;

export const noIdling: WatchedLaw = {
  name: 'nothing-idle',
  says: 'no gang of few tasks waits without a claim while free GPUs, CPU and memory would hold it within all limits',
  of: COUNTS_ONLY,
  watch: () => ({
    atRest: (world) => {
      for (const workload of world.unfinished()) {
        if (!isSimple(workload)) continue;
        const places = placesFor(world, workload);
        if (places === null || !staysWithin(world, workload, places) || !staysInParts(world, workload, places))
          continue;
        const where = places.map(({ task, node, gpus }) => `${task} on ${node}:${gpus.join()}`).join(', ');
        demand(false, () => `${workload.number} waits, though there is room: ${where}`);
      }
    },
  }),
};

/**
 * What is found out by trying: no instances, no tasks that must be together, few tasks; no shares given as memory, which
 * count for the most they may turn out to be until they have a GPU.
 */
function isSimple({ state, claim, gate, spec }: Workload): boolean {
  const isPlain = ({ request, topology }: Role): boolean =>
    request.migProfile === '' && request.gpuMemoryMib === 0 && topology?.required !== true;
  const tasks = spec.roles.reduce((sum, { minTasks }) => sum + minTasks, 0);
  const waits = state === 'pending' && claim === null && gate === null;
  return waits && tasks <= MOST_TASKS && spec.topology?.required !== true && spec.roles.every(isPlain);
}

/** What is left of a node, for all that comes. */
interface Room {
  readonly node: ClusterNode;
  readonly parts: number[];
  cpuMilli: number;
  memoryMib: number;
}

function roomsOf(world: World): readonly Room[] {
  return [...world.state.nodes.values()]
    .filter(({ id }) => takesWork(world, id))
    .map((node) => {
      const here = held(world).filter((one) => one.node === node.id);
      const promised = world
        .unfinished()
        .flatMap((workload) =>
          (workload.claim?.placements ?? [])
            .filter((place) => place.node === node.id)
            .map((place) => ({ place, amounts: amountsAt(workload, [place]) })),
        );
      // What is held now, or what stays with what is promised, whichever is more.
      const used = (now: (leaves: boolean) => number, later: number): number => Math.max(now(true), now(false) + later);
      const sumOf = (pick: (one: (typeof here)[number]) => number) => (withLeaving: boolean) =>
        here.filter((one) => withLeaving || !isLeaving(one)).reduce((sum, one) => sum + pick(one), 0);
      const later = (field: 'cpuMilli' | 'memoryMib') => promised.reduce((sum, { amounts }) => sum + amounts[field], 0);
      return {
        node,
        parts: node.gpus.map(({ index, health, mig }) => {
          if (health !== 'healthy' || mig !== null) return 0;
          const onGpu = sumOf(({ gpus }) => gpus.reduce((sum, gpu) => sum + (gpu.index === index ? gpu.parts : 0), 0));
          const toCome = promised.reduce((sum, { place }) => sum + (place.gpus.includes(index) ? place.parts : 0), 0);
          return GPU_PARTS - used(onGpu, toCome);
        }),
        cpuMilli:
          node.cpuCount * 1_000 -
          used(
            sumOf(({ cpuMilli }) => cpuMilli),
            later('cpuMilli'),
          ),
        memoryMib:
          node.memoryMib -
          used(
            sumOf(({ memoryMib }) => memoryMib),
            later('memoryMib'),
          ),
      };
    });
}

/** Some places for the core of a gang, on what is free; null = there are none. */
function placesFor(world: World, { spec }: Workload): readonly Placement[] | null {
  const tasks: { task: number; role: Role }[] = [];
  let first = 0;
  for (const role of spec.roles) {
    for (let at = 0; at < role.minTasks; at += 1) tasks.push({ task: first + at, role });
    first += role.maxTasks;
  }
  const endsMs = world.nowMs + (spec.timeLimitMs ?? NO_LIMIT_LEAD_MS);
  const rooms = roomsOf(world).filter(({ node }) => !node.maintenance.some(({ startMs }) => startMs < endsMs));
  const place = (at: number): readonly Placement[] | null => {
    const next = tasks[at];
    if (next === undefined) return [];
    for (const room of rooms) {
      for (const taken of waysOnto(room, next.role)) {
        const rest = tryWith(room, next.role, taken, () => place(at + 1));
        if (rest === null) continue;
        const { gpus, parts } = taken;
        return [{ task: next.task, node: room.node.id, gpus, parts, instances: [] }, ...rest];
      }
    }
    return null;
  };
  return place(0);
}

interface Taken {
  readonly gpus: readonly number[];
  readonly parts: number;
}

/** For each model of a node: the GPUs that a task would take, the fullest that fit. */
function waysOnto({ node, parts, cpuMilli, memoryMib }: Room, { request, rules }: Role): readonly Taken[] {
  const suits =
    (rules.pool === '' || rules.pool === node.pool) &&
    (rules.nodes.length === 0 || rules.nodes.includes(node.name)) &&
    Object.entries(rules.labels).every(([name, value]) => node.labels[name] === value) &&
    (rules.minDriver === '' || Number.parseFloat(node.driverVersion) >= Number.parseFloat(rules.minDriver));
  if (!suits || request.cpuMilli > cpuMilli || request.memoryMib > memoryMib) return [];
  if (request.gpus === 0) return [{ gpus: [], parts: GPU_PARTS }];
  return [...new Set(node.gpus.map(({ model }) => model))].flatMap((model): Taken[] => {
    if (rules.models.length > 0 && !rules.models.some((wanted) => matchesModel(model, wanted))) return [];
    const own = node.gpus.filter((gpu) => gpu.model === model && gpu.memoryMib >= rules.minGpuMemoryMib);
    const each = request.gpuMilli * PARTS_PER_MILLI;
    const fitting = own
      .map(({ index }) => index)
      .filter((index) => (parts[index] ?? 0) >= each)
      .toSorted((a, b) => (parts[a] ?? 0) - (parts[b] ?? 0));
    return fitting.length < request.gpus ? [] : [{ gpus: fitting.slice(0, request.gpus), parts: each }];
  });
}

/** What `next` finds while a task has taken its part of a room. */
function tryWith<T>(room: Room, { request }: Role, { gpus, parts }: Taken, next: () => T): T {
  const change = (sign: 1 | -1): void => {
    for (const index of gpus) room.parts[index] = (room.parts[index] ?? 0) - sign * parts;
    room.cpuMilli -= sign * request.cpuMilli;
    room.memoryMib -= sign * request.memoryMib;
  };
  change(1);
  const found = next();
  change(-1);
  return found;
}

/**
 * Whether with these places all limits of parts of the cluster hold. Of work that is not preemptible it is not asked where it
 * would leave others what they are guaranteed.
 */
function staysInParts(world: World, workload: Workload, places: readonly Placement[]): boolean {
  const isRuled = [...world.state.queues.values()].some(({ scopes }) => scopes.length > 0);
  if (!workload.spec.preemptible && isRuled) return false;
  const given = places.flatMap(({ node, gpus, parts }) => gpus.map((index) => ({ node, index, parts })));
  return pathOf(world, workload).every((queue) =>
    queue.scopes.every((scope) => {
      const asked = given.filter((one) => isPartOf(world, scope, one)).reduce((sum, { parts }) => sum + parts, 0);
      if (scope.limitGpus === null || asked === 0) return true;
      const limit = toParts(scope.limitGpus);
      const [now, later] = [partsHeld(world, queue, scope, 'now'), partsHeld(world, queue, scope, 'later')];
      const promised = later - partsHeld(world, queue, scope, 'stays');
      return now + promised + asked <= limit && later + asked <= limit;
    }),
  );
}

/** Whether with these places all limits hold, at every level: with what still leaves, and with all that is promised. */
function staysWithin(world: World, workload: Workload, places: readonly Placement[]): boolean {
  const asked = amountsAt(workload, places);
  const ledger = new Ledger(world);
  const isBelow = (bound: Amounts, holds: readonly Amounts[]): boolean =>
    RESOURCES.every(
      (resource) => asked[resource] === 0 || holds.every((each) => each[resource] + asked[resource] <= bound[resource]),
    );
  return pathOf(world, workload).every((queue) => {
    const holds = (counts?: (other: Workload) => boolean): readonly Amounts[] => {
      const [now, later, stays] = [ledger.now(queue, counts), ledger.later(queue, counts), ledger.stays(queue, counts)];
      // A promise is charged beside what still leaves.
      return [now, later, plus(now, minus(later, stays))];
    };
    const users = queue.userLimitGpus === null ? Infinity : toParts(queue.userLimitGpus);
    const ofUser = { cpuMilli: Infinity, memoryMib: Infinity, gpuParts: users };
    return (
      isBelow(limitOf(queue), holds()) &&
      (workload.spec.preemptible ||
        isBelow(
          guaranteeOf(queue),
          holds(({ spec }) => !spec.preemptible),
        )) &&
      isBelow(
        ofUser,
        holds(({ owner }) => owner === workload.owner),
      )
    );
  });
}

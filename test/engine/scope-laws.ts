// The laws of parts of the cluster, checked against the records alone, with none of the engine's code.
import type { Bind, Evict } from '../../scheduler/engine/decisions.js';
import type { Queue, QueueScope, Workload } from '../../scheduler/model/records.js';
import { GPU_PARTS, gpusOfGang, partsPerTask, toGpus } from '../../scheduler/model/requests.js';
import type { TestCluster } from './cluster.js';

/** A GPU of a node, as somebody has it. */
interface Had {
  readonly node: string;
  readonly index: number;
  readonly parts: number;
}

function isIn(cluster: TestCluster, { pool, model }: QueueScope, { node, index }: Had): boolean {
  const record = cluster.nodeRecords().find(({ id }) => id === node);
  const gpu = record?.gpus.find((each) => each.index === index);
  if (!record || !gpu || (pool !== '' && record.pool !== pool)) return false;
  const words = model.toLowerCase().split(/[\s_-]+/);
  return words.every((word) => gpu.model.toLowerCase().includes(word));
}

function isBelow(cluster: TestCluster, workload: Workload, queue: Queue): boolean {
  const parents = new Map(cluster.queueRecords().map(({ name, parent }) => [name, parent]));
  for (let name: Queue['name'] | null = workload.spec.queue; name !== null; name = parents.get(name) ?? null) {
    if (name === queue.name) return true;
  }
  return false;
}

/** GPU parts of a part that a queue holds, or will hold when all that leaves has left and all promises are kept. */
function partsIn(cluster: TestCluster, queue: Queue, scope: QueueScope, when: 'now' | 'later'): number {
  const had = cluster
    .allocations()
    .filter(
      ({ stop, workload }) => (when === 'now' || stop === null) && isBelow(cluster, cluster.workload(workload), queue),
    )
    .flatMap(({ node, gpus }) => gpus.map(({ index, parts }) => ({ node, index, parts })));
  const promised = cluster
    .workloads()
    .filter((workload) => when === 'later' && isBelow(cluster, workload, queue))
    .flatMap(({ claim }) => claim?.placements ?? [])
    .flatMap(({ node, gpus, parts }) => gpus.map((index) => ({ node, index, parts })));
  return [...had, ...promised].filter((one) => isIn(cluster, scope, one)).reduce((sum, { parts }) => sum + parts, 0);
}

/** No queue comes to hold more of a part than its limit there. */
export function checkScopeLimits(cluster: TestCluster, { workload: number, placements }: Bind): void {
  const workload = cluster.workload(number);
  const given = placements.flatMap(({ node, gpus, parts }) => gpus.map((index) => ({ node, index, parts })));
  for (const queue of cluster.queueRecords().filter((each) => isBelow(cluster, workload, each))) {
    for (const scope of queue.scopes) {
      const asked = given.filter((one) => isIn(cluster, scope, one)).reduce((sum, { parts }) => sum + parts, 0);
      const holds = toGpus(partsIn(cluster, queue, scope, 'now') + asked);
      if (asked === 0 || scope.limitGpus === null || holds <= scope.limitGpus) continue;
      throw new Error(`${queue.name} has ${holds} of at most ${scope.limitGpus} GPUs of ${scope.pool}/${scope.model}`);
    }
  }
}

/** GPUs that are guaranteed of a part are taken by nobody, whatever he is guaranteed. */
export function checkScopeVictim(cluster: TestCluster, evict: Evict, givers: readonly Queue[]): void {
  const taken = takenBy(cluster, evict);
  for (const queue of givers) {
    for (const scope of queue.scopes) {
      if (scope.guaranteeGpus === 0 || !taken.some((one) => isIn(cluster, scope, one))) continue;
      const keeps = toGpus(partsIn(cluster, queue, scope, 'later'));
      if (keeps > scope.guaranteeGpus) continue;
      throw new Error(
        `${queue.name} gives of ${scope.pool}/${scope.model}, of which it has ${keeps}, guaranteed ${scope.guaranteeGpus}`,
      );
    }
  }
}

/** Whether a queue of the taker's is guaranteed so many more GPUs of a part that the victim has some of, and the giver is not. */
export function isOwedPart(
  cluster: TestCluster,
  evict: Evict,
  taker: { readonly workload: Workload; readonly queues: readonly Queue[] },
  giver: Queue,
): boolean {
  const taken = takenBy(cluster, evict);
  return taker.queues.some((queue) =>
    queue.scopes.some((scope) => {
      if (!taken.some((one) => isIn(cluster, scope, one))) return false;
      const has = toGpus(partsIn(cluster, queue, scope, 'later'));
      const own = giver.scopes.find(({ pool, model }) => pool === scope.pool && model === scope.model);
      const borrows = toGpus(partsIn(cluster, giver, scope, 'later')) > (own?.guaranteeGpus ?? 0);
      return has + leastAsked(taker.workload) <= scope.guaranteeGpus && borrows;
    }),
  );
}

function takenBy(cluster: TestCluster, { allocations }: Evict): readonly Had[] {
  return cluster
    .allocations()
    .filter(({ id }) => allocations.includes(id))
    .flatMap(({ node, gpus }) => gpus.map(({ index, parts }) => ({ node, index, parts })));
}

function leastAsked({ state, spec }: Workload): number {
  if (state === 'pending') return gpusOfGang(spec);
  return Math.min(...spec.roles.map(({ request }) => partsPerTask(request))) / GPU_PARTS;
}

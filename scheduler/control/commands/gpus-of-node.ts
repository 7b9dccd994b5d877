// What commands about GPUs share: finding one by what a person calls it, marks on several at once, and stopping what runs there.
import type { NodeId, WorkloadNumber } from '../../../common/ids.js';
import { plural } from '../../../common/units.js';
import { isTerminal } from '../../model/cluster-state.js';
import type { Draft } from '../../model/draft.js';
import { isLive } from '../../model/elastic.js';
import { withMark, withoutMarks } from '../../model/gpu-health.js';
import { requestStopOf, withEvent } from '../../model/lifecycle.js';
import type { Allocation, ClusterNode, Gpu, GpuMark } from '../../model/records.js';
import { notFound } from '../refusals.js';

/** A GPU that a person names: by its UUID, or by its place on its node. @throws NOT_FOUND */
export function findGpu(node: ClusterNode, name: string): Gpu {
  const shown = node.gpus.filter(({ retired }) => retired !== true);
  const found = shown.find(({ uuid, index }) => uuid === name || String(index) === name);
  if (found !== undefined) return found;
  throw notFound(
    'gpu',
    name,
    shown.flatMap(({ uuid, index }) => [uuid, String(index)]),
    `node ${node.name} has ${plural(shown.length, 'GPU')}`,
  );
}

/** Puts marks by UUID. @param instead marks that these take the place of */
export function putMarks(
  draft: Draft,
  id: NodeId,
  marks: ReadonlyMap<string, GpuMark>,
  instead: (mark: GpuMark) => boolean = () => false,
): void {
  const node = draft.node(id);
  const gpus = node.gpus.map((gpu) => {
    const mark = marks.get(gpu.uuid);
    return mark === undefined ? gpu : withMark(withoutMarks(gpu, instead), mark);
  });
  if (gpus.some((gpu, at) => gpu !== node.gpus[at])) draft.putNode({ ...node, gpus });
}

/** Who holds any of these GPUs, or a part of one. */
export function holdersOf(draft: Draft, id: NodeId, uuids: readonly string[]): readonly Allocation[] {
  return draft.heldOn(id).filter(({ gpus }) => gpus.some(({ uuid }) => uuids.includes(uuid)));
}

/** Stops and requeues what runs on these GPUs. @returns their workloads */
export function stopWork(
  draft: Draft,
  id: NodeId,
  uuids: readonly string[],
  why: string,
  nowMs: number,
): readonly WorkloadNumber[] {
  const live = holdersOf(draft, id, uuids).filter(isLive);
  for (const held of live) stopTask(draft, held, why, nowMs);
  return [...new Set(live.map(({ workload }) => workload))];
}

export function stopTask(draft: Draft, { id, workload: number, task }: Allocation, why: string, nowMs: number): void {
  const workload = draft.workload(number);
  if (isTerminal(workload.state) || workload.afterStop !== null || !workload.allocations.includes(id)) return;
  if (!isLive(draft.allocation(id))) return;
  draft.putWorkload(withEvent(workload, nowMs, 'warning', `task ${task}: ${why}`));
  requestStopOf(draft, number, [id], { reason: 'gpu_fault', requestedMs: nowMs, forWorkload: null, message: why });
}

/** `GPU 3 of n1` */
export function nameOf({ name }: Pick<ClusterNode, 'name'>, { index }: Pick<Gpu, 'index'>): string {
  return `GPU ${index} of ${name}`;
}

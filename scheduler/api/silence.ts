// What is told of work on nodes that are not heard: it is the last that is known of it, and what comes of it is a matter of leases
// and of the brake for mass loss.
import { formatDuration } from '../../common/units.js';
import type { Fleet } from '../fleet/fleet.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { Workload } from '../model/records.js';

/** Nodes that are named before they are only counted. */
const NAMED_AT_MOST = 3;

/** In a sentence, of which nodes that hold live tasks of a workload nothing is heard; empty = of none. */
export function saySilence(
  state: ReadableState,
  fleet: Pick<Fleet, 'softState'>,
  { allocations }: Workload,
  nowMs: number,
): string {
  const live = allocations.flatMap((id) => {
    const allocation = state.allocation(id);
    return allocation === undefined || allocation.state === 'released' || allocation.state === 'exited'
      ? []
      : [allocation.node];
  });
  const silent = [...new Set(live)].filter((node) => fleet.softState(node).liveness !== 'ready');
  if (silent.length === 0) return '';
  const named = silent.slice(0, NAMED_AT_MOST).map((id) => {
    const { lastHeartbeatMs } = fleet.softState(id);
    const since = lastHeartbeatMs === null ? '' : ` for ${formatDuration(Math.max(0, nowMs - lastHeartbeatMs))}`;
    return `${state.node(id)?.name ?? id}${since}`;
  });
  const more = silent.length > named.length ? ` and ${silent.length - named.length} more` : '';
  const head = `not heard of: ${named.join(', ')}${more}; this is the last that is known of what runs there`;
  return state.meta.brake
    ? `${head}. Many nodes fell silent at once, so nothing of silent ones is given up until enough are back or a person says so: see "sluice status"`
    : `${head}. If it stays so, the work is given up once nothing can run there any more, and starts elsewhere`;
}

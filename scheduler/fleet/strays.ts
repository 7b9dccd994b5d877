// Tasks that are on a node and should not be: what is done about them, as changes on a draft. Their GPUs are kept from new
// work until they are gone. The agent ends what it is not asked to have; an orphan may be spared for a while, since a person may know
// what it is. Nothing is ever taken over in silence.
//
//   the store says of it            the agent says     then
//   nothing                         live               orphan: ended after its time, or at once
//   its workload, which has no place live              orphan: ended at once
//   for it any more
//   it has ended                    live               zombie: ended at once
//   it is another node's            live               zombie: ended at once
//   given up without an agent       live               the fence was violated: ended at once, the node takes no new work, a
//   (fence time, a person's word)                      person is called
//   anything of these               exited             its GPUs stay kept until they are clean
//   anything of these               released, nothing  over: its GPUs are free, if they are clean
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import type { Command, CommandContext } from '../control/command.js';
import { quarantineForStray, strayIsOver } from '../control/commands/nodes.js';
import type { Draft } from '../model/draft.js';
import { noteIncident } from '../model/incidents.js';
import type { ClusterNode, Stray } from '../model/records.js';
import type { Observed } from './observed.js';

/** Strays a node's record names at once. What is beyond is ended all the same, and named when others are over. */
const MAX_STRAYS = 64;

const NONE: ReadonlySet<AllocationId> = new Set();

/** How strays are dealt with. */
export interface StrayPolicy {
  /** How long an orphan is left alone for a person to look at it; 0 = it is ended at once. */
  readonly orphanTtlMs: number;
}

/**
 * Looks for strays in a report, and sees those that are over.
 * @param unwanted what is not to be spared, whatever the policy says
 * @returns those found for the first time
 */
export function noteStrays(
  draft: Draft,
  id: NodeId,
  observed: readonly Observed[],
  { orphanTtlMs }: StrayPolicy,
  context: CommandContext,
  unwanted: ReadonlySet<AllocationId> = NONE,
): readonly Stray[] {
  const known = draft.node(id).strays ?? [];
  const reported = new Map(observed.map((one) => [one.id, one]));
  for (const { allocation } of known) {
    const one = reported.get(allocation);
    const isGone = one === undefined || one.state === 'released';
    // One that was taken over since is where it should be.
    if (isGone || strayKind(draft, id, one) === null) end(draft, id, allocation, (one?.dirtyGpus.length ?? 0) === 0);
  }
  const left = draft.node(id).strays ?? [];
  // A GPU that was kept for one that is over may have another one on it.
  if (left.length < known.length) {
    for (const { allocation } of left)
      quarantineForStray(draft, id, gpusOf(draft, reported.get(allocation)), allocation);
  }
  const found: Stray[] = [];
  for (const one of observed) {
    if (left.length + found.length >= MAX_STRAYS) break;
    if (one.state === 'released' || left.some(({ allocation }) => allocation === one.id)) continue;
    const kind = strayKind(draft, id, one);
    if (kind === null) continue;
    const spared = kind === 'orphan' && orphanTtlMs > 0 && !unwanted.has(one.id);
    found.push(begin(draft, id, one, { kind, spared }, context));
  }
  return found;
}

/** The time in which a person could look at an orphan is over. */
export function endOrphans(id: NodeId, { orphanTtlMs }: StrayPolicy): Command<void> {
  return {
    name: 'end_orphans',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, { nowMs }) => {
      const node = draft.get('nodes', id);
      if (node === undefined || !isOrphanDue(node, orphanTtlMs, nowMs)) return;
      const strays = (node.strays ?? []).map((one) => ({
        ...one,
        spared: one.spared && !isDue(one, orphanTtlMs, nowMs),
      }));
      draft.putNode({ ...node, strays });
    },
  };
}

/** Whether a node has an orphan that is to be ended now. */
export function isOrphanDue({ strays = [] }: ClusterNode, orphanTtlMs: number, nowMs: number): boolean {
  return strays.some((one) => one.spared && isDue(one, orphanTtlMs, nowMs));
}

function isDue({ sinceMs }: Stray, orphanTtlMs: number, nowMs: number): boolean {
  return nowMs - sinceMs >= orphanTtlMs;
}

/** What is wrong with it; null = it is where it should be, or on its way out. */
function strayKind(draft: Draft, id: NodeId, one: Observed): Stray['kind'] | null {
  const record = draft.get('allocations', one.id);
  if (record === undefined) return 'orphan';
  if (record.node !== id) return 'zombie';
  if (record.state !== 'released') return null;
  const { proof } = record.release ?? { proof: 'clean' };
  const wasGivenUp = proof === 'fenced' || proof === 'certified';
  // By then its agent had to have ended it; that its GPUs are not clean yet is no violation.
  return wasGivenUp && one.state !== 'exited' ? 'fence_violated' : 'zombie';
}

function begin(
  draft: Draft,
  id: NodeId,
  one: Observed,
  { kind, spared }: Pick<Stray, 'kind' | 'spared'>,
  context: CommandContext,
): Stray {
  const { id: allocation, grant } = one;
  const workload = grant?.workload ?? draft.get('allocations', allocation)?.workload ?? (0 as WorkloadNumber);
  const stray: Stray = { allocation, kind, workload, sinceMs: context.nowMs, spared };
  quarantineForStray(draft, id, gpusOf(draft, one), allocation);
  const node = draft.node(id);
  const strays = [...(node.strays ?? []), stray];
  draft.putNode({ ...node, strays });
  if (kind === 'orphan') {
    const what = `allocation ${allocation} of workload ${workload} runs on ${node.name}, and nobody asked for it`;
    noteIncident(draft, 'orphan', spared ? `${what}; it is left alone for a while` : what, '', context);
  }
  if (kind === 'fence_violated') {
    const what = `allocation ${allocation} of workload ${workload} still runs on ${node.name}, although it was given up`;
    const cordonReason = `${what}: its agent or its supervisor did not end it in time`;
    draft.putNode({ ...draft.node(id), cordoned: true, cordonReason });
    noteIncident(draft, 'fence_violated', cordonReason, '', context);
  }
  return stray;
}

/** UUIDs of the GPUs that a task has, as far as anybody knows. */
function gpusOf(draft: Draft, one: Observed | undefined): readonly string[] {
  const granted = one?.grant?.gpus ?? (one === undefined ? undefined : draft.get('allocations', one.id)?.gpus);
  return (granted ?? []).map(({ uuid }) => uuid);
}

function end(draft: Draft, id: NodeId, allocation: AllocationId, clean: boolean): void {
  strayIsOver(draft, id, allocation, clean);
  const { strays = [], ...node } = draft.node(id);
  const left = strays.filter((one) => one.allocation !== allocation);
  draft.putNode(left.length === 0 ? node : { ...node, strays: left });
}

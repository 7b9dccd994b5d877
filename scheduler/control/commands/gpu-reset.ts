// Resets of GPUs: a person's order for one, and what is to be done once an agent told how it went. What is reset when, the
// marks say: scheduler/model/gpu-reset.ts.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../../common/errors.js';
import type { NodeId, WorkloadNumber } from '../../../common/ids.js';
import { formatDuration, plural } from '../../../common/units.js';
import type { Draft } from '../../model/draft.js';
import { withFault, withMark, withoutMarks } from '../../model/gpu-health.js';
import type { GpuPolicy } from '../../model/gpu-policy.js';
import {
  isEndedByReset,
  RESET_ASKED,
  RESET_FAILED,
  RESET_FAULT,
  RESET_PEER,
  resetGroup,
  RESETS_UNTIL_HELD,
  whyNotReset,
} from '../../model/gpu-reset.js';
import { noteIncident } from '../../model/incidents.js';
import type { ClusterNode, Gpu, GpuMark } from '../../model/records.js';
import type { Command, CommandContext } from '../command.js';
import { findNode } from './find-node.js';
import { findGpu, nameOf, putMarks, stopWork } from './gpus-of-node.js';

export interface ResetOrder {
  readonly node: string;
  /** Its UUID or its index. */
  readonly gpu: string;
  readonly reason: string;
  readonly actor: string;
  /** Whether what runs there is stopped and requeued; else it goes on to its end first. */
  readonly stopsWork: boolean;
}

/** Keeps new work off a GPU and those that share NVLink with it, and has them reset once nothing is left there. */
export function resetGpu(
  { node: name, gpu: word, reason, actor, stopsWork }: ResetOrder,
  policy: Pick<GpuPolicy, 'reset'>,
): Command<{
  readonly node: ClusterNode;
  /** Of the one that was named, then of those that go with it. */
  readonly uuids: readonly string[];
  readonly workloads: readonly WorkloadNumber[];
}> {
  return {
    name: 'reset_gpu',
    whenSpace: 'critical',
    run: (draft, context) => {
      const node = findNode(draft, name);
      const gpu = findGpu(node, word);
      if (policy.reset === 'never') throw resetsAreOff();
      const group = resetGroup(node, gpu);
      for (const one of group) {
        const why = whyNotReset(one);
        if (why !== null) throw cannotBeReset(node, gpu, one, why);
      }
      const peers = group.filter((one) => one !== gpu);
      const asked = reason === '' ? `to be reset, as ${actor} asked` : `to be reset, as ${actor} asked: ${reason}`;
      const usual = { health: 'draining', sinceMs: context.nowMs, actor, endsWith: 'person', untilMs: null } as const;
      const own: GpuMark = { ...usual, code: RESET_ASKED, message: asked };
      const others: GpuMark = { ...usual, code: RESET_PEER, message: `reset together with GPU ${gpu.index}: ${asked}` };
      const marks = new Map([[gpu.uuid, own], ...peers.map(({ uuid }) => [uuid, others] as const)]);
      putMarks(draft, node.id, marks, isOfReset);
      noteIncident(draft, 'gpu_reset', `${nameOf(node, gpu)}${andPeers(peers)} ${asked}`, actor, context);
      const uuids = [gpu.uuid, ...peers.map(({ uuid }) => uuid)];
      const why = `${nameOf(node, gpu)} is ${asked}`;
      const workloads = stopsWork ? stopWork(draft, node.id, uuids, why, context.nowMs) : [];
      return { node: draft.node(node.id), uuids, workloads };
    },
  };
}

/** A node without the reset that was asked for of one of its GPUs: its peers need not wait for it any more. */
export function forgetReset(node: ClusterNode, { uuid, marks = [], nvlinkGroup }: Gpu): ClusterNode {
  if (nvlinkGroup === null || marks.every(({ code }) => code !== RESET_ASKED)) return node;
  const gpus = node.gpus.map((one) =>
    one.uuid === uuid || one.nvlinkGroup !== nvlinkGroup ? one : withoutMarks(one, ({ code }) => code === RESET_PEER),
  );
  return { ...node, gpus };
}

/**
 * Takes in how the reset of one GPU went, as its agent tells. A GPU is healthy again only by that: the agent looked at it
 * afterwards and found it clean.
 * @returns in words, what followed
 */
export function takeResetResult(
  draft: Draft,
  id: NodeId,
  event: { readonly kind: string; readonly gpu: string; readonly timeMs: number; readonly detail: string },
  policy: GpuPolicy,
  context: CommandContext,
): readonly string[] {
  const node = draft.node(id);
  const gpu = node.gpus.find(({ uuid, retired }) => uuid === event.gpu && retired !== true);
  if (gpu === undefined) return [`node ${node.name} tells of the reset of ${event.gpu}, which is not in its inventory`];
  const { marks = [] } = gpu;
  const isPeerOnly = marks.every(({ code }) => code === RESET_PEER);
  const after =
    event.kind === 'gpu_reset'
      ? afterReset(gpu, event.timeMs, policy, context.nowMs)
      : // Nothing is known against a peer that nobody but the reset kept from work.
        isPeerOnly
        ? withoutMarks(gpu, isOfReset)
        : withMark(withoutMarks(gpu, isOfReset), failedMark(event.detail, context.nowMs));
  draft.putNode({ ...node, gpus: node.gpus.map((one) => (one === gpu ? after : one)) });
  const where = nameOf(node, gpu);
  const message =
    event.kind === 'gpu_reset' ? `${where} was reset and is clean` : `${where} could not be reset: ${event.detail}`;
  if (!isPeerOnly) noteIncident(draft, 'gpu_reset', message, '', context);
  return [message];
}

function afterReset(gpu: Gpu, timeMs: number, policy: GpuPolicy, nowMs: number): Gpu {
  const marks = gpu.marks ?? [];
  const wasFault = marks.some((mark) => isEndedByReset(mark) && !isOfReset(mark) && mark.health !== 'suspect');
  const free = withoutMarks(gpu, isEndedByReset);
  if (!wasFault) return free;
  const known = withFault(free, { code: RESET_FAULT, timeMs, workload: null, owner: '' });
  const resets = (known.faults ?? []).filter(
    (one) => one.code === RESET_FAULT && timeMs - one.timeMs <= policy.repeatWithinMs,
  );
  if (resets.length < RESETS_UNTIL_HELD) return known;
  return withMark(known, {
    code: 'reset_repeated',
    health: 'quarantined',
    sinceMs: nowMs,
    message: `it failed and was reset ${resets.length} times within ${formatDuration(policy.repeatWithinMs)}: a person has to look at it`,
    actor: '',
    endsWith: 'person',
    untilMs: null,
  });
}

function failedMark(detail: string, nowMs: number): GpuMark {
  const message = `a reset was of no use: ${detail}`;
  return {
    code: RESET_FAILED,
    health: 'quarantined',
    sinceMs: nowMs,
    message,
    actor: '',
    endsWith: 'person',
    untilMs: null,
  };
}

function isOfReset({ code }: GpuMark): boolean {
  return code === RESET_ASKED || code === RESET_PEER || code === RESET_FAILED;
}

function andPeers(peers: readonly Gpu[]): string {
  return peers.length === 0 ? '' : ` (and ${plural(peers.length, 'GPU')} that share NVLink with it)`;
}

function resetsAreOff(): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'GPU_RESET_IS_OFF',
    message:
      'this cluster resets no GPUs\n' +
      'An administrator allows it with gpu_health.reset: operator (or auto) in the configuration of the scheduler.',
    metadata: {},
  });
}

function cannotBeReset(node: ClusterNode, gpu: Gpu, one: Gpu, why: string): ApiError {
  const other = one === gpu ? '' : `GPU ${one.index} would have to be reset with it: `;
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'GPU_CANNOT_BE_RESET',
    message: `${nameOf(node, gpu)} cannot be reset: ${other}${why}`,
    metadata: { node: node.name, gpu: gpu.uuid },
  });
}

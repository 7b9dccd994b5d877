// What is done about faults of GPUs: events and symptoms that agents tell of are judged by the policy, GPUs get and lose
// marks, what ran on a broken one is requeued without charge, and operators have the last word.
//
// A program's own crash condemns nothing: only what the hardware or the driver said counts, and what a program can cause by
// itself counts only once several users' workloads met it on the same GPU.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../../common/errors.js';
import type { NodeId, WorkloadNumber } from '../../../common/ids.js';
import { formatDuration, plural } from '../../../common/units.js';
import type { Draft } from '../../model/draft.js';
import { isLive } from '../../model/elastic.js';
import {
  cleared,
  isWorse,
  MAX_DETAIL_CHARACTERS,
  nextMarkEndMs,
  withFault,
  withoutMarks,
} from '../../model/gpu-health.js';
import {
  BRAKE_LEAST_GPUS,
  DEFAULT_GPU_POLICY,
  type GpuPolicy,
  healthAfter,
  sxidRule,
  symptomRule,
  type XidRule,
  xidRule,
} from '../../model/gpu-policy.js';
import { noteIncident } from '../../model/incidents.js';
import type { Allocation, ClusterNode, Gpu, GpuMark } from '../../model/records.js';
import type { Command, CommandContext } from '../command.js';
import { findNode, nodeOfAgent } from './find-node.js';
import { forgetReset, takeResetResult } from './gpu-reset.js';
import { findGpu, holdersOf, nameOf, putMarks, stopTask, stopWork } from './gpus-of-node.js';

/** Something that an agent saw happen. */
export interface HealthEvent {
  readonly sequence: number;
  readonly timeMs: number;
  readonly kind: string;
  /** The UUID of a GPU; empty = of the node. */
  readonly gpu: string;
  readonly xid: number;
  readonly detail: string;
  readonly allocation: string;
}

/** Events of one report that are looked at; a node that has more sends them again. */
export const MAX_EVENTS_A_REPORT = 256;

/** What events led to, for metrics and logs. */
export interface HealthFindings {
  /** The Xids that were taken in. */
  readonly xids: readonly number[];
  /** In words, what is to be known. */
  readonly notes: readonly string[];
  /** The number of the last event that is in the store. */
  readonly through: number;
}

/** Takes in what an agent saw. Events that were taken in before change nothing. */
export function takeHealth(
  id: NodeId,
  events: readonly HealthEvent[],
  policy: GpuPolicy = DEFAULT_GPU_POLICY,
): Command<HealthFindings> {
  return {
    name: 'gpu_health',
    isReport: true,
    whenSpace: 'critical',
    run: (draft, context) => judgeEvents(draft, id, events, policy, context),
  };
}

/** As {@link takeHealth}, within another command. */
export function judgeEvents(
  draft: Draft,
  id: NodeId,
  events: readonly HealthEvent[],
  policy: GpuPolicy,
  context: CommandContext,
): HealthFindings {
  const known = nodeOfAgent(draft, id).healthSequence ?? 0;
  const fresh = events
    .filter(({ sequence }) => sequence > known)
    .toSorted((a, b) => a.sequence - b.sequence)
    .slice(0, MAX_EVENTS_A_REPORT);
  const xids: number[] = [];
  const notes: string[] = [];
  for (const event of fresh) {
    // The clock of another machine may be far off.
    const timeMs = Math.min(event.timeMs, context.nowMs);
    if (event.kind === 'xid') xids.push(event.xid);
    notes.push(...judge(draft, id, { ...event, timeMs, detail: brief(event.detail) }, policy, context));
  }
  const through = fresh.at(-1)?.sequence ?? known;
  if (through > known) draft.putNode({ ...draft.node(id), healthSequence: through });
  return { xids, notes, through };
}

/** @returns in words, what was done */
function judge(
  draft: Draft,
  id: NodeId,
  event: HealthEvent,
  policy: GpuPolicy,
  context: CommandContext,
): readonly string[] {
  switch (event.kind) {
    case 'xid':
      return fault(draft, id, event, `xid_${event.xid}`, xidRule(policy, event.xid, event.detail), policy, context);
    case 'sxid':
      return switchFault(draft, id, event, policy, context);
    case 'ecc_uncorrected': {
      const rule = xidRule(policy, 48, '');
      return fault(draft, id, event, event.kind, { ...rule, says: 'uncorrectable memory errors' }, policy, context);
    }
    case 'gpu_reset':
    case 'gpu_reset_failed':
      return takeResetResult(draft, id, event, policy, context);
    case 'prolog_failed':
    case 'epilog_failed':
      return [hookFailed(draft, id, event, context)];
    default:
      // A later agent than this scheduler.
      return [`node ${draft.node(id).name} tells of "${brief(event.kind)}", which this scheduler does not know`];
  }
}

function fault(
  draft: Draft,
  id: NodeId,
  event: HealthEvent,
  code: string,
  rule: XidRule,
  policy: GpuPolicy,
  context: CommandContext,
): readonly string[] {
  const node = draft.node(id);
  const what = event.kind === 'xid' ? `Xid ${event.xid} (${rule.says})` : rule.says;
  const said = event.detail === '' ? what : `${what}: ${event.detail}`;
  const gpu = node.gpus.find(({ uuid, retired }) => uuid === event.gpu && retired !== true);
  if (gpu === undefined) {
    if (rule.action === 'ignore') return [];
    const message = `${said}, on a GPU of node ${node.name} that is not in its inventory`;
    if (rule.blame === 'hardware') noteIncident(draft, 'gpu_condemned', message, '', context);
    return [message];
  }
  const where = nameOf(node, gpu);
  if (rule.action === 'ignore') return [`${where}: ${said}; nothing follows from it`];
  const holders = holdersOf(draft, id, [gpu.uuid]);
  remember(draft, id, gpu.uuid, { code, timeMs: event.timeMs, holders });
  if (rule.blame === 'hardware') excuse(draft, holders, `${where} failed: ${said}`);
  const verdict = repeated(draft.node(id), gpu.uuid, code, rule, policy, event.timeMs);
  const own = { code, rule, message: said };
  const { rule: judged, ...rest } =
    verdict === null ? own : { code: verdict.code, rule: verdict.rule, message: verdict.message };
  const health = healthAfter(judged.action);
  if (health === null) return [`${where}: ${said}; counted`];
  const peers = judged.peers ? peersOf(node, gpu) : [];
  const mark = markOf({ ...rest, rule: judged }, health, policy, context.nowMs);
  return condemn(draft, id, gpu, peers, mark, policy, context);
}

/** An error of an NVSwitch: what it breaks is the network of all GPUs that reach each other over it. */
function switchFault(
  draft: Draft,
  id: NodeId,
  event: HealthEvent,
  policy: GpuPolicy,
  context: CommandContext,
): readonly string[] {
  const rule = sxidRule(policy, event.xid, event.detail);
  const node = draft.node(id);
  const where = `an NVSwitch of ${node.name}`;
  const said = `SXid ${event.xid} (${rule.says}): ${event.detail}`;
  if (rule.action === 'ignore') return [`${where}: ${said}; nothing follows from it`];
  const gpus = gpusOfFabric(node);
  const uuids = gpus.map(({ uuid }) => uuid);
  if (rule.blame === 'hardware') excuse(draft, holdersOf(draft, id, uuids), `${where} failed: ${said}`);
  const health = healthAfter(rule.action);
  if (health === null) return [`${where}: ${said}; counted`];
  const mark = markOf({ code: `sxid_${event.xid}`, rule, message: said }, health, policy, context.nowMs);
  const marks = new Map(uuids.map((uuid) => [uuid, mark]));
  return condemnAll(
    draft,
    id,
    { where: `${plural(gpus.length, 'GPU')} of ${node.name}`, mark, marks },
    policy,
    context,
  );
}

/** The GPUs that an NVSwitch serves: all with NVLink. Where no topology is known, all that may have it: in MIG mode it is off. */
function gpusOfFabric({ gpus }: ClusterNode): readonly Gpu[] {
  const present = gpus.filter(({ retired }) => retired !== true);
  const linked = present.filter(({ nvlinkGroup }) => nvlinkGroup !== null);
  return linked.length > 0 ? linked : present.filter(({ mig }) => mig === null);
}

/** Puts a mark on a GPU and on those that follow it, unless too many were condemned of late. */
function condemn(
  draft: Draft,
  id: NodeId,
  gpu: Gpu,
  peers: readonly Gpu[],
  mark: GpuMark,
  policy: GpuPolicy,
  context: CommandContext,
): readonly string[] {
  const where = nameOf(draft.node(id), gpu);
  const peerMark: GpuMark = {
    ...mark,
    code: 'nvlink_peer',
    health: mark.health === 'quarantined' ? 'draining' : mark.health,
    message: `it shares NVLink with GPU ${gpu.index}: ${mark.message}`,
  };
  const marks = new Map([[gpu.uuid, mark], ...peers.map((peer) => [peer.uuid, peerMark] as const)]);
  return condemnAll(draft, id, { where, mark, marks }, policy, context);
}

/** GPUs of a node that are condemned together. */
interface Sentence {
  /** The one, or those, that it is about. */
  readonly where: string;
  /** Their mark; what runs on those that have it is stopped if it says so. */
  readonly mark: GpuMark;
  /** The mark of each, by UUID: of others than those it is about, too. */
  readonly marks: ReadonlyMap<string, GpuMark>;
}

function condemnAll(
  draft: Draft,
  id: NodeId,
  { where, mark, marks }: Sentence,
  policy: GpuPolicy,
  context: CommandContext,
): readonly string[] {
  const node = draft.node(id);
  const own = [...marks].filter(([, one]) => one === mark).map(([uuid]) => uuid);
  if (mark.health !== 'suspect' && brakes(draft, id, marks.size, policy, context.nowMs)) {
    const message = `${where} ${own.length === 1 ? 'is' : 'are'} not ${mark.health} for ${mark.message}: too many GPUs were condemned within ${formatDuration(policy.brakeWindowMs)}`;
    noteIncident(draft, 'gpu_brake', message, '', context);
    return [message];
  }
  const before = new Map(node.gpus.map((one) => [one.uuid, one.health]));
  putMarks(draft, id, marks);
  const notes: string[] = [];
  const after = draft.node(id);
  if (after.gpus.some((one) => isWorse(one.health, before.get(one.uuid) ?? 'healthy'))) {
    const others = marks.size - own.length;
    const with_ = others === 0 ? '' : ` (and ${plural(others, 'GPU')} that share NVLink with it)`;
    const message = `${where}${with_} ${own.length === 1 ? 'is' : 'are'} ${mark.health}: ${mark.message}`;
    notes.push(message);
    if (mark.health !== 'suspect') noteIncident(draft, 'gpu_condemned', message, '', context);
  }
  if (mark.health === 'quarantined') stopWork(draft, id, own, `${where} failed: ${mark.message}`, context.nowMs);
  const closed = cordonIfMany(draft, id, policy, context);
  return closed === null ? notes : [...notes, closed];
}

/**
 * What follows from the symptoms that an agent reports now: marks come with them and go with them. Also from GPUs that are
 * lost, and from instances that are gone, under work that runs.
 * @param told whether the agent could read its GPUs: else nothing is known to be gone
 */
export function followInventory(
  draft: Draft,
  id: NodeId,
  told: boolean,
  policy: GpuPolicy,
  context: CommandContext,
): readonly string[] {
  const notes: string[] = [];
  const present = new Map(
    draft
      .node(id)
      .gpus.flatMap((gpu) => (gpu.health === 'lost' ? [] : [[gpu.uuid, symptomMarks(gpu, policy, context.nowMs)]])),
  );
  // What is read no more ends, also of the peers that followed; what is still read is put again below.
  const ending = draft.node(id).gpus.map((gpu) => {
    const marks = present.get(gpu.uuid);
    if (marks === undefined) return gpu;
    return withoutMarks(gpu, (mark) => mark.endsWith === 'report' && !isStillRead(draft.node(id), gpu, mark, present));
  });
  if (ending.some((gpu, at) => gpu !== draft.node(id).gpus[at])) draft.putNode({ ...draft.node(id), gpus: ending });
  for (const [uuid, marks] of present) {
    for (const { mark, peers } of marks) {
      const gpu = draft.node(id).gpus.find((one) => one.uuid === uuid);
      if (gpu === undefined || gpu.marks?.some(({ code, health }) => code === mark.code && health === mark.health))
        continue;
      notes.push(...condemn(draft, id, gpu, peers ? peersOf(draft.node(id), gpu) : [], mark, policy, context));
    }
  }
  if (told) notes.push(...stopBroken(draft, id, context.nowMs));
  return notes;
}

interface SymptomMark {
  readonly mark: GpuMark;
  readonly peers: boolean;
}

function symptomMarks({ symptoms = [] }: Gpu, policy: GpuPolicy, nowMs: number): readonly SymptomMark[] {
  return symptoms.flatMap(({ kind, detail }) => {
    const found = symptomRule(kind, brief(detail));
    const health = found === null ? null : healthAfter(found.rule.action);
    if (found === null || health === null) return [];
    const mark = markOf({ code: kind, rule: found.rule, message: found.message }, health, policy, nowMs);
    return [{ mark: { ...mark, endsWith: 'report', untilMs: null }, peers: found.rule.peers }];
  });
}

function isStillRead(
  node: ClusterNode,
  gpu: Gpu,
  mark: GpuMark,
  present: ReadonlyMap<string, readonly SymptomMark[]>,
): boolean {
  if (mark.code === 'nvlink_peer') {
    return peersOf(node, gpu).some(({ uuid }) => present.get(uuid)?.some(({ peers }) => peers) === true);
  }
  return present.get(gpu.uuid)?.some((one) => one.mark.code === mark.code && one.mark.health === mark.health) === true;
}

/** Stops what holds a GPU that is lost, or an instance that is no more: nothing that it does there can succeed. */
function stopBroken(draft: Draft, id: NodeId, nowMs: number): readonly string[] {
  const node = draft.node(id);
  const notes: string[] = [];
  for (const held of draft.heldOn(id)) {
    if (!isLive(held)) continue;
    const why = whyBroken(node, held);
    if (why === null) continue;
    excuse(draft, [held], why);
    stopTask(draft, held, why, nowMs);
    notes.push(`workload ${held.workload}: ${why}`);
  }
  return notes;
}

function whyBroken(node: ClusterNode, { gpus }: Allocation): string | null {
  for (const { uuid, index, instance } of gpus) {
    const gpu = node.gpus[index];
    if (gpu?.uuid !== uuid) continue;
    if (gpu.health === 'lost') return `${nameOf(node, gpu)} is lost: ${gpu.healthMessage}`;
    const has = gpu.mig === null ? instance === '' : gpu.mig.some((one) => one.uuid === instance);
    if (has) continue;
    return instance === ''
      ? `${nameOf(node, gpu)} was put into MIG mode under it`
      : `the MIG instance ${instance} of ${nameOf(node, gpu)} is no more`;
  }
  return null;
}

/** Ends what ends by time. */
export function endMarks(draft: Draft, id: NodeId, nowMs: number): void {
  const node = draft.get('nodes', id);
  if (node === undefined) return;
  const gpus = node.gpus.map((gpu) => withoutMarks(gpu, ({ untilMs }) => untilMs !== null && untilMs <= nowMs));
  if (gpus.some((gpu, at) => gpu !== node.gpus[at])) draft.putNode({ ...node, gpus });
}

/** When the next mark of a node ends by time; null = none does. */
export function nextMarkEndOfMs({ gpus }: Pick<ClusterNode, 'gpus'>): number | null {
  let nextMs: number | null = null;
  // Looked at with every grant: without marks nothing is made.
  for (const gpu of gpus) {
    const endMs = gpu.marks === undefined ? null : nextMarkEndMs(gpu);
    if (endMs !== null && (nextMs === null || endMs < nextMs)) nextMs = endMs;
  }
  return nextMs;
}

export interface OperatorOrder {
  readonly node: string;
  /** Its UUID or its index. */
  readonly gpu: string;
  readonly reason: string;
  readonly actor: string;
}

/** Keeps new work off one GPU until a person releases it. */
export function quarantineGpu(
  { node: name, gpu: word, reason, actor }: OperatorOrder,
  stopsWork: boolean,
): Command<{ readonly node: ClusterNode; readonly uuid: string; readonly workloads: readonly WorkloadNumber[] }> {
  return {
    name: 'quarantine_gpu',
    whenSpace: 'critical',
    run: (draft, context) => {
      const node = findNode(draft, name);
      const gpu = findGpu(node, word);
      const message = reason === '' ? `quarantined by ${actor}` : `quarantined by ${actor}: ${reason}`;
      const mark: GpuMark = {
        code: 'operator',
        health: 'quarantined',
        sinceMs: context.nowMs,
        message,
        actor,
        endsWith: 'person',
        untilMs: null,
      };
      // Said again, the later word counts.
      putMarks(draft, node.id, new Map([[gpu.uuid, mark]]), ({ code }) => code === 'operator');
      const where = nameOf(node, gpu);
      noteIncident(draft, 'gpu_quarantined', reason === '' ? where : `${where}: ${reason}`, actor, context);
      const why = `${where} was ${message}`;
      const workloads = stopsWork ? stopWork(draft, node.id, [gpu.uuid], why, context.nowMs) : [];
      return { node: draft.node(node.id), uuid: gpu.uuid, workloads };
    },
  };
}

/** Takes back all that is held against one GPU. What its agent reports still counts. */
export function releaseGpu(order: OperatorOrder): Command<{ readonly node: ClusterNode; readonly uuid: string }> {
  return {
    name: 'release_gpu',
    whenSpace: 'critical',
    run: (draft, context) => {
      const node = findNode(draft, order.node);
      const gpu = findGpu(node, order.gpu);
      if (gpu.marks === undefined && gpu.quarantine === undefined) throw nothingHeld(node, gpu);
      // A task that is still there would share it with the next one.
      if (gpu.quarantinedFor !== undefined) throw strayThere(node, gpu, gpu.quarantinedFor);
      const gpus = node.gpus.map((one) => (one === gpu ? cleared(one) : one));
      draft.putNode(forgetReset({ ...node, gpus }, gpu));
      const held = [
        ...(gpu.marks ?? []).map(({ code }) => code),
        ...(gpu.quarantine === undefined ? [] : ['not clean']),
      ];
      const what = `${nameOf(node, gpu)} (${held.join(', ')})`;
      noteIncident(
        draft,
        'gpu_released',
        order.reason === '' ? what : `${what}: ${order.reason}`,
        order.actor,
        context,
      );
      return { node: draft.node(node.id), uuid: gpu.uuid };
    },
  };
}

function nothingHeld(node: ClusterNode, gpu: Gpu): ApiError {
  const word =
    gpu.health === 'healthy'
      ? 'it is healthy'
      : `it is ${gpu.health} because its agent reports so (${gpu.healthMessage}), which ends when that does`;
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'NOTHING_HELD_AGAINST_GPU',
    message: `nothing is held against ${nameOf(node, gpu)}: ${word}`,
    metadata: { node: node.name, gpu: gpu.uuid },
  });
}

function strayThere(node: ClusterNode, gpu: Gpu, stray: string): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'STRAY_ON_GPU',
    message:
      `allocation ${stray} runs on ${nameOf(node, gpu)} and should not: it is released by itself once that is over\n` +
      'If nothing of it runs for certain: sluice uncordon ' +
      node.name,
    metadata: { node: node.name, gpu: gpu.uuid },
  });
}

// --- the parts ---

function markOf(
  { code, rule, message }: { readonly code: string; readonly rule: XidRule; readonly message: string },
  health: GpuMark['health'],
  policy: GpuPolicy,
  nowMs: number,
): GpuMark {
  const ends =
    health === 'suspect'
      ? ({ endsWith: 'time', untilMs: nowMs + policy.suspectMs } as const)
      : ({ endsWith: rule.endsWith, untilMs: null } as const);
  return { code, health, sinceMs: nowMs, message, actor: '', ...ends };
}

/** Notes a fault with whom it met. Of several who share a GPU nobody knows whose it was. */
function remember(
  draft: Draft,
  id: NodeId,
  uuid: string,
  {
    code,
    timeMs,
    holders,
  }: { readonly code: string; readonly timeMs: number; readonly holders: readonly Allocation[] },
): void {
  const node = draft.node(id);
  const numbers = [...new Set(holders.map(({ workload }) => workload))];
  const workload = numbers.length === 1 ? (numbers[0] ?? null) : null;
  const owner = workload === null ? '' : draft.workload(workload).owner;
  const gpus = node.gpus.map((gpu) => (gpu.uuid === uuid ? withFault(gpu, { code, timeMs, workload, owner }) : gpu));
  draft.putNode({ ...node, gpus });
}

/** What repeated faults say: that the GPU is to blame, not those who met it there. */
function repeated(
  node: ClusterNode,
  uuid: string,
  code: string,
  rule: XidRule,
  policy: GpuPolicy,
  timeMs: number,
): { readonly code: string; readonly rule: XidRule; readonly message: string } | null {
  if (rule.action !== 'count' && rule.action !== 'suspect') return null;
  const faults = node.gpus.find((gpu) => gpu.uuid === uuid)?.faults ?? [];
  const met = (withinMs: number, of: string | null): { workloads: number; users: number } => {
    const near = faults.filter(
      (one) => one.workload !== null && timeMs - one.timeMs <= withinMs && (of === null || one.code === of),
    );
    return {
      workloads: new Set(near.map(({ workload }) => workload)).size,
      users: new Set(near.map(({ owner }) => owner)).size,
    };
  };
  const drain: XidRule = { ...rule, action: 'drain', blame: 'hardware', endsWith: 'person', peers: false };
  if (rule.drainAfter !== null) {
    const { withinMs, workloads: most } = rule.drainAfter;
    const { workloads } = met(withinMs, code);
    if (workloads >= most) {
      const message = `${code.replace('xid_', 'Xid ')} under ${plural(workloads, 'workload')} within ${formatDuration(withinMs)}`;
      return { code, rule: { ...drain, endsWith: 'reboot' }, message };
    }
  }
  const { workloads, users } = met(policy.repeatWithinMs, null);
  // What hardware alone can cause needs no second user to tell it from a bad program.
  const least = rule.blame === 'hardware' ? 1 : policy.repeatUsers;
  if (workloads < policy.repeatWorkloads || users < least) return null;
  const who = `${plural(workloads, 'workload')} of ${plural(users, 'user')}`;
  const message = `faults under ${who} within ${formatDuration(policy.repeatWithinMs)}, ${code.replace('xid_', 'Xid ')} the last`;
  return { code: 'repeated_faults', rule: drain, message };
}

/** What their programs' ends say from now on is no fault of theirs. */
function excuse(draft: Draft, holders: readonly Allocation[], why: string): void {
  for (const { id } of holders) {
    const held = draft.allocation(id);
    if (held.fault === undefined && (held.state === 'placed' || held.state === 'running' || held.state === 'stopping'))
      draft.putAllocation({ ...held, fault: why });
  }
}

/** The other GPUs of its NVLink group. */
function peersOf({ gpus }: ClusterNode, gpu: Gpu): readonly Gpu[] {
  if (gpu.nvlinkGroup === null) return [];
  return gpus.filter((one) => one.uuid !== gpu.uuid && one.retired !== true && one.nvlinkGroup === gpu.nvlinkGroup);
}

/** Too many condemned at once look like a mistake of the daemon, of a driver or of a policy, not like as many broken GPUs. */
function brakes(draft: Draft, id: NodeId, more: number, policy: GpuPolicy, nowMs: number): boolean {
  let gpus = 0;
  let condemned = 0;
  const nodes = new Set<NodeId>([id]);
  const isRecent = ({ actor, health, sinceMs }: GpuMark): boolean =>
    actor === '' && health !== 'suspect' && nowMs - sinceMs < policy.brakeWindowMs;
  for (const base of draft.base.nodes.values()) {
    const node = base.id === id ? draft.node(id) : base;
    gpus += node.gpus.length;
    const recent = node.gpus.filter(({ marks }) => marks?.some(isRecent) === true).length;
    condemned += recent;
    if (recent > 0) nodes.add(node.id);
  }
  const isMany = condemned + more > Math.max(BRAKE_LEAST_GPUS, policy.brakeRatio * gpus);
  return nodes.size > policy.brakeNodes || (isMany && nodes.size > 1);
}

/** A machine of which several GPUs failed is itself in doubt. */
function cordonIfMany(draft: Draft, id: NodeId, policy: GpuPolicy, context: CommandContext): string | null {
  const node = draft.node(id);
  if (policy.nodeGpus === 0 || node.cordoned) return null;
  const failed = node.gpus.filter(({ marks = [] }) =>
    marks.some(({ actor, health }) => actor === '' && health === 'quarantined'),
  );
  if (failed.length < policy.nodeGpus) return null;
  const reason = `${plural(failed.length, 'GPU')} of it failed (${failed.map(({ index }) => index).join(', ')})`;
  draft.putNode({ ...node, cordoned: true, cordonReason: reason });
  const message = `node ${node.name} takes no new work: ${reason}`;
  noteIncident(draft, 'gpu_condemned', message, '', context);
  return message;
}

/** A hook that fails says that the machine is not fit: nothing new goes there until a person has looked. */
function hookFailed(draft: Draft, id: NodeId, event: HealthEvent, context: CommandContext): string {
  const node = draft.node(id);
  const hook = event.kind === 'prolog_failed' ? 'the prolog' : 'the epilog';
  const reason = `${hook} failed: ${event.detail}`;
  // The task that was not started is tried elsewhere, as often as that takes.
  if (event.kind === 'prolog_failed') {
    const held = draft.heldOn(id).filter((one) => one.id === event.allocation);
    excuse(draft, held, `${hook} of node ${node.name} failed: ${event.detail}`);
  }
  if (!node.cordoned) draft.putNode({ ...node, cordoned: true, cordonReason: reason });
  const message = `node ${node.name} takes no new work: ${reason}`;
  noteIncident(draft, 'hook_failed', message, '', context);
  return message;
}

function brief(text: string): string {
  return text.length <= MAX_DETAIL_CHARACTERS ? text : `${text.slice(0, MAX_DETAIL_CHARACTERS - 1)}…`;
}

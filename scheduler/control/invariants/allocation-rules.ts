// What must hold of a change of an allocation: its grant, its steps, its release. Each function looks at one change and
// complains; what needs the sum of all holdings is in holdings.ts.
import type { ReadableState } from '../../model/cluster-state.js';
import { matchesModel } from '../../model/gpu-model.js';
import { workloadKey, type Allocation, type ClusterNode, type Role, type Workload } from '../../model/records.js';
import { maxTasks, roleOf } from '../../model/requests.js';
import { ALLOCATION_STEPS, isAllocationStep } from '../../model/state-steps.js';
import { compareVersions } from '../../engine/asks.js';
import type { Complain } from './violation.js';

/** A grant is of healthy GPUs of a node that its workload allows. */
export function checkGrant(state: ReadableState, allocation: Allocation, complain: Complain): void {
  const { id, node: nodeId } = allocation;
  const isAdopted = allocation.adopted === true;
  if (!isAdopted && allocation.state !== 'placed') {
    complain('legal_steps', `allocation ${id}`, 'a new one is placed', `it is ${allocation.state}`);
  }
  const node = state.node(nodeId);
  if (node === undefined) {
    complain('whole_nodes', `allocation ${id}`, 'a node that exists', nodeId);
    return;
  }
  checkGpusOfNode(node, allocation, complain);
  // What was taken over from an agent runs where it runs.
  if (isAdopted) return;
  if (node.cordoned)
    complain('fit_to_grant', `allocation ${id}`, 'a node that takes new work', `${node.name}, cordoned`);
  for (const { index, uuid } of allocation.gpus) {
    const health = node.gpus[index]?.health;
    if (health !== 'healthy' && health !== undefined) {
      complain('fit_to_grant', `GPU ${uuid} for ${id}`, 'a healthy GPU', `${node.name}:${index} is ${health}`);
    }
  }
  const workload = state.workloads.get(workloadKey(allocation.workload));
  if (workload === undefined) return;
  if (allocation.task < 0 || allocation.task >= maxTasks(workload.spec)) {
    complain(
      'known_owner',
      `allocation ${id}`,
      `one of the ${maxTasks(workload.spec)} tasks`,
      `task ${allocation.task}`,
    );
    return;
  }
  const role = roleOf(workload.spec, allocation.task);
  const complaint = whyNotAllowed(role, node, allocation);
  if (complaint !== null) complain('fit_to_grant', `workload ${workload.number} on ${node.name}`, ...complaint);
}

/** What an allocation holds are GPUs of its node. */
export function checkGpusOfNode(node: ClusterNode, { id, gpus }: Allocation, complain: Complain): void {
  for (const { index, uuid } of gpus) {
    const there = node.gpus[index]?.uuid;
    if (there !== uuid) complain('whole_nodes', `${node.name}:${index}`, `GPU ${uuid}, held by ${id}`, `${there}`);
  }
}

/** @returns what the workload asked for, and what it got; null = it fits */
function whyNotAllowed({ rules }: Role, node: ClusterNode, { gpus }: Allocation): [string, string] | null {
  const { pool, models, minGpuMemoryMib, minDriver, labels, nodes } = rules;
  if (pool !== '' && node.pool !== pool) return [`a node of pool ${pool}`, `pool ${node.pool}`];
  if (nodes.length > 0 && !nodes.includes(node.name)) return [`one of ${nodes.join(', ')}`, node.name];
  for (const label in labels) {
    if (node.labels[label] !== labels[label]) {
      return [`the label ${label}=${labels[label]}`, node.labels[label] ?? 'no such label'];
    }
  }
  if (minDriver !== '' && compareVersions(node.driverVersion, minDriver) < 0) {
    return [`driver ${minDriver} or newer`, node.driverVersion];
  }
  if (models.length === 0 && minGpuMemoryMib === 0) return null;
  for (const { index, model, instance } of gpus) {
    if (models.length > 0 && !models.some((asked) => matchesModel(model, asked))) {
      return [`a GPU of model ${models.join(' or ')}`, model];
    }
    const memoryMib = node.gpus[index]?.memoryMib ?? 0;
    if (instance === '' && memoryMib < minGpuMemoryMib) {
      return [`GPUs with ${minGpuMemoryMib} MiB or more`, `${memoryMib} MiB`];
    }
  }
  return null;
}

/** An allocation goes forward by legal steps, keeps what it was granted, and is not changed once it is released. */
export function checkAllocationStep(before: Allocation, after: Allocation, complain: Complain): void {
  if (before.state === 'released') {
    if (isVainNoted(before, after)) return;
    complain('final_ends', named(after), 'no change once it is released', `a change to ${after.state}`);
    return;
  }
  if (!isAllocationStep(before.state, after.state)) {
    const legal = ALLOCATION_STEPS[before.state].join(' or ') || 'nothing';
    complain('legal_steps', named(after), `${before.state} to ${legal}`, `${before.state} to ${after.state}`);
  }
  const isSame =
    before.workload === after.workload &&
    before.attempt === after.attempt &&
    before.task === after.task &&
    before.node === after.node &&
    before.placedMs === after.placedMs &&
    (before.gpus === after.gpus || JSON.stringify(before.gpus) === JSON.stringify(after.gpus));
  if (!isSame)
    complain('one_owner', named(after), 'the grant it began with', 'another task, attempt, node, time or GPUs');
  checkTimes(after, complain);
}

/** What a task did in vain is known when the last one of its attempt ends, and that may be after its own GPUs are free. */
function isVainNoted(before: Allocation, after: Allocation): boolean {
  if (before.lost !== undefined || before.failed !== undefined) return false;
  const { lost: _, failed: __, ...rest } = after;
  return Object.entries(rest).every(([field, value]) => before[field as keyof Allocation] === value);
}

/** Nothing takes less than no time, and what is over has an end. */
export function checkTimes(allocation: Allocation, complain: Complain): void {
  const { id, state, placedMs, startedMs, endedMs, release } = allocation;
  const began = startedMs ?? placedMs;
  const ended = endedMs ?? began;
  const isInOrder = placedMs <= began && began <= ended && ended <= (release?.timeMs ?? ended);
  if (!isInOrder) {
    const found = `${placedMs}, ${startedMs}, ${endedMs}, ${release?.timeMs}`;
    complain('exact_usage', `allocation ${id}`, 'grant, start, end and release in this order', found);
  }
  const isOver = state === 'exited' || state === 'released';
  if (isOver !== (endedMs !== null)) {
    complain('exact_usage', `allocation ${id}`, isOver ? 'the time of its end' : 'no end yet', `${endedMs}`);
  }
}

/**
 * GPUs that come free carry their proof. What can be seen from records is looked at: a machine that booted anew has
 * another boot id in the same commit, and GPUs of which nothing is proven are kept from work.
 */
export function checkRelease(
  state: ReadableState,
  allocation: Allocation,
  { rebooted, wasKept }: { readonly rebooted: ReadonlySet<string>; readonly wasKept: (uuid: string) => boolean },
  complain: Complain,
): void {
  const { node: nodeId, gpus, release, exit, startedMs } = allocation;
  if (release === undefined) {
    complain('proven_free', named(allocation), 'what proved its GPUs free', 'nothing');
    return;
  }
  switch (release.proof) {
    case 'rebooted':
      if (!rebooted.has(nodeId)) complain('proven_free', named(allocation), 'another boot id of its node', 'the same');
      return;
    case 'quarantined': {
      const known = state.node(nodeId)?.gpus ?? [];
      const open = gpus.find(({ index, uuid }) => known[index]?.health === 'healthy' && !wasKept(uuid));
      if (open !== undefined)
        complain('proven_free', named(allocation), `GPU ${open.uuid} kept from new work`, 'it is not');
      return;
    }
    case 'never_started':
      if (startedMs !== null)
        complain('proven_free', named(allocation), 'a task that was never started', `started ${startedMs}`);
      return;
    case 'clean':
    case 'fenced':
    case 'certified':
      if (exit === null) complain('proven_free', named(allocation), 'a record of how its task ended', 'none');
  }
}

/** A record goes only when it says nothing about the present any more. */
export function checkAllocationDropped(before: Allocation, complain: Complain): void {
  if (before.state === 'released') return;
  complain(
    'proven_free',
    `allocation ${before.id}`,
    'a record as long as it holds GPUs',
    `deleted while ${before.state}`,
  );
}

/** Whether a task of this workload may hold GPUs now: it is of the present attempt, or has ended. */
export function checkOwner(workload: Workload | undefined, allocation: Allocation, complain: Complain): void {
  if (workload === undefined) {
    complain('known_owner', named(allocation), `workload ${allocation.workload}`, 'no such workload');
    return;
  }
  const hasEnded = allocation.state === 'exited' || allocation.state === 'released';
  if (hasEnded) return;
  const { number, state, attempt } = workload;
  const isPresent =
    attempt === allocation.attempt && (state === 'starting' || state === 'running' || state === 'stopping');
  if (!isPresent) {
    const found = `attempt ${allocation.attempt} while it is ${state} in attempt ${attempt}`;
    complain('known_owner', named(allocation), `a task of the present attempt of workload ${number}`, found);
  }
}

/** Made only where there is something to say: these rules run on every change. */
function named({ id }: Allocation): string {
  return `allocation ${id}`;
}

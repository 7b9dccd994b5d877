// Laws of gangs: whole or absent, in every role at once, and together where they must be.
import type { Bind, Decision, MakeClaim } from '../../../scheduler/engine/decisions.js';
import type { Allocation, ClusterNode, TopologyRule, Workload } from '../../../scheduler/model/records.js';
import type { World } from '../world.js';
import { demand, EVERY_FLAVOUR, type WatchedLaw } from './law.js';

export const wholeOrAbsent: WatchedLaw = {
  name: 'whole-or-absent',
  says: 'the core of every role of a gang starts at once and stays together; surplus tasks come and go beside a whole core',
  of: EVERY_FLAVOUR,
  watch: () => ({
    beforeDecision: (world, decision) => {
      if (decision.type === 'bind') checkBind(world, decision);
      if (decision.type === 'claim') checkClaim(world, decision);
    },
    afterDecision: (world) => {
      for (const workload of world.unfinished()) checkWhole(world, workload);
    },
  }),
};

/** Task numbers by role: from, the end of the core, the end. */
function rangesOf({ spec }: Workload): readonly { from: number; core: number; to: number }[] {
  let from = 0;
  return spec.roles.map(({ minTasks, maxTasks }) => {
    const range = { from, core: from + minTasks, to: from + maxTasks };
    from = range.to;
    return range;
  });
}

function coreOf(workload: Workload): readonly number[] {
  return rangesOf(workload).flatMap(({ from, core }) => Array.from({ length: core - from }, (_, at) => from + at));
}

function checkBind(world: World, { workload: number, placements }: Bind): void {
  const workload = workloadOf(world, number);
  const tasks = placements.map(({ task }) => task);
  if (workload.state === 'pending') {
    demand(workload.gate === null, () => `${number} is placed though its gate is closed`);
    demand(same(tasks, coreOf(workload)), () => `${number} starts with tasks ${tasks.join()}`);
    return;
  }
  checkGrowth(world, workload, tasks);
}

function checkClaim(world: World, { workload: number, placements }: MakeClaim): void {
  const workload = workloadOf(world, number);
  const tasks = placements.map(({ task }) => task);
  switch (workload.state) {
    case 'pending':
    case 'stopping':
      demand(workload.gate === null, () => `${number} is promised something though its gate is closed`);
      demand(same(tasks, coreOf(workload)), () => `${number} is promised a place for tasks ${tasks.join()}`);
      return;
    default:
      checkGrowth(world, workload, tasks);
  }
}

/** More tasks: numbers of its roles that nobody has, while nothing of it has ended. */
function checkGrowth(world: World, workload: Workload, tasks: readonly number[]): void {
  const { number, state } = workload;
  demand(state === 'starting' || state === 'running', () => `${number} gets more tasks though it is ${state}`);
  const known = workload.allocations.flatMap((id) => world.state.allocation(id) ?? []);
  const most = rangesOf(workload).at(-1)?.to ?? 0;
  for (const task of tasks) {
    demand(task < most, () => `${number} gets a task ${task} of ${most}`);
    demand(!known.some((one) => one.task === task), () => `${number} gets a second task ${task}`);
  }
  demand(!known.some(endedWell), () => `${number} gets more tasks though one is done`);
}

function checkWhole(world: World, workload: Workload): void {
  if (workload.state !== 'starting' && workload.state !== 'running') return;
  const known = workload.allocations.flatMap((id) => world.state.allocation(id) ?? []);
  for (const { from, core, to } of rangesOf(workload)) {
    const there = known.filter((one) => one.task >= from && one.task < to && (runs(one) || endedWell(one))).length;
    demand(
      there >= core - from,
      () => `${workload.number} runs with ${there} tasks of a role that needs ${core - from}`,
    );
  }
}

function runs({ state }: Allocation): boolean {
  return state === 'placed' || state === 'running';
}

function endedWell({ state, exit }: Allocation): boolean {
  return (state === 'exited' || state === 'released') && exit?.code === 0;
}

function same(left: readonly number[], right: readonly number[]): boolean {
  return left.toSorted((a, b) => a - b).join() === right.toSorted((a, b) => a - b).join();
}

export const together: WatchedLaw = {
  name: 'together',
  says: 'tasks that must be in one NVLink group, node, rack or block are, and so are those that join them',
  of: ['mixed'],
  watch: () => ({ beforeDecision: checkTogether }),
};

/** Where one task is, or will be. */
interface Spot {
  readonly task: number;
  readonly node: ClusterNode;
  readonly gpus: readonly number[];
}

function checkTogether(world: World, decision: Decision): void {
  if (decision.type !== 'bind' && decision.type !== 'claim') return;
  const workload = workloadOf(world, decision.workload);
  const running =
    workload.state === 'pending' || workload.state === 'stopping' ? [] : world.heldBy(workload).filter(runs);
  const spots: Spot[] = [
    ...decision.placements.map(({ task, node, gpus }) => ({ task, node, gpus })),
    ...running.map(({ task, node, gpus }) => ({ task, node, gpus: gpus.map(({ index }) => index) })),
  ].flatMap(({ node, ...spot }) => {
    const record = world.state.node(node);
    return record === undefined ? [] : [{ ...spot, node: record }];
  });
  checkRule(workload, workload.spec.topology, spots);
  rangesOf(workload).forEach(({ from, to }, at) => {
    const own = spots.filter(({ task }) => task >= from && task < to);
    checkRule(workload, workload.spec.roles[at]?.topology ?? null, own);
  });
}

function checkRule({ number }: Workload, rule: TopologyRule | null, spots: readonly Spot[]): void {
  if (rule === null || !rule.required || spots.length === 0) return;
  const domains = new Set(spots.flatMap((spot) => domainsOf(spot, rule.level)));
  const where = spots.map(({ task, node, gpus }) => `${task} on ${node.name}:${gpus.join()}`).join(', ');
  demand(domains.size === 1 && !domains.has(null), () => `${number} must be in one ${rule.level}, but: ${where}`);
}

/** The domain of a task; of NVLink that of each of its GPUs. Null = it is in none. */
function domainsOf({ node, gpus }: Spot, level: TopologyRule['level']): readonly (string | null)[] {
  const { rack, block } = node.labels;
  switch (level) {
    case 'node':
      return [node.id];
    case 'rack':
      return [rack === undefined ? null : `${block ?? ''}/${rack}`];
    case 'block':
      return [block ?? null];
    case 'nvlink':
      return gpus.map((index) => {
        const group = node.gpus[index]?.nvlinkGroup ?? null;
        return group === null ? null : `${node.id} ${group}`;
      });
  }
}

function workloadOf(world: World, number: Bind['workload']): Workload {
  const workload = world.state.workload(number);
  demand(workload !== undefined, () => `workload ${number} is not there`);
  return workload;
}

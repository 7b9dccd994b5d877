// What must be so once everything works again and some time has passed: machines do what the records say, everybody hears what was promised,
// and nothing waits without a reason.
import { explain } from '../../scheduler/engine/explain.js';
import { isTerminal } from '../../scheduler/model/cluster-state.js';
import type { Workload } from '../../scheduler/model/records.js';
import type { Control } from '../../scheduler/wire-control.js';
import type { MachineChecker } from './machine-checker.js';
import { nodeIdOf, type SimNode } from './node.js';
import type { StoredImage } from './store.js';
import type { LawName } from './violation.js';

/** What has just begun or ended may be on its way from the machine to the records for so long. */
export const NEWS_MS = 3_000;

export type Report = (law: LawName, message: string) => void;

/** After the heal and the time to converge: every node is in, and has what it should have. */
export function checkConverged(
  control: Control | null,
  nodes: readonly SimNode[],
  machines: MachineChecker,
  report: Report,
): void {
  if (control === null) {
    report('I25 it converges', 'the daemon does not serve');
    return;
  }
  const { state, fleet, view, position } = control;
  for (const node of nodes) {
    const id = nodeIdOf(node.name) as Parameters<typeof fleet.softState>[0];
    const { liveness } = fleet.softState(id);
    if (liveness !== 'ready')
      report('I25 it converges', `${node.name} is ${liveness}, of revision ${position.revision}`);
    const held = new Map(state.heldOn(id).map((allocation) => [allocation.id as string, allocation]));
    for (const task of node.tasks) {
      if (task.isStuck || !task.isAlive) continue;
      const allocation = held.get(task.allocation);
      const isSpared = state.node(id)?.strays?.some((one) => one.spared && one.allocation === task.allocation) === true;
      if (allocation === undefined) {
        if (isSpared) continue;
        report(
          'I15 no orphans',
          `${task.allocation} of workload ${task.workload} lives on ${node.name}, unknown to the store`,
        );
      } else if (allocation.state === 'placed' || allocation.state === 'exited') {
        // It may have begun or ended just now.
        const isNew = node.machine.timeline.nowMs - task.startedMs < NEWS_MS;
        const isEnding = allocation.state === 'exited';
        if (!isNew && !isEnding) {
          report(
            'I25 it converges',
            `${task.allocation} lives on ${node.name}, and the store says ${allocation.state}`,
          );
        }
      }
    }
    for (const allocation of held.values()) {
      if (allocation.state !== 'running' || machines.isAlive(allocation.id)) continue;
      const goneForMs = machines.goneForMs(allocation.id);
      const endedJustNow = goneForMs !== null && goneForMs < NEWS_MS;
      if (!endedJustNow) {
        report('I25 it converges', `${allocation.id} runs, says the store, and no process of it is on ${node.name}`);
      }
    }
  }
  const nowMs = control.loop === null ? 0 : (nodes[0]?.machine.wallMs() ?? 0);
  for (const workload of state.workloads.values()) {
    if (workload.state !== 'pending') continue;
    const why = explain(view, workload.number, nowMs);
    if (why === null || why.summary === '') {
      report('I25 it converges', `workload ${workload.number} is pending without a reason`);
    }
  }
}

/** Whether nothing is left that works or waits. */
export function isDrained({ state }: Control, machines: MachineChecker): boolean {
  for (const { task } of machines.live) if (!task.isStuck) return false;
  for (const { state: at } of state.allocations.values()) if (at !== 'released') return false;
  return [...state.workloads.values()].every((workload) => isTerminal(workload.state));
}

/** After everything endless was cancelled and time enough for the rest: nothing is left that works or waits. */
export function checkDrained(control: Control | null, machines: MachineChecker, report: Report): void {
  if (control === null) {
    report('I25 it converges', 'the daemon does not serve');
    return;
  }
  const { state } = control;
  for (const workload of state.workloads.values()) {
    if (isTerminal(workload.state)) continue;
    const reason = explain(control.view, workload.number, 0)?.reason;
    const told = `${reason}: ${why(control, workload)}`;
    report('I25 it converges', `workload ${workload.number} is ${workload.state} at the end: ${told}`);
  }
  for (const { node, task } of machines.live) {
    if (task.isStuck) continue;
    report('I15 no orphans', `${task.allocation} of workload ${task.workload} lives on ${node.name} at the end`);
  }
  for (const allocation of state.allocations.values()) {
    if (allocation.state === 'released') continue;
    report('I25 it converges', `${allocation.id} on ${allocation.node} is ${allocation.state} at the end`);
  }
}

function why({ view }: Control, { number, message, gate, events }: Workload): string {
  const told = explain(view, number, 0)?.summary ?? message;
  return `${told} ${gate?.message ?? ''} (${events.at(-1)?.message ?? ''})`;
}

/** Every record of the store is in the state and the other way round, when nothing is being written. */
export function checkStored(control: Control, stored: StoredImage, report: Report): void {
  const { tables } = stored.image;
  const { state } = control;
  for (const [collection, rows] of tables) {
    for (const [key, value] of rows) {
      const live = state.get(collection, key);
      if (live === value || JSON.stringify(live) === JSON.stringify(value)) continue;
      report('I17 the store equals the state', `${collection}/${key} differs`);
    }
  }
  for (const collection of ['workloads', 'allocations', 'nodes', 'queues', 'requests'] as const) {
    const rows = tables.get(collection)?.size ?? 0;
    if (state[collection].size === rows) continue;
    report('I17 the store equals the state', `${state[collection].size} ${collection} live, ${rows} are stored`);
  }
}

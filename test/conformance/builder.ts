// Scenarios in a few lines for the tests of the player, and an engine that decides what the test says.
import { invariant, present } from '../../common/assert.js';
import type { Decision } from '../../scheduler/engine/decisions.js';
import type { EnginePolicy } from '../../scheduler/engine/policy.js';
import type { Placement } from '../../scheduler/model/records.js';
import type { AllocationId, NodeId, WorkloadNumber } from '../../common/ids.js';
import type { ClusterRecords, EngineUnderTest } from '../../simulator/conformance/engine-under-test.js';
import { readScenarios, type Scenario } from '../../simulator/conformance/scenario.js';

/** One node of two GPUs, one queue, and what the test adds. */
export function scenarioWith(parts: Record<string, unknown>): Scenario {
  const whole = {
    id: 'test',
    family: 'allocate',
    kind: 'one_action',
    nodes: [nodeOf('node0', 2)],
    queues: [{ name: 'queue0', quota_gpus: 2, over_quota_weight: 1 }],
    jobs: [],
    expect: {},
    ...parts,
  };
  const read = present(readScenarios(JSON.stringify([whole]))[0], 'one scenario is read', '');
  invariant('scenario' in read, 'tests write good scenarios', 'fault' in read ? read.fault : '');
  return read.scenario;
}

export function nodeOf(name: string, gpus: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { name, gpus, gpu_memory_mib: 100, cpus: 8, memory_bytes: 20_000_000_000, ...more };
}

export function jobOf(name: string, tasks: readonly object[], more: Record<string, unknown> = {}) {
  return { name, queue: 'queue0', priority: 50, gpus_per_task: 1, min_tasks: 1, age_minutes: 1, tasks, ...more };
}

export const WAITS = { state: 'pending' };

export function runsOn(node: string, more: Record<string, unknown> = {}) {
  return { state: 'running', node, ...more };
}

/** An engine that gives the decisions of each cycle in turn, then none, and keeps what it was asked. */
export class ScriptedEngine implements EngineUnderTest {
  readonly asked: { cluster: ClusterRecords; policy: EnginePolicy; nowMs: number }[] = [];
  readonly #script: readonly (readonly Decision[])[];

  constructor(...script: readonly (readonly Decision[])[]) {
    this.#script = script;
  }

  decide(cluster: ClusterRecords, policy: EnginePolicy, nowMs: number): readonly Decision[] {
    this.asked.push({ cluster, policy, nowMs });
    return this.#script[this.asked.length - 1] ?? [];
  }
}

/** One whole GPU for a task. */
export function place(task: number, node: string, gpu: number, parts = 7_000): Placement {
  return { task, node: node as NodeId, gpus: [gpu], parts, instances: [] };
}

export function bind(workload: number, ...placements: readonly Placement[]): Decision {
  return { type: 'bind', workload: workload as WorkloadNumber, placements };
}

export function claim(workload: number, ...placements: readonly Placement[]): Decision {
  return { type: 'claim', workload: workload as WorkloadNumber, placements };
}

export function evict(workload: number, ...tasks: readonly number[]): Decision {
  return {
    type: 'evict',
    workload: workload as WorkloadNumber,
    allocations: tasks.map((task) => `${workload}/${task}` as AllocationId),
    reason: 'reclaimed',
    forWorkload: null,
    message: 'because',
  };
}

export function dropClaim(workload: number): Decision {
  return { type: 'drop_claim', workload: workload as WorkloadNumber, message: 'because' };
}

// Carries decisions out on records without waiting for anyone: what is bound starts, what is told to stop leaves later.
// An engine that answers a cycle in several steps sees the decisions of the earlier ones this way.
import { present, unreachable } from '../../common/assert.js';
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import type { Decision, Evict } from '../../scheduler/engine/decisions.js';
import {
  type Allocation,
  type Placement,
  type RecordChange,
  type Workload,
  workloadKey,
} from '../../scheduler/model/records.js';
import { roleOf } from '../../scheduler/model/requests.js';
import type { ClusterRecords } from './engine-under-test.js';

/** The id of the allocation that a task of a scenario has: one task, one id, whatever happens to it. */
export function allocationId(workload: WorkloadNumber, task: number): AllocationId {
  return `${workload}/${task}` as AllocationId;
}

/** The allocation of a task that has just been placed. */
export function placedAllocation(workload: Workload, placement: Placement, attempt: number, nowMs: number): Allocation {
  const { request } = roleOf(workload.spec, placement.task);
  return {
    id: allocationId(workload.number, placement.task),
    workload: workload.number,
    attempt,
    task: placement.task,
    node: placement.node,
    gpus: placement.gpus.map((index, at) => ({
      uuid: `${placement.node}/gpu${index}`,
      index,
      model: '',
      simulated: true,
      generation: 1,
      parts: placement.parts,
      instance: placement.instances[at] ?? '',
    })),
    cpuMilli: request.cpuMilli,
    memoryMib: request.memoryMib,
    state: 'placed',
    resume: null,
    placedMs: nowMs,
    startedMs: null,
    endedMs: null,
    stop: null,
    exit: null,
    endpoints: [],
  };
}

/** Workloads and allocations that follow the decisions made about them. */
export class Followed {
  readonly #workloads = new Map<WorkloadNumber, Workload>();
  readonly #allocations = new Map<AllocationId, Allocation>();

  constructor({ workloads, allocations }: ClusterRecords) {
    for (const workload of workloads) this.#workloads.set(workload.number, workload);
    for (const allocation of allocations) this.#allocations.set(allocation.id, allocation);
  }

  /** Carries one decision out and returns what it changed. */
  carryOut(decision: Decision, nowMs: number): RecordChange[] {
    switch (decision.type) {
      case 'bind':
        return this.#bind(decision.workload, decision.placements, nowMs);
      case 'evict':
        return this.#evict(decision, nowMs);
      case 'claim':
        return this.#change(decision.workload, { claim: { placements: decision.placements, sinceMs: nowMs } });
      case 'drop_claim':
        return this.#change(decision.workload, { claim: null });
      default:
        return unreachable(decision);
    }
  }

  #bind(number: WorkloadNumber, placements: readonly Placement[], nowMs: number): RecordChange[] {
    const workload = this.#workload(number);
    const starts = workload.state === 'pending';
    const attempt = workload.attempt + Number(starts);
    const placed = placements.map((placement) => placedAllocation(workload, placement, attempt, nowMs));
    const ids = placed.map(({ id }) => id);
    return [
      ...placed.map((allocation) => this.#putAllocation(allocation)),
      ...this.#change(number, {
        state: starts ? 'starting' : workload.state,
        attempt,
        allocations: starts ? ids : [...workload.allocations, ...ids],
        claim: null,
      }),
    ];
  }

  #evict({ workload: number, allocations, reason, forWorkload, message }: Evict, nowMs: number): RecordChange[] {
    const workload = this.#workload(number);
    const changes = allocations.map((id) =>
      this.#putAllocation({
        ...this.#allocation(id),
        state: 'stopping',
        stop: { reason, requestedMs: nowMs, graceMs: workload.spec.graceMs, forWorkload, message },
      }),
    );
    const goesOn = workload.allocations.some((id) => this.#allocation(id).state !== 'stopping');
    if (!goesOn) changes.push(...this.#change(number, { state: 'stopping', afterStop: 'requeue' }));
    return changes;
  }

  #workload(number: WorkloadNumber): Workload {
    return present(this.#workloads.get(number), 'decisions name workloads', String(number));
  }

  #allocation(id: AllocationId): Allocation {
    return present(this.#allocations.get(id), 'decisions name allocations', id);
  }

  #change(number: WorkloadNumber, changed: Partial<Workload>): RecordChange[] {
    const before = this.#workload(number);
    const after = { ...before, ...changed };
    this.#workloads.set(number, after);
    return [{ collection: 'workloads', key: workloadKey(number), before, after }];
  }

  #putAllocation(after: Allocation): RecordChange {
    const before = this.#allocations.get(after.id) ?? null;
    this.#allocations.set(after.id, after);
    return { collection: 'allocations', key: after.id, before, after };
  }
}

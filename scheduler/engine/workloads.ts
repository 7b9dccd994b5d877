// Workloads and allocations as the engine sees them: the record, and where the view has filed it.
import type { AllocationId, WorkloadNumber } from '../../common/ids.js';
import type { Claim, Placement, StopOrder, Workload } from '../model/records.js';
import { GPU_PARTS } from '../model/requests.js';
import { addTo, type Amounts, amounts, NOTHING, sharedAmounts } from './amounts.js';
import type { Secured } from './cell-holdings.js';
import type { Hold, NodeEntry, Slot } from './nodes.js';
import type { Account, QueueNode } from './queues.js';
import type { VictimUnit } from './running.js';
import type { Group, Shape } from './shapes.js';

/** One workload. */
export interface WorkloadEntry {
  readonly number: WorkloadNumber;
  /** Null while only allocations have named it. */
  record: Workload | null;
  /** Who is charged for it. */
  account: Account;
  queue: QueueNode | null;
  /** The tasks that must run together. */
  core: Shape | null;
  /** Some role may have more tasks than it needs. */
  isElastic: boolean;
  /** Where it waits; null = it does not wait, or waits with a claim. */
  group: Group | null;
  /** Where it waits for more tasks, by role; empty unless it is elastic and runs. */
  surplusGroups: readonly Group[];
  claim: HeldClaim | null;
  /** Counted in its queue's demand, and in what is pending there. */
  demand: Amounts;
  pending: Amounts;
  /** Those not released. */
  allocations: readonly AllocationEntry[];
  /** What may be taken from it, the first to go first; empty while nothing may. */
  units: readonly VictimUnit[];
  /** Since when its work would be lost: the last checkpoint; `UNKNOWN_MS` = it has none. */
  unsavedSinceMs: number;
  /** When its record says it was submitted, so that the comparing of many reads one number. */
  submittedMs: number;
  /** When its present attempt was placed. */
  placedMs: number;
}

/** Work without a checkpoint: what its end would lose is not known, and counts as more than anything known. */
export const UNKNOWN_MS = 0;

/** One allocation that is not released. */
export interface AllocationEntry extends Hold {
  readonly id: AllocationId;
  readonly workload: WorkloadEntry;
  readonly task: number;
  readonly node: NodeEntry;
  /** The slots found for its GPUs; fewer than `granted` when the node no longer names one. */
  slots: readonly Slot[];
  readonly charge: Amounts;
  readonly cpuMilli: number;
  readonly memoryMib: number;
  /** What the grant named, to find the slots again. */
  readonly granted: readonly { readonly uuid: string; readonly index: number; readonly instance: string }[];
  readonly placedMs: number;
  /** When it will have given back what it holds at the latest; in the past = at any moment, Infinity = nobody knows. */
  endMs: number;
  /** What it was told. */
  stop: StopOrder | null;
  /** Its program ended well: the work is running out. */
  isDone: boolean;
}

/** When an allocation ends by what records say: its stop, else its workload's time limit. See `AllocationEntry.endMs`. */
export function recordedEndMs({ workload, leaving, stop, placedMs }: Omit<AllocationEntry, 'endMs'>): number {
  if (leaving) return stop === null ? -Number.MAX_VALUE : stop.requestedMs + stop.graceMs;
  const { record } = workload;
  if (record === null || record.spec.timeLimitMs === null) return Infinity;
  return (record.deadline?.endMs ?? placedMs + record.spec.timeLimitMs) + record.spec.graceMs;
}

/** What is promised to a workload. */
export interface HeldClaim {
  readonly places: readonly TaskPlace[];
  readonly charge: Amounts;
  /** The claim as the record has it; null = tried out in a step. The places may lack GPUs that are gone. */
  readonly source: Claim | null;
  /** In words, why it can no longer be met; null = it can as far as slots go. */
  readonly broken: string | null;
}

/** What of which node one task gets. */
export interface TaskPlace extends Hold {
  readonly task: number;
  readonly node: NodeEntry;
  readonly slots: readonly Slot[];
  readonly charge: Amounts;
  readonly cpuMilli: number;
  readonly memoryMib: number;
  /** By what right it takes GPUs that are promised in cells; null = they are lent. */
  readonly secured: Secured | null;
}

/** A task's place on given slots. */
export function newPlace(
  workload: WorkloadEntry,
  task: number,
  node: NodeEntry,
  slots: readonly Slot[],
  parts: number,
  needs: { readonly cpuMilli: number; readonly memoryMib: number },
  secured: Secured | null = null,
): TaskPlace {
  const { cpuMilli, memoryMib } = needs;
  const charge = sharedAmounts(chargeOfSlots(slots, parts), cpuMilli, memoryMib);
  const alone: Hold[] = [];
  const leaving = false;
  const place: TaskPlace = { workload, task, node, slots, parts, leaving, alone, charge, cpuMilli, memoryMib, secured };
  alone.push(place);
  return place;
}

/** What tasks are charged with together. */
export function sumOfCharges(places: readonly { readonly charge: Amounts }[]): Amounts {
  const [first] = places;
  if (first === undefined || places.length === 1) return first?.charge ?? NOTHING;
  const sum = amounts();
  for (const { charge } of places) addTo(sum, charge, 1);
  return sum;
}

/** GPU parts that so many parts of slots count for. */
export function chargeOfSlots(slots: readonly Slot[], parts: number): number {
  const [first] = slots;
  if (first === undefined) return 0;
  const { partsPerSlot } = first.bank.bankClass;
  return slots.length * (partsPerSlot === GPU_PARTS ? parts : partsPerSlot);
}

const NO_INSTANCES: readonly string[] = [];

/** Task places as a record names them. */
export function toPlacements(places: readonly TaskPlace[]): Placement[] {
  return places.map(({ task, node, slots, parts }) => ({
    task,
    node: node.id,
    gpus: slots.map((slot) => slot.index),
    parts: slots.length === 0 ? GPU_PARTS : chargeOfSlots(slots, parts) / slots.length,
    instances: slots[0]?.instance ? slots.map((slot) => slot.instance) : NO_INSTANCES,
  }));
}

/** Whether some of its tasks are over while others run on. */
export function isRunningOut({ record, allocations }: WorkloadEntry): boolean {
  return record !== null && hasTaskThatIsOver(record, allocations);
}

/**
 * Whether a task of its attempt has done its work: those that are over and hold nothing any more are known to the record alone.
 * @param allocations what it holds, with surplus tasks that leave, which the record has let go already
 */
export function hasTaskThatIsOver(record: Workload, allocations: readonly AllocationEntry[]): boolean {
  if (allocations.some((allocation) => allocation.isDone)) return true;
  // Asked for every victim of a search, and most workloads have one task.
  if (record.allocations.length === 1 && allocations.length === 1) return record.allocations[0] !== allocations[0]?.id;
  const held = new Set(allocations.map(({ id }) => id));
  return record.allocations.some((id) => !held.has(id));
}

/** Whether some role may have more tasks than it needs. */
export function isElastic(record: Workload): boolean {
  return record.spec.roles.some(({ minTasks, maxTasks }) => maxTasks > minTasks);
}

// Identifiers as branded strings, and the maker of ULIDs.
import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** The number people type for a workload, from 1. */
export type WorkloadNumber = Branded<number, 'WorkloadNumber'>;
/** A ULID; one binding of one task to GPUs, executed at most once. */
export type AllocationId = Branded<string, 'AllocationId'>;
/** A UUID that a node keeps over restarts of its agent and reboots. */
export type NodeId = Branded<string, 'NodeId'>;
/** The name of a queue. */
export type QueueName = Branded<string, 'QueueName'>;

/** Makes ULIDs that sort by time of making. */
export type UlidMaker = (nowMs: number) => string;

/** A ULID maker on the system's randomness, strictly increasing within the process. */
export function createUlidMaker(): UlidMaker {
  const bytes = new Uint32Array(1);
  const random = () => (randomFillSync(bytes)[0] as number) / 2 ** 32;
  return monotonicFactory(random);
}

// The three things that queues are given and workloads ask for, side by side. GPUs are counted in parts (GPU_PARTS each).

export interface Amounts {
  readonly cpuMilli: number;
  readonly memoryMib: number;
  readonly gpuParts: number;
}

export type Resource = keyof Amounts;

export const RESOURCES: readonly Resource[] = ['cpuMilli', 'memoryMib', 'gpuParts'];

export const NOTHING: Amounts = { cpuMilli: 0, memoryMib: 0, gpuParts: 0 };

/** An amount for each resource. */
export function eachResource(amountOf: (resource: Resource) => number): Amounts {
  return { cpuMilli: amountOf('cpuMilli'), memoryMib: amountOf('memoryMib'), gpuParts: amountOf('gpuParts') };
}

export function plus(left: Amounts, right: Amounts): Amounts {
  return eachResource((resource) => left[resource] + right[resource]);
}

export function minus(left: Amounts, right: Amounts): Amounts {
  return eachResource((resource) => left[resource] - right[resource]);
}

export function sum(all: readonly Amounts[]): Amounts {
  return all.reduce(plus, NOTHING);
}

/** Not more in any resource. */
export function within(left: Amounts, right: Amounts): boolean {
  return RESOURCES.every((resource) => left[resource] <= right[resource]);
}

// The limits of what one request may ask for. Every figure of a request has one, so that no request alone can fill the
// memory, and so that a slip of the finger is told at once.

const DAY_MS = 86_400_000;

export const LIMITS = {
  specsPerRequest: 1_000,
  /** Once arrays are expanded. */
  workloadsPerRequest: 10_000,
  /** Of one spec as it is kept. */
  specBytes: 256 * 1024,
  /** Of all workloads of one request as they are kept. */
  requestBytes: 32 * 1024 * 1024,
  arraySize: 10_000,
  arrayFirstIndex: 1_000_000_000,
  /** Of a workload, over all its roles. */
  tasks: 4_096,
  roles: 16,
  gpusPerTask: 256,
  gpuMemoryMib: 1024 * 1024,
  cpuMilli: 4_096_000,
  memoryMib: 64 * 1024 * 1024,
  models: 16,
  nodeLabels: 64,
  /** Names of nodes in a request. */
  nodes: 1_000,
  /** Characters of a model, a pool, or a label's key or value. */
  wordLength: 256,
  dependencies: 100,
  /** Of a workload: whom to tell. */
  notifyRules: 8,
  retries: 1_000,
  backoffMs: DAY_MS,
  exitCodes: 255,
  timeLimitMs: 366 * DAY_MS,
  argv: 1_000,
  environmentVariables: 1_000,
  nameLength: 63,
  priority: 1_000_000,
  requestIdLength: 128,
  /** Characters of a reason for people. */
  reasonLength: 1_000,
  leastMaintenanceMs: 1_000,
  maintenanceMs: 30 * DAY_MS,
  maintenanceEveryMs: 366 * DAY_MS,
  /** The last moment that has a date: the end of the year 9999, as RFC 3339 can write it. */
  timeMs: 253_402_300_799_999,
  words: 1_000,
  /** Of a queue. */
  gpus: 10_000_000,
  weight: 1_000_000,
  queueCpuMilli: 10_000_000_000,
  queueMemoryMib: 1_000_000_000_000,
  scopes: 64,
  shapes: 64,
  shapeCount: 100_000,
  /** Of a shape: more than one domain holds is never guaranteed together. */
  shapeGpus: 1_000_000,
  queueTimeMs: 30 * DAY_MS,
  /** Of a budget, in GPU hours or in money. */
  leastBudget: 0.001,
  budget: 1_000_000_000_000,
  /** Parts of it at which somebody is warned. */
  leastBudgetPart: 0.01,
  budgetPart: 10,
  budgetWarnings: 10,
} as const;

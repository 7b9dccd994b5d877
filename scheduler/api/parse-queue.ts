// A queue as a request says it → the fields of its record, or a change of them. Every complaint carries the field's path.
import type { QueueName } from '../../common/ids.js';
import { fromDuration } from '../../common/units.js';
import type { IdleGpuPolicy__Output } from '../../proto/gen/sluice/v1/IdleGpuPolicy.js';
import type { QueueScope__Output } from '../../proto/gen/sluice/v1/QueueScope.js';
import type { QueueSpec__Output } from '../../proto/gen/sluice/v1/QueueSpec.js';
import type { ShapeGuarantee__Output } from '../../proto/gen/sluice/v1/ShapeGuarantee.js';
import type { QueuePatch } from '../control/commands/queues.js';
import { invalid } from '../control/refusals.js';
import { type BudgetSurroundings, NO_SURROUNDINGS, parseBudget } from './parse-budget.js';
import type { IdleGpuPolicy, Queue, QueueScope, ShapeGuarantee } from '../model/records.js';
import { Complaints } from './complaints.js';
import { LIMITS } from './limits.js';
import { TOPOLOGY_LEVELS } from './parse-resources.js';

/** Parses a new queue. */
export function parseQueue(
  spec: QueueSpec__Output | null,
  surroundings: BudgetSurroundings = NO_SURROUNDINGS,
): Omit<Queue, 'createdMs'> {
  const complaints = new Complaints();
  if (spec === null) throw invalid([{ field: 'queue', description: 'is required' }]);
  complaints.name('queue.name', spec.name, false);
  const queue: Omit<Queue, 'createdMs'> = {
    name: spec.name as QueueName,
    parent: spec.parent === '' ? null : (spec.parent as QueueName),
    guaranteeGpus: complaints.gpus('queue.guarantee_gpus', spec.guaranteeGpus),
    limitGpus: spec._limitGpus === 'limitGpus' ? complaints.gpus('queue.limit_gpus', spec.limitGpus ?? 0) : null,
    guaranteeCpuMilli: spec._guaranteeCpuMilli === 'guaranteeCpuMilli' ? (spec.guaranteeCpuMilli ?? 0) : null,
    guaranteeMemoryMib: spec._guaranteeMemoryMib === 'guaranteeMemoryMib' ? (spec.guaranteeMemoryMib ?? 0) : null,
    limitCpuMilli: spec._limitCpuMilli === 'limitCpuMilli' ? (spec.limitCpuMilli ?? 0) : null,
    limitMemoryMib: spec._limitMemoryMib === 'limitMemoryMib' ? (spec.limitMemoryMib ?? 0) : null,
    scopes: spec.scopes.map((scope, index) => parseScope(scope, `queue.scopes[${index}]`, complaints)),
    shapes: spec.shapes.map((shape, index) => parseShape(shape, `queue.shapes[${index}]`, complaints)),
    userLimitGpus:
      spec._userLimitGpus === 'userLimitGpus'
        ? complaints.gpus('queue.user_limit_gpus', spec.userLimitGpus ?? 0)
        : null,
    reclaimMinRuntimeMs: fromDuration(spec.reclaimMinRuntime),
    preemptMinRuntimeMs: fromDuration(spec.preemptMinRuntime),
    maxGraceMs: fromDuration(spec.maxGrace),
    lendMaxMinRuntimeMs: fromDuration(spec.lendMaxMinRuntime),
    lendMaxGraceMs: fromDuration(spec.lendMaxGrace),
    idleLimitMs: fromDuration(spec.idleLimit),
    budget: parseBudget(spec.budget, complaints, surroundings),
    idleGpus: spec.idleGpus ? parseIdleGpus(spec.idleGpus, complaints) : null,
    weight: spec._weight === 'weight' ? (spec.weight ?? 0) : 1,
    priority: spec._priority === 'priority' ? (spec.priority ?? 0) : 100,
  };
  checkFigures(queue, complaints);
  complaints.throwIfAny();
  return queue;
}

function checkFigures(queue: Omit<Queue, 'createdMs'>, complaints: Complaints): void {
  const cpus = { guarantee_cpu_milli: queue.guaranteeCpuMilli, limit_cpu_milli: queue.limitCpuMilli };
  for (const [field, milli] of Object.entries(cpus)) {
    if (milli !== null) complaints.range(`queue.${field}`, milli, 0, LIMITS.queueCpuMilli);
  }
  const memory = { guarantee_memory_mib: queue.guaranteeMemoryMib, limit_memory_mib: queue.limitMemoryMib };
  for (const [field, mib] of Object.entries(memory)) {
    if (mib !== null) complaints.range(`queue.${field}`, mib, 0, LIMITS.queueMemoryMib);
  }
  const spans = {
    reclaim_min_runtime: queue.reclaimMinRuntimeMs,
    preempt_min_runtime: queue.preemptMinRuntimeMs,
    max_grace: queue.maxGraceMs,
    lend_max_min_runtime: queue.lendMaxMinRuntimeMs ?? null,
    lend_max_grace: queue.lendMaxGraceMs ?? null,
  };
  for (const [field, ms] of Object.entries(spans)) {
    if (ms !== null) complaints.span(`queue.${field}`, ms, 0, LIMITS.queueTimeMs);
  }
  const { idleLimitMs = null } = queue;
  if (idleLimitMs !== null) {
    complaints.span('queue.idle_limit', idleLimitMs, LEAST_IDLE_LIMIT_MS, LIMITS.queueTimeMs);
  }
  complaints.count('queue.scopes', queue.scopes.length, LIMITS.scopes);
  complaints.count('queue.shapes', queue.shapes.length, LIMITS.shapes);
  complaints.range('queue.weight', queue.weight, 0, LIMITS.weight);
  complaints.range('queue.priority', queue.priority, -LIMITS.priority, LIMITS.priority);
}

/** Agents tell every 10 s what is unused; a person who reads a page is not gone. */
const LEAST_IDLE_LIMIT_MS = 60_000;

/** Agents tell once a minute; loading data and saving a checkpoint take longer than that. */
const LEAST_IDLE_GPUS_MS = 2 * 60_000;
/** How long before GPUs are taken back their owner is warned, unless the queue says otherwise; half of that time where it is shorter. */
const USUAL_IDLE_WARNING_MS = 15 * 60_000;

function parseIdleGpus(message: IdleGpuPolicy__Output, complaints: Complaints): IdleGpuPolicy {
  const reclaimAfterMs = fromDuration(message.reclaimAfter);
  const usualMs = reclaimAfterMs === null ? null : reclaimAfterMs - Math.min(USUAL_IDLE_WARNING_MS, reclaimAfterMs / 2);
  const warnAfterMs = fromDuration(message.warnAfter) ?? usualMs;
  const field = 'queue.idle_gpus';
  if (reclaimAfterMs !== null) {
    complaints.span(`${field}.reclaim_after`, reclaimAfterMs, LEAST_IDLE_GPUS_MS, LIMITS.queueTimeMs);
  }
  if (warnAfterMs !== null) {
    complaints.span(`${field}.warn_after`, warnAfterMs, LEAST_IDLE_GPUS_MS / 2, LIMITS.queueTimeMs);
    if (reclaimAfterMs !== null && warnAfterMs >= reclaimAfterMs) {
      complaints.add(`${field}.warn_after`, 'must be below reclaim_after, so that a warning leaves time to act');
    }
  }
  return { warnAfterMs, reclaimAfterMs };
}

function parseScope(scope: QueueScope__Output, path: string, complaints: Complaints): QueueScope {
  const { pool, gpuModel: model } = scope;
  complaints.word(`${path}.pool`, pool, true);
  complaints.word(`${path}.gpu_model`, model, true);
  if (pool === '' && model === '') {
    complaints.add(
      path,
      'names neither a pool nor a GPU model; for the whole cluster use guarantee_gpus and limit_gpus',
    );
  }
  return {
    pool,
    model,
    guaranteeGpus: complaints.gpus(`${path}.guarantee_gpus`, scope.guaranteeGpus),
    limitGpus: scope._limitGpus === 'limitGpus' ? complaints.gpus(`${path}.limit_gpus`, scope.limitGpus ?? 0) : null,
  };
}

function parseShape(shape: ShapeGuarantee__Output, path: string, complaints: Complaints): ShapeGuarantee {
  const { count, gpus, pool, gpuModel: model } = shape;
  complaints.range(`${path}.count`, count, 1, LIMITS.shapeCount);
  complaints.range(`${path}.gpus`, gpus, 1, LIMITS.shapeGpus);
  complaints.word(`${path}.pool`, pool, true);
  complaints.word(`${path}.gpu_model`, model, true);
  if (!(shape.level in TOPOLOGY_LEVELS)) {
    complaints.add(`${path}.level`, `${shape.level} is no level; there are NVLINK, NODE, RACK and BLOCK`);
  }
  return { count, gpus, pool, model, level: TOPOLOGY_LEVELS[shape.level] ?? 'node' };
}

/** What can be changed, by its name in the protocol. */
const PATCHABLE = {
  guarantee_gpus: 'guaranteeGpus',
  limit_gpus: 'limitGpus',
  weight: 'weight',
  priority: 'priority',
  guarantee_cpu_milli: 'guaranteeCpuMilli',
  guarantee_memory_mib: 'guaranteeMemoryMib',
  limit_cpu_milli: 'limitCpuMilli',
  limit_memory_mib: 'limitMemoryMib',
  scopes: 'scopes',
  shapes: 'shapes',
  user_limit_gpus: 'userLimitGpus',
  reclaim_min_runtime: 'reclaimMinRuntimeMs',
  preempt_min_runtime: 'preemptMinRuntimeMs',
  max_grace: 'maxGraceMs',
  lend_max_min_runtime: 'lendMaxMinRuntimeMs',
  lend_max_grace: 'lendMaxGraceMs',
  idle_limit: 'idleLimitMs',
  budget: 'budget',
  idle_gpus: 'idleGpus',
} as const;

/** Parses a change of a queue: the fields that the mask names. One that is named and not set loses its value. */
export function parseQueuePatch(
  spec: QueueSpec__Output | null,
  mask: readonly string[],
  surroundings: BudgetSurroundings = NO_SURROUNDINGS,
): QueuePatch {
  const queue = parseQueue(spec, surroundings);
  if (mask.length === 0) {
    const names = Object.keys(PATCHABLE).join(', ');
    throw invalid([{ field: 'update_mask', description: `names no field; there are ${names}` }]);
  }
  return mask.reduce<QueuePatch>((patch, path) => {
    // Protobuf's JSON form writes paths in camelCase; both are taken.
    const snake = path.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (!Object.hasOwn(PATCHABLE, snake)) {
      const names = Object.keys(PATCHABLE).join(', ');
      throw invalid([{ field: 'update_mask', description: `"${path}" cannot be changed; there are ${names}` }]);
    }
    const key = PATCHABLE[snake as keyof typeof PATCHABLE];
    return { ...patch, [key]: queue[key] };
  }, {});
}

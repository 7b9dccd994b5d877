// The figures of usage, and how they add up. A record keeps only those that are not nothing: most are of work within its
// guarantee that ended well. Pure.
import { addGpuTime, NO_GPU_TIME, type GpuTime } from './gpu-time.js';
import type { UsageRecord } from './records.js';
import { addWaits, type Waits } from './waits.js';

/** The sums of one period. What each means: usage.ts. */
export interface UsageSums {
  readonly grants: number;
  readonly held: GpuTime;
  readonly charged: GpuTime;
  readonly ran: GpuTime;
  readonly borrowed: GpuTime;
  readonly idle: GpuTime;
  readonly lost: GpuTime;
  readonly failed: GpuTime;
  /** Null = nothing started. */
  readonly waits: Waits | null;
}

export const NO_USAGE: UsageSums = {
  grants: 0,
  held: NO_GPU_TIME,
  charged: NO_GPU_TIME,
  ran: NO_GPU_TIME,
  borrowed: NO_GPU_TIME,
  idle: NO_GPU_TIME,
  lost: NO_GPU_TIME,
  failed: NO_GPU_TIME,
  waits: null,
};

/** The figures that are GPU time. */
export const TIMES = ['held', 'charged', 'ran', 'borrowed', 'idle', 'lost', 'failed'] as const;

export function addUsage(a: UsageSums, b: UsageSums): UsageSums {
  return {
    grants: a.grants + b.grants,
    held: addGpuTime(a.held, b.held),
    charged: addGpuTime(a.charged, b.charged),
    ran: addGpuTime(a.ran, b.ran),
    borrowed: addGpuTime(a.borrowed, b.borrowed),
    idle: addGpuTime(a.idle, b.idle),
    lost: addGpuTime(a.lost, b.lost),
    failed: addGpuTime(a.failed, b.failed),
    waits: addWaits(a.waits, b.waits),
  };
}

/** Who is charged, and for what. */
export type UsageKey = Pick<UsageRecord, 'period' | 'queue' | 'user' | 'pool' | 'model'>;

/** What a record holds. */
export function sumsOf(record: UsageRecord | undefined | null): UsageSums {
  if (record === undefined || record === null) return NO_USAGE;
  const { grants, held, charged, ran, borrowed, idle, lost, failed, waits } = record;
  return {
    grants,
    held,
    charged,
    ran,
    borrowed: borrowed ?? NO_GPU_TIME,
    idle: idle ?? NO_GPU_TIME,
    lost: lost ?? NO_GPU_TIME,
    failed: failed ?? NO_GPU_TIME,
    waits: waits ?? null,
  };
}

export function usageRecord({ period, queue, user, pool, model }: UsageKey, sums: UsageSums): UsageRecord {
  const { grants, held, charged, ran, borrowed, idle, lost, failed, waits } = sums;
  return {
    period,
    queue,
    user,
    pool,
    model,
    grants,
    held,
    charged,
    ran,
    ...(isNone(borrowed) ? {} : { borrowed }),
    ...(isNone(idle) ? {} : { idle }),
    ...(isNone(lost) ? {} : { lost }),
    ...(isNone(failed) ? {} : { failed }),
    ...(waits === null ? {} : { waits }),
  };
}

export function isNone({ ms, parts }: GpuTime): boolean {
  return ms === 0 && parts === 0;
}

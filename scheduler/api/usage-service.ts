// UsageService: what queues and users have used, from the sums that commits keep and from what runs.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import { fromTimestamp, toDuration, toTimestamp } from '../../common/units.js';
import type { Duration } from '../../proto/gen/google/protobuf/Duration.js';
import type { Usage } from '../../proto/gen/sluice/v1/Usage.js';
import type { WaitTimes } from '../../proto/gen/sluice/v1/WaitTimes.js';
import type { UsageServiceHandlers } from '../../proto/gen/sluice/v1/UsageService.js';
import { invalid } from '../control/refusals.js';
import { toGpuMs, type GpuTime } from '../model/gpu-time.js';
import type { ReadableState } from '../model/cluster-state.js';
import {
  guaranteedOf,
  type PricedSums,
  usageReport,
  type UsageDimension,
  type UsageRow,
  wastedOf,
} from '../model/usage-report.js';
import { type Waits, waitQuantileMs } from '../model/waits.js';
import type { Handlers } from './handlers.js';
import type { ServiceDependencies } from './server.js';

/** Rows of one answer: beyond that a person wants fewer dimensions, or fewer days. */
export const MAX_USAGE_ROWS = 10_000;

const DIMENSIONS = {
  USAGE_DIMENSION_UNSPECIFIED: null,
  USAGE_DIMENSION_DAY: 'period',
  USAGE_DIMENSION_QUEUE: 'queue',
  USAGE_DIMENSION_USER: 'user',
  USAGE_DIMENSION_POOL: 'pool',
  USAGE_DIMENSION_MODEL: 'model',
  USAGE_DIMENSION_MONTH: 'month',
  USAGE_DIMENSION_WORKLOAD: 'workload',
} as const;

/** The handlers of UsageService. */
export function usageService(handlers: Handlers, { loop, clock, prices }: ServiceDependencies): UsageServiceHandlers {
  return {
    GetUsage: handlers.unary('GetUsage', (request) => {
      const by = request.by.map((dimension): UsageDimension => {
        const known = DIMENSIONS[dimension];
        if (known === null)
          throw invalid([{ field: 'by', description: 'is none of day, month, queue, user, workload, pool and model' }]);
        return known;
      });
      const nowMs = clock.wallMs();
      const fromMs = fromTimestamp(request.startTime);
      const toMs = fromTimestamp(request.endTime) ?? nowMs;
      if (fromMs !== null && fromMs > toMs) {
        throw invalid([{ field: 'start_time', description: 'is after end_time' }]);
      }
      const { queue, user } = request;
      const query = { fromMs, toMs, by: by.length === 0 ? USUAL : by, queue, user };
      return loop.read((state, _view, { revision }) => {
        const { rows, total } = usageReport(state, query, nowMs, prices);
        if (rows.length > MAX_USAGE_ROWS) throw tooManyRows(rows.length);
        return {
          rows: rows.map((row) => rowToProto(row, nameOf(state, row.workload))),
          total: sumsToProto(total),
          untilTime: toTimestamp(nowMs),
          revision,
          currency: prices.currency,
        };
      });
    }),
  };
}

const USUAL: readonly UsageDimension[] = ['queue', 'user'];

function nameOf(state: ReadableState, number: string): string {
  return number === '' ? '' : (state.findWorkload(number)?.spec.name ?? '');
}

function rowToProto(row: UsageRow, workloadName: string): Usage {
  const { period, month, queue, user, pool, model, workload } = row;
  const known = workload === '' ? {} : { workload: Number(workload), workloadName };
  return { day: period, month, queue, user, pool, model, ...known, ...sumsToProto(row) };
}

function sumsToProto(sums: PricedSums): Usage {
  const { grants, held, charged, ran, borrowed, idle, lost, failed, waits, cost, wastedCost } = sums;
  return {
    grants,
    heldGpuTime: exact(held),
    chargedGpuTime: exact(charged),
    ranGpuTime: exact(ran),
    guaranteedGpuTime: exact(guaranteedOf(sums)),
    borrowedGpuTime: exact(borrowed),
    idleGpuTime: exact(idle),
    lostGpuTime: exact(lost),
    failedGpuTime: exact(failed),
    wastedGpuTime: exact(wastedOf(sums)),
    waits: waits === null ? null : waitsToProto(waits),
    ...(cost === null ? {} : { cost }),
    ...(wastedCost === null ? {} : { wastedCost }),
  };
}

function waitsToProto(waits: Waits): WaitTimes {
  return {
    starts: waits.count,
    p50: toDuration(Math.round(waitQuantileMs(waits, 0.5))),
    p90: toDuration(Math.round(waitQuantileMs(waits, 0.9))),
    max: toDuration(waits.maxMs),
    mean: toDuration(Math.round(waits.sumMs / waits.count)),
  };
}

/** To the nanosecond, which is finer than a part of a millisecond. */
function exact(time: GpuTime): Duration {
  const rest = toGpuMs({ ms: time.ms % 1_000, parts: time.parts });
  return { seconds: Math.floor(time.ms / 1_000), nanos: Math.floor(rest * 1e6) };
}

function tooManyRows(rows: number): ApiError {
  return new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'TOO_MANY_ROWS',
    message: `the report has ${rows} rows, more than ${MAX_USAGE_ROWS}\nAsk for fewer days, for one queue or user, or by less.`,
  });
}

// UsageService: what queues and users have used, from the sums that commits keep and from what runs.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import { fromTimestamp, toTimestamp } from '../../common/units.js';
import type { Duration } from '../../proto/gen/google/protobuf/Duration.js';
import type { Usage } from '../../proto/gen/sluice/v1/Usage.js';
import type { UsageServiceHandlers } from '../../proto/gen/sluice/v1/UsageService.js';
import { invalid } from '../control/refusals.js';
import { toGpuMs, type GpuTime } from '../model/gpu-time.js';
import { type PricedSums, usageReport, type UsageDimension, type UsageRow } from '../model/usage-report.js';
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
} as const;

/** The handlers of UsageService. */
export function usageService(handlers: Handlers, { loop, clock, prices }: ServiceDependencies): UsageServiceHandlers {
  return {
    GetUsage: handlers.unary('GetUsage', (request) => {
      const by = request.by.map((dimension): UsageDimension => {
        const known = DIMENSIONS[dimension];
        if (known === null)
          throw invalid([{ field: 'by', description: 'is none of day, month, queue, user, pool and model' }]);
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
          rows: rows.map(rowToProto),
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

function rowToProto(row: UsageRow): Usage {
  const { period, month, queue, user, pool, model } = row;
  return { day: period, month, queue, user, pool, model, ...sumsToProto(row) };
}

function sumsToProto({ grants, held, charged, ran, cost }: PricedSums): Usage {
  const times = { heldGpuTime: exact(held), chargedGpuTime: exact(charged), ranGpuTime: exact(ran) };
  return { grants, ...times, ...(cost === null ? {} : { cost }) };
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

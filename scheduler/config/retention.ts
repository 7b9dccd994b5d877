// Settings of `retention`: how long and how many finished workloads and requests are kept.
import { z } from 'zod';
import { setting } from '../../common/config.js';
import { MIN_REQUEST_COUNT, MIN_REQUEST_MS, type Retention } from '../control/commands/retention.js';
import { count, DAY_MS, duration } from './values.js';

/** The settings of this section. */
export const retentionSettings = z.strictObject({
  finished_age: setting(duration(0, 3650 * DAY_MS), {
    description: 'How long a finished workload is kept.',
    value: 'DURATION',
    default: '7d',
  }),
  finished_count: setting(count(0, 1_000_000), {
    description: 'How many finished workloads are kept at most; the oldest go first.',
    value: 'COUNT',
    default: '100000',
  }),
  request_age: setting(duration(MIN_REQUEST_MS, 3650 * DAY_MS), {
    description:
      'How long a request id is remembered, so that a repeated request is not done twice; at least 7d, and never shorter ' +
      'than the workloads that it made are kept.',
    value: 'DURATION',
    default: '7d',
  }),
  request_count: setting(count(MIN_REQUEST_COUNT, 50_000_000), {
    description:
      'How many request ids are remembered at most. When that many are younger than 7d, new ones are refused rather than ' +
      'old ones forgotten.',
    value: 'COUNT',
    default: String(MIN_REQUEST_COUNT),
  }),
});

/** What they come to. */
export function toRetention(values: z.output<typeof retentionSettings>): Retention {
  return {
    finishedMs: values.finished_age,
    finishedCount: values.finished_count,
    requestMs: values.request_age,
    requestCount: values.request_count,
  };
}

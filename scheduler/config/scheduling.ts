// Settings of `scheduling`: how the engine chooses places, makes room and shares.
import { z } from 'zod';
import { setting } from '../../common/config.js';
import { DEFAULT_POLICY, type EnginePolicy, type PlacementPolicy } from '../engine/policy.js';
import { count, DAY_MS, duration, durationOrOff, MINUTE_MS, numberFrom, numberOr, pairsOf } from './values.js';

/** Pools whose placement may be named one by one. */
const MAX_PLACEMENT_POOLS = 1_000;
const PLACEMENTS: readonly PlacementPolicy[] = ['fragmentation', 'pack', 'spread'];

/** The settings of this section. */
export const schedulingSettings = z.strictObject({
  placement: setting(placement(), {
    description:
      'How nodes are chosen for work that fits on several: fragmentation (what stays free suits the most of what is ' +
      'asked for), pack (the fullest node that fits) or spread (the emptiest).',
    value: 'POLICY',
    default: 'fragmentation',
  }),
  placement_of: setting(placementOf(), {
    description: 'The same for single pools, where it is to differ: inference=pack,training=spread.',
    value: 'POOL=POLICY,…',
    default: null,
    isMap: true,
  }),
  consolidation: setting(z.enum(['on', 'off'], 'must be on or off'), {
    description: 'Whether running work is moved to make room where enough GPUs are free, but not together.',
    value: 'on|off',
    default: 'on',
  }),
  max_moves: setting(count(1, 1_000), {
    description: 'Workloads that are moved at most to make room for one.',
    value: 'COUNT',
    default: '16',
  }),
  max_disturbance: setting(numberOr('unlimited', Infinity, 0, 1_000), {
    description: 'GPUs that moves may disturb for each GPU asked for; "unlimited" for any number.',
    value: 'NUMBER|unlimited',
    default: '2',
  }),
  reserve_after: setting(durationOrOff(1_000, 365 * DAY_MS), {
    description: 'After so long for want of GPUs a workload reserves its place and ages; "off" for never.',
    value: 'DURATION|off',
    default: '15m',
  }),
  max_reservations_per_pool: setting(count(0, 1_000), {
    description: 'Reservations at the same time in one pool.',
    value: 'COUNT',
    default: '16',
  }),
  saturation_multiplier: setting(numberFrom(1, 1_000), {
    description:
      'A queue above its fair share takes from another only while, with its own use of its share multiplied by this, ' +
      'it stays below the use of the other. More makes for fewer, larger takings.',
    value: 'NUMBER',
    default: '1',
  }),
  broken_gang_grace: setting(duration(0, 7 * DAY_MS), {
    description: 'How long a gang may run with fewer tasks than it needs before it is stopped and requeued.',
    value: 'DURATION',
    default: '1m',
  }),
  max_min_runtime: setting(duration(0, 30 * DAY_MS), {
    description: 'The longest min-runtime of a queue that counts; a longer one counts as this.',
    value: 'DURATION',
    default: '1h',
  }),
  usage_half_life: setting(durationOrOff(MINUTE_MS, 3650 * DAY_MS), {
    description:
      'Past use counts against a queue when surplus is divided, by half after this time; "off" for not at all.',
    value: 'DURATION|off',
    default: 'off',
  }),
  usage_weight: setting(numberFrom(0, 1_000), {
    description: 'How strongly past use counts; 0 = not at all.',
    value: 'NUMBER',
    default: '1',
  }),
});

/** What they come to. */
export function toPolicy(values: z.output<typeof schedulingSettings>): EnginePolicy {
  const { actions } = DEFAULT_POLICY;
  return {
    actions: values.consolidation === 'on' ? actions : actions.filter((action) => action !== 'consolidate'),
    placement: values.placement,
    placementOf: values.placement_of,
    reserveAfterMs: values.reserve_after,
    maxReservationsPerPool: values.max_reservations_per_pool,
    maxMoves: values.max_moves,
    maxDisturbance: values.max_disturbance,
    saturationMultiplier: values.saturation_multiplier,
    brokenGangGraceMs: values.broken_gang_grace,
    maxMinRuntimeMs: values.max_min_runtime,
    usageHalfLifeMs: values.usage_half_life,
    usageWeight: values.usage_weight,
  };
}

function placement() {
  return z.enum(PLACEMENTS, `must be one of ${PLACEMENTS.join(', ')}`);
}

/** `POOL=POLICY,POOL=POLICY`. Pools need not exist: nodes bring theirs with them. */
function placementOf() {
  return z
    .string()
    .nullable()
    .transform((given, context): Readonly<Record<string, PlacementPolicy>> => {
      // Without a prototype, so that a pool called "constructor" is not found unless it is named.
      const byPool = Object.create(null) as Record<string, PlacementPolicy>;
      const complain = (message: string): never => {
        context.addIssue({ code: 'custom', message });
        return z.NEVER;
      };
      const pairs = pairsOf(given);
      if (pairs.length > MAX_PLACEMENT_POOLS) {
        return complain(`${pairs.length} pools are too many; at most ${MAX_PLACEMENT_POOLS}`);
      }
      for (const pair of pairs) {
        const split = pair.lastIndexOf('=');
        const pool = pair.slice(0, Math.max(0, split)).trim();
        const policy = PLACEMENTS.find((one) => one === pair.slice(split + 1).trim());
        if (pool === '') return complain(`"${pair}" is not POOL=POLICY, such as inference=pack`);
        if (policy === undefined) return complain(`"${pair}": the policy must be one of ${PLACEMENTS.join(', ')}`);
        if (byPool[pool] !== undefined) return complain(`pool "${pool}" is named twice`);
        byPool[pool] = policy;
      }
      return byPool;
    });
}

// Settings of `store` and `redis`: where the state lies, and how a Redis is reached.
import { z } from 'zod';
import { setting } from '../../common/config.js';
import { parseStoreAddress, type StoreAddress } from './redis-address.js';
import { address, count, duration, file, MINUTE_MS, text } from './values.js';

/** `embedded`, or a Redis. */
export const storeSetting = setting(storeAddress(), {
  description:
    'Where the state lies: "embedded" in data_dir, or a Redis that several daemons share, of which one leads: ' +
    'redis://HOST:PORT, or redis+sentinel://HOST:PORT,HOST:PORT,…/NAME; rediss instead of redis for TLS.',
  value: 'embedded|URL',
  default: 'embedded',
});

export const advertiseSetting = setting(address().nullable(), {
  description: 'Where clients and agents reach this daemon, when that is not what it listens on; shown while it leads.',
  value: 'HOST:PORT',
  default: null,
});

/** The settings of this section. */
export const redisSettings = z.strictObject({
  prefix: setting(prefix(), {
    description: 'Tells the keys of clusters on one Redis apart.',
    value: 'WORD',
    default: 'sluice',
  }),
  copies: setting(count(0, 16), {
    description:
      'How many replicas must have a change before it is answered. Fewer than there are, or one that fails stops all.',
    value: 'COUNT',
    default: '1',
  }),
  username: setting(file(), {
    description: 'The ACL user; none = the default user.',
    value: 'NAME',
    default: null,
  }),
  password_file: setting(file(), {
    description: 'A file with the password of that user.',
    value: 'FILE',
    default: null,
    isPath: true,
  }),
  sentinel_username: setting(file(), {
    description: 'The ACL user at the Sentinels; none = the default user.',
    value: 'NAME',
    default: null,
  }),
  sentinel_password_file: setting(file(), {
    description: 'A file with the password at the Sentinels.',
    value: 'FILE',
    default: null,
    isPath: true,
  }),
  ca: setting(file(), {
    description: 'The authority of the certificates of Redis, as PEM; none = those that Node knows.',
    value: 'FILE',
    default: null,
    isPath: true,
  }),
  leader_hold: setting(duration(1_000, MINUTE_MS), {
    description: 'How long a leader that says nothing still counts as one; then another daemon takes over.',
    value: 'DURATION',
    default: '10s',
  }),
  accept_weak: setting(z.enum(['yes', 'no'], 'must be yes or no'), {
    description: 'Whether a Redis is used although it can lose what it acknowledged; each reason is logged.',
    value: 'yes|no',
    default: 'no',
  }),
});

/** How a Redis is used. */
export interface RedisConfig {
  readonly address: StoreAddress;
  readonly prefix: string;
  readonly copies: number;
  readonly username: string | null;
  readonly passwordFile: string | null;
  readonly sentinelUsername: string | null;
  readonly sentinelPasswordFile: string | null;
  readonly caFile: string | null;
  readonly leaderHoldMs: number;
  readonly acceptWeak: boolean;
}

/** What they come to; null = the embedded store. */
export function toRedis(store: StoreAddress | null, values: z.output<typeof redisSettings>): RedisConfig | null {
  if (store === null) return null;
  return {
    address: store,
    prefix: values.prefix,
    copies: values.copies,
    username: values.username,
    passwordFile: values.password_file,
    sentinelUsername: values.sentinel_username,
    sentinelPasswordFile: values.sentinel_password_file,
    caFile: values.ca,
    leaderHoldMs: values.leader_hold,
    acceptWeak: values.accept_weak === 'yes',
  };
}

function storeAddress() {
  return text().transform((given, context): StoreAddress | null => {
    if (given === 'embedded') return null;
    const parsed = parseStoreAddress(given);
    if (typeof parsed !== 'string') return parsed;
    context.addIssue({ code: 'custom', message: parsed });
    return z.NEVER;
  });
}

function prefix() {
  return text().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits, ".", "_" or "-"');
}

// The gate before a Redis is used: whether it can lose what it acknowledged. Facts in, reasons out. Each reason says what is
// wrong, what it can cost, and what to do.
import type { RedisFacts } from './port.js';

/** One reason against a Redis. */
export interface Objection {
  /** The setting, or fact, that is wrong. */
  readonly what: string;
  readonly message: string;
  /** Whether `redis.accept_weak` lets it pass. What would break Sluice at once passes never. */
  readonly isFatal: boolean;
}

/** The oldest Redis that has all that is used; Valkey counts by its Redis version. */
const LEAST_VERSION = [6, 2] as const;
/** A replica that lags longer than this must not count for a primary that takes writes, in seconds. */
const MOST_LAG_S = 10;

/** Why a Redis must not hold the state of a cluster; empty = it may. @param copies how many replicas a change waits for */
export function objections(facts: RedisFacts, copies: number): readonly Objection[] {
  const found: Objection[] = [];
  const fatal = (what: string, message: string): void => void found.push({ what, message, isFatal: true });
  const weak = (what: string, message: string): void => void found.push({ what, message, isFatal: false });

  if (isOlder(facts.version)) {
    fatal(
      'version',
      `Redis ${facts.version} is older than ${LEAST_VERSION.join('.')}, the oldest that Sluice knows.\nUpgrade it.`,
    );
  }
  if (facts.role !== 'primary') {
    fatal(
      'role',
      'it is a replica, which takes no writes.\nGive the address of the primary, or those of its Sentinels: redis+sentinel://…/NAME.',
    );
  }
  if (copies > 0 && facts.connectedReplicas < copies) {
    weak(
      'replicas',
      `a change waits for ${copies === 1 ? '1 replica' : `${copies} replicas`}, and ${facts.connectedReplicas} are connected: nothing could be acknowledged.\n` +
        'Start the replicas, or lower redis.copies.',
    );
  }
  if (copies === 0) {
    weak(
      'redis.copies',
      'a change waits for no replica: when the primary dies and a replica takes its place, acknowledged work is lost.\n' +
        'Set redis.copies to 1 or more.',
    );
  }
  const { settings } = facts;
  if (settings === null) {
    weak(
      'CONFIG GET',
      'its settings cannot be read, so nobody knows whether it writes to its disk.\nLet the user do so: ACL SETUSER NAME +config|get.',
    );
    return found;
  }
  const setting = (name: string): string => settings[name] ?? '';
  if (setting('appendonly') !== 'yes') {
    weak(
      'appendonly',
      'appendonly is off: what was acknowledged is gone when it stops.\nSet "appendonly yes" in redis.conf.',
    );
  } else if (setting('appendfsync') === 'no') {
    weak(
      'appendfsync',
      'appendfsync is "no": a power cut loses up to half a minute.\nSet "appendfsync everysec", or "always" where all copies can lose power at once.',
    );
  }
  if (setting('maxmemory-policy') !== 'noeviction') {
    weak(
      'maxmemory-policy',
      `maxmemory-policy is "${setting('maxmemory-policy')}": when memory is short it throws records away.\nSet "maxmemory-policy noeviction".`,
    );
  }
  const [least, lag] = [Number(setting('min-replicas-to-write')), Number(setting('min-replicas-max-lag'))];
  if (copies > 0 && (least < 1 || lag > MOST_LAG_S || lag === 0)) {
    weak(
      'min-replicas-to-write',
      `min-replicas-to-write is ${least} and min-replicas-max-lag ${lag}: a primary that is cut off goes on taking changes that nobody will have.\n` +
        `Set "min-replicas-to-write 1" and "min-replicas-max-lag ${MOST_LAG_S}".`,
    );
  }
  return found;
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]);
}

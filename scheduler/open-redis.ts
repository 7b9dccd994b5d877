// Opens what a daemon on Redis needs, from its configuration: the store and the way to lead, each over a connection of its own.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { RedisOptions } from 'ioredis';
import { type Clock, systemClock } from '../common/clock.js';
import { createLogger, type Logger } from '../common/log.js';
import { loadServerConfig } from './config.js';
import type { RedisConfig } from './config/store.js';
import type { Restored } from './store/snapshot/restore.js';
import { StoreUnusable } from './store/data-folder.js';
import type { Leadership } from './store/leadership.js';
import { showStoreAddress } from './config/redis-address.js';
import { objections } from './store/redis/gate.js';
import { ioredisPort } from './store/redis/ioredis-port.js';
import { openRedisStore, type RedisStore } from './store/redis/redis-store.js';
import { restoreIntoRedis } from './store/redis/restore.js';
import { redisLeadership } from './store/redis/redis-leadership.js';

/** How often a Redis that cannot be reached is said again in the log, in ms. */
const SAY_AGAIN_MS = 30_000;
/** What is wrong with a Redis while its Sentinels replace the primary: the old one is shown yet, or the new one has no replica yet. */
const PASSING = new Set(['role', 'replicas']);

/**
 * Opens the store for a term. Writes nothing yet.
 * @throws {@link StoreUnusable} in words when the Redis must not hold the state, or holds that of a newer Sluice
 */
export async function openStoreOnRedis(
  config: RedisConfig,
  log: Logger,
  clock: Clock = systemClock,
): Promise<RedisStore> {
  const port = portOf(config, log);
  try {
    const found = objections(await port.facts(), config.copies);
    const kept = found.filter(({ isFatal }) => isFatal || !config.acceptWeak);
    if (kept.length > 0) {
      const said = kept.map(({ message }) => `- ${message.replaceAll('\n', '\n  ')}`);
      const way = kept.some(({ isFatal }) => isFatal) ? '' : '\nTo use it all the same: --redis-accept-weak yes.';
      const mayPass = config.address.sentinelName !== null && kept.every(({ what }) => PASSING.has(what));
      throw new StoreUnusable(
        mayPass ? 'NOT_YET' : 'UNREADABLE',
        `the Redis at ${showStoreAddress(config.address)} can lose what it acknowledged:\n${said.join('\n')}${way}`,
      );
    }
    for (const { what, message } of found) log.warn({ what }, `the Redis is weak: ${message}`);
    return await openRedisStore({ port, clock, copies: config.copies, newLineage: randomUUID });
  } catch (error) {
    await port.close();
    throw error;
  }
}

/** The way to lead among the daemons on that Redis. @param address where others reach this daemon */
export function leadershipOnRedis(config: RedisConfig, address: string, log: Logger): Leadership {
  const port = portOf(config, log);
  return redisLeadership({
    port,
    board: port,
    clock: { bootMs: () => os.uptime() * 1_000, after: (delayMs, act) => systemClock.after(delayMs, act) },
    id: randomUUID(),
    address,
    wallMs: () => systemClock.wallMs(),
    holdMs: config.leaderHoldMs,
  });
}

/**
 * Puts a snapshot into the Redis that flags of the scheduler name.
 * @throws Error in words for people; nothing was changed then
 */
export async function restoreByFlags(
  words: readonly string[],
  options: { readonly file: string; readonly replace: boolean; readonly nowMs: number },
): Promise<Restored> {
  const loaded = loadServerConfig(words, {});
  if (loaded.type === 'print') throw new Error(loaded.text.replace(/^error: /, '').trimEnd());
  const config = loaded.config.redis;
  if (config === null) throw new Error('--store must name a Redis; for a folder say --data-dir DIR');
  const log = createLogger({ level: 'warn', name: 'sluice' });
  const { prefix, copies, address } = config;
  const open = (room: string) => portOf(config, log, room);
  return await restoreIntoRedis({
    ...options,
    name: showStoreAddress(address),
    prefix,
    copies,
    clock: systemClock,
    open,
  });
}

function portOf(config: RedisConfig, log: Logger, room = '') {
  let saidMs = Number.NEGATIVE_INFINITY;
  let said = '';
  const onProblem = (error: Error): void => {
    const nowMs = systemClock.monotonicMs();
    if (error.message === said && nowMs - saidMs < SAY_AGAIN_MS) return;
    [said, saidMs] = [error.message, nowMs];
    log.warn({ redis: showStoreAddress(config.address) }, `Redis cannot be reached: ${error.message}`);
  };
  return ioredisPort(connectionOf(config), config.prefix, onProblem, room);
}

/** What ioredis needs. @throws Error in words when a file cannot be read */
export function connectionOf(config: RedisConfig): RedisOptions {
  const { hosts, sentinelName, tls } = config.address;
  const secure = tls ? { ca: config.caFile === null ? undefined : readSecret(config.caFile, 'redis.ca') } : undefined;
  const user = {
    ...(config.username === null ? {} : { username: config.username }),
    ...(config.passwordFile === null ? {} : { password: readSecret(config.passwordFile, 'redis.password_file') }),
    ...(secure === undefined ? {} : { tls: secure }),
    connectionName: 'sluice',
  };
  const [first] = hosts;
  if (sentinelName === null) return { host: first?.host ?? '127.0.0.1', port: first?.port ?? 6379, ...user };
  return {
    sentinels: [...hosts],
    name: sentinelName,
    ...user,
    ...(secure === undefined ? {} : { sentinelTLS: secure, enableTLSForSentinelMode: true }),
    ...(config.sentinelUsername === null ? {} : { sentinelUsername: config.sentinelUsername }),
    ...(config.sentinelPasswordFile === null
      ? {}
      : { sentinelPassword: readSecret(config.sentinelPasswordFile, 'redis.sentinel_password_file') }),
    sentinelRetryStrategy: (times) => Math.min(50 * times, 500),
    failoverDetector: true,
  };
}

function readSecret(file: string, setting: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new Error(`${setting}: ${file} cannot be read: ${error instanceof Error ? error.message : 'unknown'}`, {
      cause: error,
    });
  }
}

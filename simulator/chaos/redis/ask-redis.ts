// One command to a Redis or a Sentinel, over a connection of its own: to look at it from outside, as a person would with redis-cli.
import { Redis, type RedisOptions } from 'ioredis';

/** @returns null when nobody answers, or the answer is an error */
export async function askRedis(
  where: Pick<RedisOptions, 'host' | 'port' | 'username' | 'password' | 'connectTimeout' | 'commandTimeout'>,
  command: string,
  ...args: readonly string[]
): Promise<unknown> {
  const redis = new Redis({
    ...where,
    // Some users may not ask for what a look at readiness asks for.
    enableReadyCheck: false,
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
  });
  // What goes wrong rejects the calls below.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await redis.call(command, ...args);
  } catch {
    return null;
  } finally {
    redis.disconnect();
  }
}

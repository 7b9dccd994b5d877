// What a port to a Redis behind Sentinels does with their answers: a fail-over that is told in the middle of a question, and a name that none of
// them knows. The Redis is real; the Sentinel is played, so that it answers at the moment that matters.
import net from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { StoreUnusable } from '../../scheduler/store/data-folder.js';
import { ioredisPort, type IoredisPort } from '../../scheduler/store/redis/ioredis-port.js';
import { SentinelAnswers } from '../../scheduler/store/redis/sentinel-answers.js';
import { needs } from '../real-part.js';
import { RealRedis } from './real-redis.js';

/** A Sentinel that says what a test tells it to. */
class PlayedSentinel {
  /** How to answer who the primary is; null = it knows none. */
  primary: () => Promise<number | null> = () => Promise.resolve(null);
  readonly #server = net.createServer((socket) => this.#serve(socket));
  readonly #listeners = new Set<net.Socket>();

  get listeners(): number {
    return this.#listeners.size;
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Tells of a fail-over whoever listens. */
  switchPrimary(): void {
    for (const socket of this.#listeners)
      socket.write(`>3\r\n${['message', '+switch-master', 'main'].map(bulk).join('')}`);
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#listeners) socket.destroy();
  }

  #serve(socket: net.Socket): void {
    socket.on('error', () => undefined);
    socket.on('close', () => this.#listeners.delete(socket));
    socket.on('data', (data) => {
      // Commands come whole on the loopback: a line with the count, then each word after its length.
      for (const command of data.toString().split(/(?=\*\d+\r\n)/)) {
        const words = command.split('\r\n').filter((_, at) => at % 2 === 0 && at > 0);
        void this.#answer(socket, words.join(' ').toLowerCase());
      }
    });
  }

  async #answer(socket: net.Socket, command: string): Promise<void> {
    if (command.startsWith('subscribe')) {
      this.#listeners.add(socket);
      socket.write(`>3\r\n${bulk('subscribe')}${bulk('+switch-master')}:1\r\n`);
    } else if (command.startsWith('sentinel get-master')) {
      const port = await this.primary();
      socket.write(port === null ? '*-1\r\n' : array(['127.0.0.1', String(port)]));
    } else if (command.startsWith('sentinel sentinels')) {
      const known = await this.primary();
      socket.write(known === null ? '-ERR No such master with that name\r\n' : '*0\r\n');
    } else socket.write('+OK\r\n');
  }
}

const bulk = (word: string): string => `$${word.length}\r\n${word}\r\n`;
const array = (words: readonly string[]): string => `*${words.length}\r\n${words.map(bulk).join('')}`;

describe.runIf(needs('redis'))('a port behind Sentinels', () => {
  let redis: RealRedis;
  let sentinel: PlayedSentinel;
  let port: IoredisPort;
  let problems: string[];

  beforeEach(async () => {
    redis = new RealRedis();
    sentinel = new PlayedSentinel();
    problems = [];
    const at = await sentinel.start();
    port = ioredisPort(
      {
        sentinels: [{ host: '127.0.0.1', port: at }],
        name: 'main',
        sentinelRetryStrategy: () => 50,
        failoverDetector: true,
      },
      'test',
      ({ message }) => problems.push(message),
    );
  });
  afterEach(async () => {
    await port.close();
    sentinel.stop();
    await redis.stop();
  });

  it('comes back when it is told of a fail-over while it asks who the primary is', async () => {
    const first = await redis.start('first');
    sentinel.primary = () => Promise.resolve(first.port);
    expect(await port.readHead()).toBeNull();
    await redis.until('it listens for fail-overs', () => Promise.resolve(sentinel.listeners > 0));
    const second = await redis.start('second');
    // The primary dies; the question who is it now is not answered until everybody was told that there is another one.
    const asked = new Promise<void>((resolve) => {
      sentinel.primary = () => {
        resolve();
        sentinel.primary = () => Promise.resolve(second.port);
        sentinel.switchPrimary();
        // Whoever was told listens no longer.
        return redis.until('it was heard', () => Promise.resolve(sentinel.listeners === 0)).then(() => first.port);
      };
    });
    await redis.end(first);
    await asked;
    await redis.until('the new primary answers', () =>
      port.writeHead(null, { lineage: 'l', epoch: 1, revision: 0, schema: 1, term: 't' }).then(
        ({ done }) => done,
        () => false,
      ),
    );
    expect(await redis.ask(second.port, 'EXISTS', '{test}:head')).toBe(1);
    expect(problems).toContain('Connection is closed.');
  }, 40_000);

  it('says which name no Sentinel knows, and ends', async () => {
    const error = await port.readHead().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoreUnusable);
    expect(String(error)).toMatch(
      /the Sentinels at 127\.0\.0\.1:\d+ answer, and none of them knows a primary named "main"\nGive the name/,
    );
  });
});

describe('what Sentinels answered', () => {
  const answers = () =>
    new SentinelAnswers({
      name: 'main',
      sentinels: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
      ],
    });
  const all = new Error('All sentinels are unreachable. Retrying from scratch after 50ms. Last error: no route');
  const unknown = new Error('failed to connect to sentinel a:1 because ERR No such master with that name');
  const silent = new Error('failed to connect to sentinel b:2 because no route');

  it('is no proof against a name while one of them is silent', () => {
    const told = answers();
    told.failed(unknown);
    told.failed(silent);
    expect(told.inWords(all).message).toBe(
      'no Sentinel at a:1, b:2 says who the primary is: no route; 1 of them answered, and know no primary named "main"',
    );
    expect(told.isUnknown).toBe(false);
    told.failed(unknown);
    told.failed(unknown);
    expect(told.inWords(all).message).toContain('none of them knows a primary named "main"');
    expect(told.isUnknown).toBe(true);
  });

  it('leaves other errors as they are', () => {
    const error = new Error('connect ECONNREFUSED');
    expect(answers().inWords(error)).toBe(error);
  });
});

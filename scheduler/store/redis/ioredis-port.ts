// The port to a real Redis, over ioredis. Nothing is ever sent again by itself: whoever calls must know what was carried out.
import { Command, Redis, type RedisOptions } from 'ioredis';
import type { LeaderCard, StandbyCard } from '../leadership.js';
import { COLLECTION_NAMES } from '../collections.js';
import { StoreUnusable } from '../data-folder.js';
import {
  type FieldChange,
  type HeadAnswer,
  type LeaderClaim,
  type RecordPage,
  type RedisBatch,
  type RedisFacts,
  type RedisHead,
  type RedisPort,
  RedisUnreachable,
  type StandbyBoard,
  type WriteAnswer,
} from './port.js';
import { SentinelAnswers } from './sentinel-answers.js';
import { APPEND, CLAIM, INSTALL, keysOf, type RedisKeys, RELEASE, WRITE_HEAD } from './scripts.js';

/** How long an answer may take before the connection counts as dead, in ms; waiting for copies takes its own limit longer. */
const ANSWER_LIMIT_MS = 2_000;
/** The longest pause before connecting again, in ms. */
const MAX_PAUSE_MS = 500;
/** … and the one before a connection is begun again that was given up. */
const PAUSE_AFTER_END_MS = 100;
/** How many fields of each collection a page asks for. */
const PAGE_FIELDS = 2_000;

/** Redis 6.2 puts this before what a command says within a script; the place comes twice. */
const IN_SCRIPT = /^ERR Error running script \(call to f_\w+\): (?:@user_script: ?\d+: )+-/;
/** Refusals of a Redis that is not, or not yet, the one to talk to, or has no room at present. Nothing was carried out. */
const NOT_NOW = /^(READONLY|LOADING|MASTERDOWN|NOREPLICAS|OOM|MISCONF|CLUSTERDOWN|TRYAGAIN|BUSY|UNBLOCKED)\b/;
/** One of them that does not pass: the server became a replica. */
const IS_REPLICA = /^READONLY\b/;

/** What an error of Redis says about the server, whichever version says it. */
export function judgeRefusal(message: string): { readonly isNotNow: boolean; readonly isReplica: boolean } {
  const said = message.replace(IN_SCRIPT, '');
  return { isNotNow: NOT_NOW.test(said), isReplica: IS_REPLICA.test(said) };
}

type Argument = string | number | Buffer;

/**
 * Opens a port. It connects, and connects again, by itself.
 * @param options how to reach the Redis: host or Sentinels, TLS, user and password
 * @param prefix tells clusters on one Redis apart
 * @param onProblem told of what ioredis has no caller for, such as a refused connection
 * @param room another state than the one in force, such as one that is being restored
 */
export function ioredisPort(
  options: RedisOptions,
  prefix: string,
  onProblem: (error: Error) => void,
  room = '',
): IoredisPort {
  return new IoredisPort(options, keysOf(prefix, room), onProblem);
}

/** Use {@link ioredisPort}. */
export class IoredisPort implements RedisPort, StandbyBoard {
  readonly #redis: Redis;
  readonly #keys: RedisKeys;
  readonly #onProblem: (error: Error) => void;
  readonly #sentinels: SentinelAnswers;
  #isClosed = false;
  #listener: Redis | null = null;
  /** Raised whenever a connection ends. */
  #connection = 0;
  /** Why there is no connection, as far as is known. */
  #lastProblem = '';
  /** The connection of the last write. */
  #writtenOver = -1;

  constructor(options: RedisOptions, keys: RedisKeys, onProblem: (error: Error) => void) {
    this.#keys = keys;
    this.#onProblem = onProblem;
    this.#redis = new Redis({
      ...options,
      // What was sent may have been carried out: only the caller can decide about a second time.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      connectTimeout: ANSWER_LIMIT_MS,
      retryStrategy: (times) => Math.min(50 * times, MAX_PAUSE_MS),
      // A primary that became a replica must be left.
      reconnectOnError: (error) => (judgeRefusal(error.message).isReplica ? 1 : false),
    });
    this.#sentinels = new SentinelAnswers(options);
    this.#redis.on('sentinelError', (error: Error) => this.#sentinels.failed(error));
    this.#redis.on('error', (error: Error) => {
      const told = this.#sentinels.inWords(error);
      this.#lastProblem = told.message;
      onProblem(told);
    });
    this.#redis.on('ready', () => (this.#lastProblem = ''));
    this.#redis.on('close', () => (this.#connection += 1));
    this.#persist(this.#redis);
  }

  async readHead(): Promise<RedisHead | null> {
    return headOf(texts(await this.#send('HMGET', [this.#keys.head, ...HEAD_FIELDS])));
  }

  async writeHead(expected: RedisHead | null, head: RedisHead): Promise<HeadAnswer> {
    const { answer, rest } = await this.#write(WRITE_HEAD, [this.#keys.head], [...wordsOf(expected), ...wordsOf(head)]);
    return { ...answer, replicationId: rest[0] ?? '' };
  }

  async append({ lineage, epoch, term, after, revision, changes, schema }: RedisBatch): Promise<WriteAnswer> {
    const keys: string[] = [this.#keys.head];
    const args: Argument[] = [lineage, epoch, term, after, revision, schema ?? ''];
    for (const [collection, { puts, deletes }] of byCollection(changes)) {
      keys.push(this.#keys.records(collection));
      args.push(puts.length / 2, deletes.length);
      for (const one of puts) args.push(one);
      for (const one of deletes) args.push(one);
    }
    return (await this.#write(APPEND, keys, args)).answer;
  }

  async waitForCopies(copies: number, limitMs: number): Promise<number> {
    // Redis counts copies of what this connection wrote: of one that wrote nothing it would say that all have it.
    if (this.#writtenOver !== this.#connection) throw new RedisUnreachable('the connection of the last write is gone');
    return Number(await this.#send('WAIT', [copies, limitMs], limitMs));
  }

  /**
   * A page of every collection that is not at its end, asked for together: a new leader waits for each round trip. How far a
   * collection was read means something to the server alone that said so: another one, or the same started anew, has its records
   * in another order, and would leave some out without a word. So all pages come over one connection, or none.
   */
  async readPage(from: string | null): Promise<RecordPage> {
    await this.#ready();
    const { connection, places: asked } = from === null ? this.#fromTheStart() : placesOf(from);
    const parts = await Promise.all(
      asked.map(async ([index, cursor]) => {
        const collection = COLLECTION_NAMES[index] ?? '';
        const answer = await this.#send('HSCAN', [this.#keys.records(collection), cursor, 'COUNT', PAGE_FIELDS]);
        const [following, fields] = answer as [Buffer, Buffer[]];
        const records = [];
        for (let i = 0; i + 1 < fields.length; i += 2) {
          const [key, value] = [fields[i], fields[i + 1]];
          if (key !== undefined && value !== undefined) records.push({ collection, key: key.toString(), value });
        }
        return { records, next: [index, following.toString()] as const };
      }),
    );
    if (connection !== this.#connection) {
      throw new RedisUnreachable('Redis: the connection was lost while the records were read');
    }
    const left = parts.map(({ next }) => next).filter(([, cursor]) => cursor !== '0');
    return {
      records: parts.flatMap(({ records }) => records),
      next: left.length === 0 ? null : [connection, ...left.map(([index, cursor]) => `${index}:${cursor}`)].join(' '),
    };
  }

  #fromTheStart(): Reached {
    return { connection: this.#connection, places: COLLECTION_NAMES.map((_, index): Place => [index, '0']) };
  }

  async facts(): Promise<RedisFacts> {
    const [said, settings] = await Promise.all([this.#send('INFO', []), this.#settings()]);
    const info = parseInfo(text(said as Buffer));
    return {
      version: info.get('redis_version') ?? '',
      runId: info.get('run_id') ?? '',
      replicationId: info.get('master_replid') ?? '',
      ranMs: Number(info.get('uptime_in_seconds') ?? 0) * 1_000,
      role: info.get('role') === 'master' ? 'primary' : 'replica',
      connectedReplicas: Number(info.get('connected_slaves') ?? 0),
      settings,
      usedBytes: Number(info.get('used_memory') ?? 0),
      maxBytes: Number(info.get('maxmemory') ?? 0) || Number(info.get('total_system_memory') ?? 0),
    };
  }

  async claim(card: LeaderCard, holdMs: number): Promise<LeaderClaim> {
    const answer = await this.#evaluate(CLAIM, [this.#keys.leader], [JSON.stringify(card), card.id, holdMs]);
    return claimOf(answer as [Buffer, number]);
  }

  async claimed(): Promise<LeaderClaim | null> {
    const held = await this.#send('GET', [this.#keys.leader]);
    if (held === null) return null;
    return claimOf([held as Buffer, Number(await this.#send('PTTL', [this.#keys.leader]))]);
  }

  async release(id: string): Promise<void> {
    await this.#evaluate(RELEASE, [this.#keys.leader, this.#keys.released], [id]);
  }

  async announce(card: StandbyCard, holdMs: number): Promise<void> {
    await this.#send('SET', [this.#keys.standby(card.id), JSON.stringify(card), 'PX', holdMs]);
    await this.#send('SADD', [this.#keys.standbys, card.id]);
  }

  async withdraw(id: string): Promise<void> {
    await this.#send('DEL', [this.#keys.standby(id)]);
    await this.#send('SREM', [this.#keys.standbys, id]);
  }

  async standbys(): Promise<readonly StandbyCard[]> {
    const ids = texts(await this.#send('SMEMBERS', [this.#keys.standbys]));
    if (ids.length === 0) return [];
    const held = (await this.#send('MGET', ids.map(this.#keys.standby))) as readonly (Buffer | null)[];
    const gone = ids.filter((_, at) => (held[at] ?? null) === null);
    // Whoever is back meanwhile is named again within a second.
    if (gone.length > 0) await this.#send('SREM', [this.#keys.standbys, ...gone]);
    const cards = held.flatMap((card) => (card === null ? [] : [JSON.parse(card.toString()) as StandbyCard]));
    return cards.toSorted((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  }

  onReleased(act: () => void): void {
    if (this.#listener === null) {
      // A connection that listens can do nothing else. What it misses while it is down, the next claim finds out.
      this.#listener = this.#redis.duplicate({
        autoResubscribe: false,
        enableOfflineQueue: true,
        maxRetriesPerRequest: null,
      });
      const listener = this.#listener;
      listener.on('ready', () => void listener.subscribe(this.#keys.released).catch(this.#onProblem));
      this.#persist(listener);
      // It asks the same Sentinels as the other connection, which tells what they answer.
      this.#listener.on('error', () => undefined);
    }
    this.#listener.on('message', act);
  }

  /** Removes the whole state of this room. */
  async clear(): Promise<void> {
    await this.#send('DEL', stateKeys(this.#keys));
  }

  /**
   * Puts the state of another room in force in place of this one, in one step.
   * @param kept the room to which the present state is moved
   * @returns who leads; then nothing was changed
   */
  async install(restored: RedisKeys, kept: RedisKeys): Promise<LeaderCard | null> {
    const [to, from] = [stateKeys(kept), stateKeys(restored)];
    const keys = stateKeys(this.#keys).flatMap((key, i) => [key, to[i] ?? '', from[i] ?? '']);
    this.#writtenOver = this.#connection;
    const held = (await this.#evaluate(INSTALL, [this.#keys.leader, ...keys], [])) as Buffer;
    return held.length === 0 ? null : (JSON.parse(held.toString()) as LeaderCard);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#redis.disconnect();
    this.#listener?.disconnect();
    return Promise.resolve();
  }

  /**
   * Begins again when ioredis gives up for good. It does so when it is told of a fail-over while it asks the Sentinels who the
   * primary is, as it does whenever a primary dies: without this the daemon would stand by until it is started anew.
   */
  #persist(redis: Redis): void {
    redis.on('end', () => {
      setTimeout(() => {
        // What prevents it is told by the event for errors, and ends in this event again.
        if (!this.#isClosed) redis.connect().catch(() => undefined);
      }, PAUSE_AFTER_END_MS);
    });
  }

  /** Null when this user may not ask. */
  async #settings(): Promise<Readonly<Record<string, string>> | null> {
    try {
      const all = texts(await this.#send('CONFIG', ['GET', '*']));
      return Object.fromEntries(all.flatMap((name, i) => (i % 2 === 0 ? [[name, all[i + 1] ?? '']] : [])));
    } catch (error) {
      if (error instanceof Error && /^(NOPERM|ERR unknown command)/.test(error.message)) return null;
      throw error;
    }
  }

  /** @returns the answer, and what the script says beyond it */
  async #write(
    script: string,
    keys: readonly string[],
    args: readonly Argument[],
  ): Promise<{ readonly answer: WriteAnswer; readonly rest: readonly string[] }> {
    this.#writtenOver = this.#connection;
    const [done, ...said] = (await this.#evaluate(script, keys, args)) as [number, ...Buffer[]];
    const words = said.map(String);
    return { answer: { done: done === 1, head: headOf(words) }, rest: words.slice(HEAD_FIELDS.length) };
  }

  #evaluate(script: string, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#send('EVAL', [script, keys.length, ...keys, ...args]);
  }

  /** A connection may be coming: what is asked meanwhile waits a while, in order. */
  async #ready(): Promise<void> {
    if (this.#redis.status === 'ready') return;
    const isReady = await new Promise<boolean>((resolve) => {
      const end = (answer: boolean) => {
        clearTimeout(limit);
        this.#redis.off('ready', came);
        resolve(answer);
      };
      const came = () => end(true);
      const limit = setTimeout(() => end(false), ANSWER_LIMIT_MS);
      this.#redis.once('ready', came);
    });
    if (!isReady) {
      if (this.#sentinels.isUnknown) throw new StoreUnusable('UNREADABLE', this.#lastProblem);
      const why = this.#lastProblem === '' ? '' : `: ${this.#lastProblem}`;
      throw new RedisUnreachable(`Redis: there is no connection${why}`);
    }
  }

  /** @throws {@link RedisUnreachable}, or what Redis says against the command */
  async #send(name: string, args: readonly Argument[], extraMs = 0): Promise<unknown> {
    await this.#ready();
    const command = new Command(name, [...args], { replyEncoding: null });
    const connection = this.#connection;
    const limit = setTimeout(() => {
      // Whatever it answers from now on nobody hears, so the connection must go.
      if (connection === this.#connection) this.#redis.disconnect(true);
    }, ANSWER_LIMIT_MS + extraMs);
    try {
      return await (this.#redis.sendCommand(command) as Promise<unknown>);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const isSaidByRedis = error.name === 'ReplyError';
      if (isSaidByRedis && !judgeRefusal(error.message).isNotNow) throw error;
      throw new RedisUnreachable(`Redis: ${error.message}`, { cause: error });
    } finally {
      clearTimeout(limit);
    }
  }
}

function stateKeys({ head, records }: RedisKeys): readonly string[] {
  return [head, ...COLLECTION_NAMES.map((collection) => records(collection))];
}

interface Fields {
  readonly puts: Argument[];
  readonly deletes: string[];
}

function byCollection(changes: readonly FieldChange[]): ReadonlyMap<string, Fields> {
  const found = new Map<string, Fields>();
  for (const { collection, key, value } of changes) {
    const fields = found.get(collection) ?? { puts: [], deletes: [] };
    found.set(collection, fields);
    if (value === null) fields.deletes.push(key);
    else fields.puts.push(key, Buffer.from(value.buffer, value.byteOffset, value.byteLength));
  }
  return found;
}

/** In the order of the scripts. */
const HEAD_FIELDS = ['lineage', 'epoch', 'revision', 'schema', 'term'] as const;

/** Empty words = there is none. */
function wordsOf(head: RedisHead | null): readonly Argument[] {
  return HEAD_FIELDS.map((field) => head?.[field] ?? '');
}

function headOf([
  lineage = '',
  epoch = '',
  revision = '',
  schema = '',
  term = '',
]: readonly string[]): RedisHead | null {
  if (lineage === '') return null;
  return { lineage, epoch: Number(epoch), revision: Number(revision), schema: Number(schema), term };
}

function claimOf([card, leftMs]: readonly [Buffer, number]): LeaderClaim {
  return { card: JSON.parse(card.toString()) as LeaderCard, leftMs: Math.max(0, Number(leftMs)) };
}

/** A collection, and how far it was read. */
type Place = readonly [index: number, cursor: string];

interface Reached {
  /** Over which one the pages before came. */
  readonly connection: number;
  readonly places: readonly Place[];
}

function placesOf(from: string): Reached {
  const [connection, ...places] = from.split(' ');
  return {
    connection: Number(connection),
    places: places.map((place) => {
      const [index = '0', cursor = '0'] = place.split(':');
      return [Number(index), cursor];
    }),
  };
}

function text(answer: Buffer | null): string {
  return answer?.toString() ?? '';
}

function texts(answer: unknown): readonly string[] {
  return (answer as readonly (Buffer | null)[]).map(text);
}

function parseInfo(info: string): ReadonlyMap<string, string> {
  const lines = info.split('\r\n').map((line) => line.split(':'));
  return new Map(lines.flatMap(([name, ...rest]) => (name === undefined ? [] : [[name, rest.join(':')] as const])));
}

// The store's port over simulated connections: like the real one it sends nothing twice, refuses at once while it is not connected, gives a
// connection up when an answer does not come in time, and knows whether the last write went over the connection of now.
import type { LeaderCard } from '../../../scheduler/store/leadership.js';
import {
  RedisUnreachable,
  type HeadAnswer,
  type LeaderClaim,
  type RecordPage,
  type RedisBatch,
  type RedisFacts,
  type RedisHead,
  type RedisPort,
  type WriteAnswer,
} from '../../../scheduler/store/redis/port.js';
import type { Commit } from '../../../scheduler/store/state-store.js';
import type { Random } from '../../random.js';
import type { SimProcess } from '../machine.js';
import { Wire, type End, type Link } from '../network.js';
import type { Timeline } from '../timeline.js';
import type { RedisData, Step } from './data.js';
import type { Asked, Request, ServerNames, SimRedisServer, Told } from './server.js';

/** How long an answer may take, in ms; as scheduler/store/redis/ioredis-port.ts has it. */
const ANSWER_LIMIT_MS = 2_000;
const RECONNECT_MS = [50, 500] as const;

export interface PortSurroundings {
  readonly timeline: Timeline;
  readonly random: Random;
  /** The primary as Sentinels tell it now, and the ways to it; null = they are not reached. */
  readonly primary: () => { readonly server: SimRedisServer; readonly link: Link } | null;
  /** The commit that a batch was made of, for those who look at worlds from outside; null = nobody does. */
  readonly commitOf: (batch: RedisBatch) => Commit | null;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: RedisUnreachable) => void;
  readonly limit: { cancel(): void };
}

export class SimRedisPort implements RedisPort {
  readonly #process: SimProcess;
  readonly #surroundings: PortSurroundings;
  readonly #pending = new Map<number, Pending>();
  #end: End<Asked> | null = null;
  /** Raised whenever a connection ends. */
  #connection = 0;
  #writtenOver = -1;
  #lastId = 0;
  #isClosed = false;
  #released: () => void = () => undefined;

  constructor(process: SimProcess, surroundings: PortSurroundings) {
    this.#process = process;
    this.#surroundings = surroundings;
    this.#connect();
  }

  readHead(): Promise<RedisHead | null> {
    return this.#run(false, ({ head }) => ({ answer: head, effect: null }));
  }

  writeHead(expected: RedisHead | null, head: RedisHead): Promise<HeadAnswer> {
    return this.#write((data, _, { replicationId }) => {
      const { answer, effect } = data.writeHead(expected, head);
      return { answer: { ...answer, replicationId }, effect };
    });
  }

  append(batch: RedisBatch): Promise<WriteAnswer> {
    const commit = this.#surroundings.commitOf(batch);
    return this.#write((data) => data.append(batch, commit));
  }

  waitForCopies(copies: number, limitMs: number): Promise<number> {
    if (this.#writtenOver !== this.#connection) return Promise.reject(unreachable('the last write went elsewhere'));
    return this.#ask({ type: 'wait', copies, limitMs }, limitMs) as Promise<number>;
  }

  /** As the real one's, all pages come over one connection, or none: a cursor means something to the server alone that gave it. */
  async readPage(from: string | null): Promise<RecordPage> {
    const connection = this.#connection;
    const [asked, after] = from === null ? [connection, null] : placeOf(from);
    if (asked !== connection) throw unreachable('the connection was lost while the records were read');
    const { records, next } = await this.#run(false, (data) => ({ answer: data.readPage(after), effect: null }));
    return { records, next: next === null ? null : `${connection} ${next}` };
  }

  facts(): Promise<RedisFacts> {
    return this.#ask({ type: 'facts' }) as Promise<RedisFacts>;
  }

  claim(card: LeaderCard, holdMs: number): Promise<LeaderClaim> {
    return this.#run(true, (data, nowMs) => data.claim(card, holdMs, nowMs));
  }

  claimed(): Promise<LeaderClaim | null> {
    return this.#run(false, (data, nowMs) => ({ answer: data.claimed(nowMs), effect: null }));
  }

  async release(id: string): Promise<void> {
    await this.#run(true, (data, nowMs) => data.release(id, nowMs));
  }

  onReleased(act: () => void): void {
    this.#released = act;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#drop('the port is closed');
    return Promise.resolve();
  }

  #write<T>(run: (data: RedisData, nowMs: number, server: ServerNames) => Step<T>): Promise<T> {
    this.#writtenOver = this.#connection;
    return this.#run(true, run);
  }

  #run<T>(isWrite: boolean, run: (data: RedisData, nowMs: number, server: ServerNames) => Step<T>): Promise<T> {
    return this.#ask({ type: 'run', isWrite, run }) as Promise<T>;
  }

  #ask(request: Request, extraMs = 0): Promise<unknown> {
    const end = this.#end;
    if (end === null) return Promise.reject(unreachable('there is no connection'));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const limit = this.#process.after(ANSWER_LIMIT_MS + extraMs, 'redis port gives up', () => {
        if (this.#end === end) this.#drop('no answer in time');
      });
      this.#pending.set(id, { resolve, reject, limit });
      end.send('redis is asked', { id, request });
    });
  }

  #connect(): void {
    const { timeline, random, primary } = this.#surroundings;
    const again = (): void => {
      if (!this.#isClosed)
        this.#process.after(random.between(...RECONNECT_MS), 'redis port connects', () => this.#connect());
    };
    if (this.#isClosed) return;
    const found = primary();
    const server = found?.server.process;
    if (found === null || server?.active !== true || found.link.up.isCut || found.link.down.isCut) return again();
    let heard: ReturnType<SimRedisServer['accept']> | null = null;
    const wire: Wire<Asked, Told> = new Wire(
      timeline,
      { there: found.link.up, back: found.link.down },
      {
        process: this.#process,
        listener: {
          received: (told) => {
            if (this.#end === wire.a) this.#hear(told);
          },
          closed: (why) => {
            if (this.#end === wire.a) this.#drop(why);
          },
          drained: () => undefined,
        },
      },
      {
        process: server,
        listener: {
          received: (asked) => heard?.received(asked),
          closed: () => heard?.closed(),
          drained: () => undefined,
        },
      },
    );
    heard = found.server.accept(wire.b);
    this.#end = wire.a;
  }

  #hear(told: Told): void {
    if (told.type === 'released') return this.#released();
    const pending = this.#pending.get(told.id);
    this.#pending.delete(told.id);
    pending?.limit.cancel();
    if (told.type === 'answer') return pending?.resolve(told.value);
    if (told.type === 'no replicas') return pending?.reject(unreachable('it has too few replicas'));
    pending?.reject(unreachable('it is a replica'));
    // A primary that became a replica must be left.
    this.#drop('it is a replica');
  }

  #drop(why: string): void {
    this.#end?.close(why);
    this.#end = null;
    this.#connection += 1;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { limit, reject } of pending) {
      limit.cancel();
      reject(unreachable(why));
    }
    if (!this.#isClosed) {
      const { random } = this.#surroundings;
      this.#process.after(random.between(...RECONNECT_MS), 'redis port connects', () => this.#connect());
    }
  }
}

/** Over which connection a reading is under way, and after which key it goes on. */
function placeOf(from: string): [connection: number, after: string] {
  const end = from.indexOf(' ');
  return [Number(from.slice(0, end)), from.slice(end + 1)];
}

function unreachable(why: string): RedisUnreachable {
  return new RedisUnreachable(`Redis: ${why}`);
}

// What the Redis store asks of Redis: few operations, each atomic, so that a simulated Redis can stand beneath the very same
// store. The real one (scripts over ioredis) and the simulated one pass the same contract suite.
import type { LeaderCard, StandbyCard } from '../leadership.js';

/** Where the history that a Redis holds stands. */
export interface RedisHead {
  readonly lineage: string;
  readonly epoch: number;
  readonly revision: number;
  readonly schema: number;
  /** Names the term: on two servers of which neither knows of the other's, terms of one epoch may have begun. '' = an older Sluice began it. */
  readonly term: string;
}

/** A change of fields of one hash: a record's key and its encoded value, null = it is deleted. */
export interface FieldChange {
  readonly collection: string;
  readonly key: string;
  readonly value: Uint8Array | null;
}

/** One atomic batch: everything, or nothing when the head is not the expected one. */
export interface RedisBatch {
  readonly lineage: string;
  readonly epoch: number;
  readonly term: string;
  /** Of the last commit that this batch follows. */
  readonly after: number;
  /** Of the last commit in this batch. */
  readonly revision: number;
  readonly changes: readonly FieldChange[];
  /** The schema that the records have from this batch on; missing = the one they had. */
  readonly schema?: number;
}

/** What a conditional write did. `head` is what stands after it. */
export interface WriteAnswer {
  readonly done: boolean;
  /** Null = the Redis is empty. */
  readonly head: RedisHead | null;
}

/** The same of a head, with the server that gave it. */
export interface HeadAnswer extends WriteAnswer {
  /** {@link RedisFacts.replicationId}, at that very moment. */
  readonly replicationId: string;
}

/** Who holds the leader's key. */
export interface LeaderClaim {
  readonly card: LeaderCard;
  /** How long it holds yet, in ms. */
  readonly leftMs: number;
}

/** What the start-up gate looks at. */
export interface RedisFacts {
  readonly version: string;
  /** Of this life of the server. */
  readonly runId: string;
  /** Changes when another server is promoted, and when the primary is started again. */
  readonly replicationId: string;
  /** For how long this server has run, in ms. */
  readonly ranMs: number;
  readonly role: 'primary' | 'replica';
  readonly connectedReplicas: number;
  /** `CONFIG GET`; null = this user may not ask. */
  readonly settings: Readonly<Record<string, string>> | null;
  readonly usedBytes: number;
  /** Redis' own limit, or without one the memory of its machine. */
  readonly maxBytes: number;
}

/** A page of records, in no order. */
export interface RecordPage {
  readonly records: readonly { readonly collection: string; readonly key: string; readonly value: Uint8Array }[];
  /** Null = that was the last one. */
  readonly next: string | null;
}

/**
 * One connection to the primary. Operations are carried out in the order of the calls. Each rejects with {@link RedisUnreachable}
 * when its outcome is not known: it may have been carried out, or be carried out yet.
 */
export interface RedisPort {
  /** Null = there is nothing yet. */
  readHead(): Promise<RedisHead | null>;
  /**
   * Writes a head over the expected one (null = over nothing), also an equal one: that makes the connection one that has written
   * what came before it.
   */
  writeHead(expected: RedisHead | null, head: RedisHead): Promise<HeadAnswer>;
  /** Applies a batch if the head is what it expects; of any size. */
  append(batch: RedisBatch): Promise<WriteAnswer>;
  /**
   * Waits until replicas have everything up to the last write of this port.
   * @returns how many have it; fewer than asked for when the limit has passed
   * @throws {@link RedisUnreachable} also when the last write went over a connection that is gone: Redis forgets what that one wrote
   */
  waitForCopies(copies: number, limitMs: number): Promise<number>;
  /**
   * Reads on from where the last page ended; null = from the beginning.
   * @throws {@link RedisUnreachable} also when the last page came over a connection that is gone: another server has another order
   */
  readPage(from: string | null): Promise<RecordPage>;
  facts(): Promise<RedisFacts>;
  /** Takes the leader's key if nobody has it, or holds it on if it is ours. @returns who has it now */
  claim(card: LeaderCard, holdMs: number): Promise<LeaderClaim>;
  /** Who has the leader's key. */
  claimed(): Promise<LeaderClaim | null>;
  /** Gives the leader's key up if it is ours, and tells those who wait for it. */
  release(id: string): Promise<void>;
  /** Calls when the leader's key was given up, as far as that can be heard; a hint only. */
  onReleased(act: () => void): void;
  close(): Promise<void>;
}

/** Where daemons that stand by tell of themselves. For people: nothing is decided by it. */
export interface StandbyBoard {
  /** Holds for so long unless it is told again. */
  announce(card: StandbyCard, holdMs: number): Promise<void>;
  withdraw(id: string): Promise<void>;
  /** By address. */
  standbys(): Promise<readonly StandbyCard[]>;
}

/** Nothing was heard, or not in time: whether it was carried out is not known. */
export class RedisUnreachable extends Error {
  override readonly name = 'RedisUnreachable';
}

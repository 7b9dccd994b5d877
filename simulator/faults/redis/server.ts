// One simulated Redis server: a process that carries out one operation after the other and tells its replicas what changed, in order, as fast
// as the ways to them allow. A replica counts as having a copy once it has said so. What was written is in its file, so a crash loses
// nothing; an emptied server has lost the file.
import type { Random } from '../../random.js';
import { SimMachine, SimProcess } from '../machine.js';
import { Wire, type End, type Link } from '../network.js';
import type { Timeline } from '../timeline.js';
import { RedisData, type Effect, type Step } from './data.js';

/** How soon a service manager starts it again, in ms. */
const RESTART_MS = [300, 3_000] as const;
/** How long a replica waits before it connects again, in ms. */
const RECONNECT_MS = [200, 1_500] as const;
/** How long a replica that is silent counts for `min-replicas-to-write`, in ms. */
const MAX_LAG_MS = 10_000;
/** How long a whole copy takes, in ms. */
const FULL_COPY_MS = [50, 1_500] as const;

/** By what a server names itself while it carries something out. */
export interface ServerNames {
  readonly replicationId: string;
}

/** What a client asks of a server. */
export type Request =
  /** `run` is one operation on the data; whether it is a write decides whether a replica refuses it. */
  | {
      readonly type: 'run';
      readonly isWrite: boolean;
      readonly run: (data: RedisData, nowMs: number, server: ServerNames) => Step<unknown>;
    }
  | { readonly type: 'wait'; readonly copies: number; readonly limitMs: number }
  | { readonly type: 'facts' };

export interface Asked {
  readonly id: number;
  readonly request: Request;
}

export type Told =
  | { readonly id: number; readonly type: 'answer'; readonly value: unknown }
  /** It is a replica: nothing was carried out. */
  | { readonly id: number; readonly type: 'readonly' }
  /** Too few replicas were heard of lately: nothing was carried out. */
  | { readonly id: number; readonly type: 'no replicas' }
  /** The leader's key was given up. */
  | { readonly id: 0; readonly type: 'released' };

/** What a replica says to its primary, and what it is told. */
type FromReplica =
  | { readonly type: 'sync'; readonly length: number; readonly last: Effect | undefined }
  | { readonly type: 'has'; readonly length: number };
type ToReplica =
  | { readonly type: 'whole'; readonly log: readonly Effect[]; readonly data: RedisData }
  | { readonly type: 'effect'; readonly effect: Effect };

interface Replica {
  /** How much it said that it has; null = it is not in step. */
  length: number | null;
  readonly end: End<ToReplica>;
  /** Since when nothing can have been heard of it, in true time; null = it is heard of. */
  readonly silentSinceMs: () => number | null;
}

interface Client {
  readonly end: End<Told>;
  /** Where the log stood after the last write of this connection. */
  writtenLength: number;
  /** Requests that wait behind one that blocks; null = none blocks. */
  behind: Asked[] | null;
}

/** Sees what the primaries of a world carry out. */
export interface ServerWitness {
  /** An operation changed the data of a primary. */
  carriedOut(server: SimRedisServer, effect: Effect): void;
  /** A replica said how much it has. */
  copied(server: SimRedisServer): void;
  /** A replica took a whole copy in place of what it had. */
  replaced(server: SimRedisServer, by: SimRedisServer): void;
}

export interface ServerSurroundings {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly witness: ServerWitness;
  /** The ways from this server to another one. */
  readonly link: (from: string, to: string) => Link;
  /** `min-replicas-to-write`. */
  readonly minReplicas: number;
  readonly serverOf: (name: string) => SimRedisServer;
}

export class SimRedisServer {
  readonly machine: SimMachine;
  readonly #surroundings: ServerSurroundings;
  process: SimProcess | null = null;
  data = new RedisData();
  /** All that ever led to its data, in order. */
  log: Effect[] = [];
  /** The name of its primary; null = it is one. */
  primary: string | null;
  /** Names the history since it was promoted, or started. */
  replicationId: string;
  /** Whether it is not started again for now. */
  isHeldDown = false;
  #runs = 0;
  #promotions = 0;
  /** When its process began, by its own clock. */
  #startedMs = 0;
  readonly #replicas = new Map<string, Replica>();
  readonly #clients = new Set<Client>();
  #waits: { readonly length: number; readonly copies: number; readonly settle: () => void }[] = [];
  /** Ends what replicates from the present primary. */
  #unfollow: () => void = () => undefined;

  constructor(name: string, rate: number, primary: string | null, surroundings: ServerSurroundings) {
    this.#surroundings = surroundings;
    this.machine = new SimMachine(surroundings.timeline, name, rate);
    this.primary = primary;
    this.replicationId = `${name}-0`;
  }

  get name(): string {
    return this.machine.name;
  }

  /** How much of its log that many replicas have. */
  lengthWithCopies(copies: number): number {
    const lengths = [...this.#replicas.values()].map(({ length }) => length ?? 0).toSorted((a, b) => b - a);
    return lengths[copies - 1] ?? 0;
  }

  /** How many replicas have said that they have everything up to there. */
  copiesOf(length: number): number {
    let copies = 0;
    for (const replica of this.#replicas.values()) if (replica.length !== null && replica.length >= length) copies += 1;
    return copies;
  }

  start(): void {
    if (this.process?.alive === true || this.isHeldDown) return;
    this.#runs += 1;
    this.#startedMs = this.machine.bootMs();
    this.process = new SimProcess(this.machine, this.name);
    if (this.primary === null) this.replicationId = `${this.name}-${this.#runs}`;
    else this.#follow();
  }

  /** It dies; its service manager starts it again. @param isEmptied whether its file is gone then */
  crash(isEmptied = false): void {
    if (this.process?.alive !== true) return;
    this.#unfollow();
    this.#forgetConnections();
    this.process.kill();
    if (isEmptied) {
      this.data = new RedisData();
      this.log = [];
      this.#surroundings.witness.replaced(this, this);
    }
    const { random, timeline } = this.#surroundings;
    // Sooner than anybody could promote another one, if it is to bring its emptiness to the replicas.
    timeline.after(isEmptied ? 100 : random.between(...RESTART_MS), 'redis restarted', () => this.start());
  }

  /** For so long it is not started again. */
  holdDown(forMs: number): void {
    this.isHeldDown = true;
    this.#surroundings.timeline.after(forMs, 'redis may come back', () => {
      this.isHeldDown = false;
      this.start();
    });
  }

  /** It becomes the primary, with what it has. */
  promote(): void {
    this.#unfollow();
    this.primary = null;
    this.#promotions += 1;
    this.replicationId = `${this.name}-promoted-${this.#promotions}`;
    this.#dropClients();
  }

  /** It becomes a replica of another one, and gives up what that one does not have. */
  demote(primary: string): void {
    if (this.primary === primary) return;
    this.#unfollow();
    this.primary = primary;
    this.#forgetConnections();
    this.#follow();
  }

  // --- clients ---

  /** A client's connection arrives. */
  accept(end: End<Told>): { received(asked: Asked): void; closed(): void; drained(): void } {
    const client: Client = { end, writtenLength: 0, behind: null };
    this.#clients.add(client);
    return {
      received: (asked) => (client.behind === null ? this.#take(client, asked) : void client.behind.push(asked)),
      closed: () => this.#clients.delete(client),
      drained: () => undefined,
    };
  }

  #take(client: Client, { id, request }: Asked): void {
    switch (request.type) {
      case 'facts':
        return this.#answer(client, id, this.#facts());
      case 'wait':
        return this.#wait(client, id, request);
      case 'run': {
        if (request.isWrite && this.primary !== null) {
          client.end.send('redis refuses', { id, type: 'readonly' });
          return;
        }
        if (request.isWrite && this.#goodReplicas() < this.#surroundings.minReplicas) {
          client.end.send('redis refuses', { id, type: 'no replicas' });
          return;
        }
        const { answer, effect } = request.run(this.data, this.machine.wallMs(), this);
        if (effect !== null) this.#carryOut(effect);
        if (request.isWrite) client.writtenLength = this.log.length;
        this.#answer(client, id, answer);
        if (effect?.type === 'leader' && effect.claim === null) this.#tellReleased();
      }
    }
  }

  #answer(client: Client, id: number, value: unknown): void {
    client.end.send('redis answers', { id, type: 'answer', value });
  }

  #tellReleased(): void {
    for (const { end } of this.#clients) end.send('redis tells', { id: 0, type: 'released' });
  }

  /** Holds the connection up until enough replicas have what it wrote, or the limit has passed: as WAIT does. */
  #wait(client: Client, id: number, { copies, limitMs }: { readonly copies: number; readonly limitMs: number }): void {
    if (this.primary !== null) {
      client.end.send('redis refuses', { id, type: 'readonly' });
      return;
    }
    const length = client.writtenLength;
    if (this.copiesOf(length) >= copies) return this.#answer(client, id, this.copiesOf(length));
    client.behind = [];
    let isOver = false;
    const settle = (): void => {
      if (isOver) return;
      isOver = true;
      this.#answer(client, id, this.copiesOf(length));
      const behind = client.behind ?? [];
      client.behind = null;
      this.#takeBehind(client, behind);
    };
    this.#waits.push({ length, copies, settle });
    this.process?.after(limitMs, 'redis waited', settle);
  }

  /** Goes on with what waited, up to the next one that blocks. */
  #takeBehind(client: Client, behind: readonly Asked[]): void {
    for (const [at, asked] of behind.entries()) {
      this.#take(client, asked);
      if (client.behind === null) continue;
      client.behind.push(...behind.slice(at + 1));
      return;
    }
  }

  /** How many replicas were heard of lately: each tells of itself every second. */
  #goodReplicas(): number {
    const { nowMs } = this.#surroundings.timeline;
    let good = 0;
    for (const { length, silentSinceMs } of this.#replicas.values()) {
      if (length !== null && nowMs - (silentSinceMs() ?? nowMs) <= MAX_LAG_MS) good += 1;
    }
    return good;
  }

  #facts(): unknown {
    return {
      version: '7.0.15',
      runId: `${this.name}-run-${this.#runs}`,
      replicationId: this.replicationId,
      ranMs: this.machine.bootMs() - this.#startedMs,
      role: this.primary === null ? 'primary' : 'replica',
      connectedReplicas: this.#replicas.size,
      settings: {
        appendonly: 'yes',
        appendfsync: 'everysec',
        'maxmemory-policy': 'noeviction',
        'min-replicas-to-write': String(this.#surroundings.minReplicas),
        'min-replicas-max-lag': String(MAX_LAG_MS / 1_000),
      },
      usedBytes: 1_000_000,
      maxBytes: 0,
    };
  }

  #carryOut(effect: Effect): void {
    this.data.apply(effect);
    this.log.push(effect);
    this.#surroundings.witness.carriedOut(this, effect);
    for (const { end, length } of this.#replicas.values()) {
      if (length !== null) end.send('redis replicates', { type: 'effect', effect });
    }
    this.#noteCopies();
  }

  #noteCopies(): void {
    this.#surroundings.witness.copied(this);
    const due = this.#waits.filter(({ length, copies }) => this.copiesOf(length) >= copies);
    if (due.length === 0) return;
    this.#waits = this.#waits.filter((wait) => !due.includes(wait));
    for (const { settle } of due) settle();
  }

  // --- replication ---

  /** A replica's connection arrives. */
  acceptReplica(
    name: string,
    end: End<ToReplica>,
  ): { received(said: FromReplica): void; closed(): void; drained(): void } {
    const { random } = this.#surroundings;
    const { up } = this.#surroundings.link(name, this.name);
    const { process } = this.#surroundings.serverOf(name);
    const silentSinceMs = (): number | null => up.cutSinceMs ?? process?.pausedSinceMs ?? null;
    const replica: Replica = { length: null, end, silentSinceMs };
    this.#replicas.get(name)?.end.close('another connection of this replica');
    this.#replicas.set(name, replica);
    return {
      received: (said) => {
        if (this.#replicas.get(name) !== replica) return;
        if (said.type === 'has') {
          replica.length = said.length;
          this.#noteCopies();
          return;
        }
        // It has a beginning of what we have, or has to take all of it.
        const isBeginning =
          said.length <= this.log.length && (said.length === 0 || this.log[said.length - 1] === said.last);
        const begin = (): void => {
          if (this.#replicas.get(name) !== replica) return;
          if (isBeginning) {
            for (const effect of this.log.slice(said.length)) end.send('redis replicates', { type: 'effect', effect });
          } else end.send('redis copies', { type: 'whole', log: [...this.log], data: this.data.copy() });
          replica.length = isBeginning ? said.length : 0;
          this.#noteCopies();
        };
        if (isBeginning) begin();
        else this.process?.after(random.between(...FULL_COPY_MS), 'redis copies', begin);
      },
      closed: () => {
        if (this.#replicas.get(name) === replica) this.#replicas.delete(name);
      },
      drained: () => undefined,
    };
  }

  /** Connects to its primary, and again whenever that breaks. */
  #follow(): void {
    const { timeline, random, link, serverOf, witness } = this.#surroundings;
    const { primary, process } = this;
    if (primary === null || process === null) return;
    let isOver = false;
    let end: End<FromReplica> | null = null;
    this.#unfollow = () => {
      isOver = true;
      end?.close('it follows another one');
    };
    const again = (): void => {
      end = null;
      if (!isOver) process.after(random.between(...RECONNECT_MS), 'redis follows', connect);
    };
    const connect = (): void => {
      if (isOver) return;
      const source = serverOf(primary);
      const { up, down } = link(this.name, primary);
      if (up.isCut || down.isCut || source.process?.active !== true || source.primary !== null) return again();
      // The far side is made once the near one exists.
      let heard: ReturnType<SimRedisServer['acceptReplica']> | null = null;
      const wire: Wire<FromReplica, ToReplica> = new Wire(
        timeline,
        { there: up, back: down },
        {
          process,
          listener: {
            received: (told) => {
              if (isOver || end !== wire.a) return;
              if (told.type === 'effect') {
                this.data.apply(told.effect);
                this.log.push(told.effect);
              } else {
                this.data = told.data;
                this.log = [...told.log];
                witness.replaced(this, source);
              }
              wire.a.send('redis has', { type: 'has', length: this.log.length });
            },
            closed: () => {
              if (end === wire.a) again();
            },
            drained: () => undefined,
          },
        },
        {
          process: source.process,
          listener: {
            received: (said) => heard?.received(said),
            closed: () => heard?.closed(),
            drained: () => undefined,
          },
        },
      );
      heard = source.acceptReplica(this.name, wire.b);
      end = wire.a;
      wire.a.send('redis syncs', { type: 'sync', length: this.log.length, last: this.log.at(-1) });
    };
    connect();
  }

  #dropClients(): void {
    for (const client of this.#clients) client.end.close('the server has another role now');
    this.#clients.clear();
    this.#waits = [];
  }

  #forgetConnections(): void {
    for (const { end } of this.#replicas.values()) end.close('the server has another role now');
    this.#replicas.clear();
    this.#dropClients();
  }
}

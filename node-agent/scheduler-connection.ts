// The one stream to the scheduler: opened, kept alive, opened again after it broke, at the next address if there are
// several. It knows nothing of what is said over it.
import * as grpc from '@grpc/grpc-js';
import type { Clock, Timer } from '../common/clock.js';
import { fromServiceError } from '../common/errors.js';
import type { Logger } from '../common/log.js';
import { MAX_MESSAGE_BYTES, sluice } from '../common/proto.js';
import type { ConnectRequest } from '../proto/gen/sluice/v1/ConnectRequest.js';
import type { ConnectResponse__Output } from '../proto/gen/sluice/v1/ConnectResponse.js';
import type { RelayRequest } from '../proto/gen/sluice/v1/RelayRequest.js';
import type { RelayResponse__Output } from '../proto/gen/sluice/v1/RelayResponse.js';

/** Pauses between tries: doubled from the first to the last, each shortened at random by up to half. */
export const FIRST_PAUSE_MS = 100;
export const LAST_PAUSE_MS = 5_000;
export const LAST_PAUSE_OF_SEVERAL_MS = 2_000;
/** An idle connection is tried every 10 s and given up after 5 s without an answer; sooner where another scheduler may lead. */
const KEEPALIVE_MS = 10_000;
const KEEPALIVE_LIMIT_MS = 5_000;
const KEEPALIVE_OF_SEVERAL_MS = 5_000;
const KEEPALIVE_LIMIT_OF_SEVERAL_MS = 4_000;
/** How long one of several addresses may take to be connected to: one that takes no packets would hold the agent for its lease. */
export const CONNECT_LIMIT_MS = 3_000;
/** And a single one, which nothing else would end: a machine that dies in the middle of a TLS handshake says nothing any more. */
export const CONNECT_LIMIT_OF_ONE_MS = 20_000;
/** gRPC connects again of its own, with pauses from the first to the last; they must not be longer than ours. */
const FIRST_RECONNECT_MS = 100;
const LAST_RECONNECT_MS = 1_000;
/** A connection to an address that is not used any more, as that of a daemon that stands by, is closed after this, in ms. */
const UNUSED_LIMIT_MS = 30_000;
/** The same trouble is logged again only after this, in ms. */
const REPEAT_LOG_MS = 60_000;

export interface ConnectionOptions {
  /** `HOST:PORT`; of several the one that leads is found, and kept while it does. */
  readonly servers: readonly string[];
  /** Bearer token; null = none. */
  readonly token: string | null;
  /** Null = no TLS. */
  readonly tls: {
    /** PEM of the authority that signed the scheduler's certificate. */
    readonly ca: Buffer;
    /** The agent's own certificate and key, as PEM, for a scheduler that wants one; null = none. */
    readonly client: { readonly certificate: Buffer; readonly key: Buffer } | null;
  } | null;
}

export interface ConnectionListener {
  opened(): void;
  received(message: ConnectResponse__Output): void;
  /** The stream is over; another one is on its way. */
  closed(): void;
  /** After a refused write: there is room again. */
  drained(): void;
}

/** The agent's end of one exec. */
export type RelayStream = grpc.ClientDuplexStream<RelayRequest, RelayResponse__Output>;

type Stream = grpc.ClientDuplexStream<ConnectRequest, ConnectResponse__Output>;

type Client = InstanceType<typeof sluice.AgentService>;

/** Keeps a stream open until it is ended. */
export class SchedulerConnection {
  readonly #options: ConnectionOptions;
  readonly #listener: ConnectionListener;
  readonly #deps: { readonly clock: Clock; readonly random: () => number; readonly log: Logger };
  #stream: Stream | null = null;
  /**
   * One an address, kept as long as its connection may come to something: gRPC connects again of its own, also with a client that was
   * closed while it could not connect, and what it gets then nobody would close.
   */
  readonly #clients = new Map<string, Client>();
  #client: Client | null = null;
  #timer: Timer | null = null;
  /** Rounds over all addresses without success, for the pauses. */
  #failures = 0;
  /** The address in use. */
  #at = 0;
  /** Addresses that failed since one led. */
  #moves = 0;
  #isProven = false;
  #ended = false;
  #lastTrouble = { message: '', loggedMs: 0 };

  constructor(
    options: ConnectionOptions,
    listener: ConnectionListener,
    deps: { readonly clock: Clock; readonly random: () => number; readonly log: Logger },
  ) {
    this.#options = options;
    this.#listener = listener;
    this.#deps = deps;
  }

  /** Opens the first stream. */
  start(): void {
    const { servers, token } = this.#options;
    const server = servers[this.#at] ?? '';
    this.#isProven = false;
    const client = this.#clientOf(server);
    const stream = client.connect(this.#metadata(token));
    this.#client = client;
    this.#stream = stream;
    let over = false;
    const end = (why: string, leader: string | null = null) => {
      if (over) return;
      over = true;
      limit.cancel();
      if (this.#stream === stream) this.#stream = null;
      this.#lost(server, why, leader);
    };
    const limitMs = servers.length > 1 ? CONNECT_LIMIT_MS : CONNECT_LIMIT_OF_ONE_MS;
    // Not by waitForReady of gRPC: it looks once more when the client is closed, which makes the channel connect again, and for ever.
    const limit = this.#deps.clock.after(limitMs, () => {
      if (client.getChannel().getConnectivityState(false) === grpc.connectivityState.READY) return;
      this.#drop(server);
      end(`no connection within ${limitMs / 1_000} s`);
      stream.cancel();
    });
    stream.on('data', (message: ConnectResponse__Output) => {
      if (!over) this.#listener.received(message);
    });
    stream.on('drain', () => this.#listener.drained());
    stream.on('error', (error: grpc.ServiceError) => {
      const { message, reason, metadata } = fromServiceError(error);
      end(message, reason === 'NOT_LEADER' ? (metadata?.['leader'] ?? '') : null);
    });
    stream.on('end', () => end('the scheduler ended the connection'));
    this.#listener.opened();
  }

  /** To be called when the other side proved to be a scheduler: the next pause is short again. */
  proven(): void {
    this.#isProven = true;
    this.#failures = 0;
    this.#moves = 0;
    this.#lastTrouble = { message: '', loggedMs: 0 };
  }

  /** @returns false when there is no stream, or when more should wait until `drained` */
  send(message: ConnectRequest): boolean {
    return this.#stream?.write(message) ?? false;
  }

  /** Opens a stream of its own for one exec, over the same connection; null = there is none. */
  openRelay(): RelayStream | null {
    return this.#stream === null ? null : (this.#client?.relay(this.#metadata(this.#options.token)) ?? null);
  }

  #metadata(token: string | null): grpc.Metadata {
    const metadata = new grpc.Metadata();
    if (token !== null) metadata.set('authorization', `Bearer ${token}`);
    return metadata;
  }

  /** Gives up the present stream, and its connection; another one is opened after a pause. */
  reset(): void {
    const stream = this.#stream;
    if (stream === null) return;
    this.#drop(this.#options.servers[this.#at] ?? '');
    stream.cancel();
  }

  #clientOf(server: string): Client {
    const known = this.#clients.get(server);
    if (known !== undefined) return known;
    const { servers, tls } = this.#options;
    const isOneOfSeveral = servers.length > 1;
    const client = new sluice.AgentService(
      server,
      tls === null
        ? grpc.credentials.createInsecure()
        : grpc.credentials.createSsl(tls.ca, tls.client?.key, tls.client?.certificate),
      {
        'grpc.keepalive_time_ms': isOneOfSeveral ? KEEPALIVE_OF_SEVERAL_MS : KEEPALIVE_MS,
        'grpc.keepalive_timeout_ms': isOneOfSeveral ? KEEPALIVE_LIMIT_OF_SEVERAL_MS : KEEPALIVE_LIMIT_MS,
        'grpc.keepalive_permit_without_calls': 1,
        'grpc.initial_reconnect_backoff_ms': FIRST_RECONNECT_MS,
        'grpc.max_reconnect_backoff_ms': LAST_RECONNECT_MS,
        'grpc.client_idle_timeout_ms': UNUSED_LIMIT_MS,
        'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
        'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
        // Dropped with its client, not kept for the next one.
        'grpc.use_local_subchannel_pool': 1,
      },
    );
    this.#clients.set(server, client);
    return client;
  }

  /** The next stream to this address gets a connection of its own. */
  #drop(server: string): void {
    this.#clients.get(server)?.close();
    this.#clients.delete(server);
  }

  /** Ends for good. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#timer?.cancel();
    const stream = this.#stream;
    if (stream !== null) {
      // What was written still goes out, unless nobody takes it.
      await new Promise<void>((resolve) => {
        stream.on('end', resolve);
        stream.on('error', () => resolve());
        this.#deps.clock.after(END_LIMIT_MS, resolve);
        stream.end();
      });
    }
    for (const client of this.#clients.values()) client.close();
  }

  /** @param leader what the address said of who leads: empty = not known to it, null = it said nothing of the kind */
  #lost(server: string, why: string, leader: string | null): void {
    if (this.#ended) return;
    this.#log(server, why);
    const isRoundOver = this.#moveOn(leader);
    const longestMs = isRoundOver
      ? Math.min(this.#longestPauseMs(), FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 16))
      : FIRST_PAUSE_MS;
    if (isRoundOver) this.#failures += 1;
    this.#timer = this.#deps.clock.after(longestMs * (0.5 + this.#deps.random() / 2), () => this.start());
    this.#listener.closed();
  }

  /**
   * Chooses the next address: the one that the last one named, if it is one of ours. One that led is tried once more, since it may
   * only have been started anew.
   * @returns whether all of them were tried since the last pause
   */
  #moveOn(leader: string | null): boolean {
    const { servers } = this.#options;
    if (servers.length === 1) return true;
    if (this.#isProven && leader === null) return false;
    this.#moves += 1;
    const named = leader === null ? -1 : servers.indexOf(leader);
    this.#at = named === -1 || named === this.#at ? (this.#at + 1) % servers.length : named;
    return this.#moves % servers.length === 0;
  }

  /** Where another one takes over within seconds, an agent that rests longer loses part of its lease. */
  #longestPauseMs(): number {
    return this.#options.servers.length > 1 ? LAST_PAUSE_OF_SEVERAL_MS : LAST_PAUSE_MS;
  }

  #log(server: string, why: string): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const message = `${server}: ${why}`;
    if (message === this.#lastTrouble.message && nowMs - this.#lastTrouble.loggedMs < REPEAT_LOG_MS) return;
    this.#lastTrouble = { message, loggedMs: nowMs };
    this.#deps.log.warn({ server, why }, 'not connected to the scheduler; trying again');
  }
}

/** How long the last messages may take to leave, in ms. */
const END_LIMIT_MS = 1_000;

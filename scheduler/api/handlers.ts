// What every RPC goes through: who calls, how it ended, how long it took; errors in the one form that clients read.
import type * as grpc from '@grpc/grpc-js';
import { status } from '@grpc/grpc-js';
import type { Clock } from '../../common/clock.js';
import { ApiError, toServiceError } from '../../common/errors.js';
import type { Logger } from '../../common/log.js';
import type { Authenticator, CallerKind, Principal } from '../auth/authenticator.js';

/** Messages a stream may hold for a client that does not read; beyond that the stream is ended. */
const MAX_STREAM_BUFFER = 10_000;

const USERS: readonly CallerKind[] = ['user'];

export interface HandlerDependencies {
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called once for each finished call. */
  readonly observe: (method: string, code: string, seconds: number) => void;
  /** Whether this daemon leads for certain; absent = always, since nobody else can. */
  readonly isFresh?: () => boolean;
}

/** The sending half of a server stream. */
export interface Sender<T> {
  /** Sends one message; false = the client is gone. @throws ApiError when the client reads too slowly */
  send(message: T): boolean;
  /** Waits until the client has taken what was sent. */
  drained(): Promise<void>;
  readonly closed: AbortSignal;
}

/** Wraps handlers with authentication, error mapping and measurement. */
export class Handlers {
  readonly #deps: HandlerDependencies;

  constructor(deps: HandlerDependencies) {
    this.#deps = deps;
  }

  /**
   * A unary RPC.
   * @param callers who may call it
   */
  unary<Request, Response>(
    method: string,
    handle: (request: Request, principal: Principal, metadata: grpc.Metadata) => Promise<Response>,
    callers: readonly CallerKind[] = USERS,
  ): grpc.handleUnaryCall<Request, Response> {
    return (call, callback) => {
      const startMs = this.#deps.clock.monotonicMs();
      void this.#guard(async () => {
        const principal = this.#deps.authenticator.authenticate(call.metadata, call.getPeer(), callers);
        return handle(call.request, principal, call.metadata);
      }).then((outcome) => {
        this.#observe(method, startMs, outcome);
        if (outcome.ok) callback(null, outcome.value);
        else callback(toServiceError(this.#tell(method, outcome.error)));
      });
    };
  }

  /** A server-streaming RPC. The stream ends when `handle` resolves. */
  stream<Request, Response>(
    method: string,
    handle: (request: Request, sender: Sender<Response>, principal: Principal) => Promise<void>,
  ): grpc.handleServerStreamingCall<Request, Response> {
    return (call) => {
      const startMs = this.#deps.clock.monotonicMs();
      const closing = new AbortController();
      const close = (): void => closing.abort();
      call.on('cancelled', close);
      call.on('close', close);
      call.on('error', close);
      void this.#guard(async () => {
        const principal = this.#deps.authenticator.authenticate(call.metadata, call.getPeer(), USERS);
        await handle(call.request, this.#leading(senderOf(call, closing.signal)), principal);
      }).then((outcome) => {
        this.#observe(method, startMs, outcome);
        if (closing.signal.aborted) return;
        if (outcome.ok) call.end();
        else call.emit('error', toServiceError(this.#tell(method, outcome.error)));
      });
    };
  }

  /** An RPC with a stream in each direction. Its stream ends when `handle` resolves. */
  duplex<Request, Response>(
    method: string,
    handle: (
      call: grpc.ServerDuplexStream<Request, Response>,
      principal: Principal,
      closed: AbortSignal,
    ) => Promise<void>,
  ): grpc.handleBidiStreamingCall<Request, Response> {
    return (call) => {
      const startMs = this.#deps.clock.monotonicMs();
      const closing = new AbortController();
      const close = (): void => closing.abort();
      call.on('cancelled', close);
      call.on('close', close);
      call.on('error', close);
      void this.#guard(async () => {
        const principal = this.#deps.authenticator.authenticate(call.metadata, call.getPeer(), USERS);
        await handle(call, principal, closing.signal);
      }).then((outcome) => {
        this.#observe(method, startMs, outcome);
        if (closing.signal.aborted) return;
        if (outcome.ok) call.end();
        else call.emit('error', toServiceError(this.#tell(method, outcome.error)));
      });
    };
  }

  /** Tells who an agent is, before its stream is served. */
  agent(metadata: grpc.Metadata, peer: string): Principal {
    return this.#deps.authenticator.authenticate(metadata, peer, ['agent']);
  }

  /** Where another daemon may lead nobody is told anything else: even what is only read, or refused, rests on what may be past. */
  async #guard<T>(run: () => Promise<T>): Promise<Outcome<T>> {
    if (!this.#leads) return { ok: false, error: leadershipLost('nothing was changed') };
    const outcome = await outcomeOf(run);
    return this.#leads ? outcome : { ok: false, error: leadershipLost('whether this was carried out is not known') };
  }

  get #leads(): boolean {
    return this.#deps.isFresh?.() ?? true;
  }

  #leading<T>(sender: Sender<T>): Sender<T> {
    if (this.#deps.isFresh === undefined) return sender;
    return {
      ...sender,
      send: (message) => {
        if (!this.#leads) throw leadershipLost('what follows is not known here');
        return sender.send(message);
      },
    };
  }

  #observe(method: string, startMs: number, outcome: Outcome<unknown>): void {
    const code = outcome.ok ? status.OK : outcome.error instanceof ApiError ? outcome.error.code : status.INTERNAL;
    this.#deps.observe(method, status[code] ?? String(code), (this.#deps.clock.monotonicMs() - startMs) / 1000);
  }

  /** What the caller is told; what nobody foresaw is logged in full and told in general. */
  #tell(method: string, error: unknown): ApiError {
    if (error instanceof ApiError) return error;
    this.#deps.log.error({ err: error, method }, 'a call failed in a way that nobody foresaw');
    return new ApiError({
      code: status.INTERNAL,
      reason: 'INTERNAL',
      message: `${method} failed inside the scheduler; its log says how\nPlease report it.`,
    });
  }
}

type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown };

function senderOf<Request, Response>(
  call: grpc.ServerWritableStream<Request, Response>,
  closed: AbortSignal,
): Sender<Response> {
  let buffered = 0;
  return {
    closed,
    send: (message) => {
      if (closed.aborted) return false;
      buffered += 1;
      if (buffered > MAX_STREAM_BUFFER) throw tooSlow();
      call.write(message, () => {
        buffered -= 1;
      });
      return true;
    },
    drained: () =>
      call.writableNeedDrain && !closed.aborted
        ? new Promise((resolve) => {
            const done = (): void => {
              call.off('drain', done);
              closed.removeEventListener('abort', done);
              resolve();
            };
            call.once('drain', done);
            closed.addEventListener('abort', done, { once: true });
          })
        : Promise.resolve(),
  };
}

async function outcomeOf<T>(run: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    return { ok: false, error };
  }
}

function leadershipLost(what: string): ApiError {
  return new ApiError({
    code: status.UNAVAILABLE,
    reason: 'LEADERSHIP_LOST',
    message:
      `this daemon cannot be certain any more that it leads: ${what}\n` +
      'Ask the daemon that leads, with the same request id if there is one: --server A,B finds it.',
  });
}

function tooSlow(): ApiError {
  return new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'READER_TOO_SLOW',
    message: `${MAX_STREAM_BUFFER} messages wait for this client to read them; the stream is ended\nConnect again and read faster.`,
  });
}

// The stream between an agent and the scheduler over the simulated network, in the protocol's own bytes: what the agent holds as its
// connection, and what the scheduler's session holds as its stream.
import type * as grpc from '@grpc/grpc-js';
import { sluice } from '../../common/proto.js';
import type { Connection } from '../../node-agent/agent-host.js';
import {
  CONNECT_LIMIT_MS,
  FIRST_PAUSE_MS,
  LAST_PAUSE_MS,
  LAST_PAUSE_OF_SEVERAL_MS,
  type ConnectionListener,
} from '../../node-agent/scheduler-connection.js';
import type { ConnectRequest, ConnectRequest__Output } from '../../proto/gen/sluice/v1/ConnectRequest.js';
import type { ConnectResponse } from '../../proto/gen/sluice/v1/ConnectResponse.js';
import type { AgentStream } from '../../scheduler/fleet/session.js';
import type { Random } from '../random.js';
import type { SimProcess } from './machine.js';
import { Wire, type End, type Link } from './network.js';
import type { Timeline } from './timeline.js';

const { requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } =
  sluice.AgentService.service.Connect;

/** The scheduler as a node reaches it. */
export interface Gate {
  /** The process that listens; null = none does. */
  readonly process: SimProcess | null;
  /** A node's stream arrived. */
  accept(stream: AgentStream): void;
  /** An order or an answer is about to leave. */
  sending(node: string, message: ConnectResponse): void;
}

/** One address of a scheduler, and the ways there. */
export interface Address {
  readonly link: Link;
  readonly gate: () => Gate;
}

/** The agent's side: keeps a stream open until it is ended, with the pauses of the real one. Of several addresses it tries the next. */
export class SimConnection implements Connection {
  readonly #node: string;
  readonly #process: SimProcess;
  readonly #listener: ConnectionListener;
  readonly #addresses: readonly Address[];
  readonly #timeline: Timeline;
  readonly #random: Random;
  #end: End<Buffer> | null = null;
  #failures = 0;
  /** The address in use, and how many failed since one was a scheduler. */
  #at = 0;
  #moves = 0;
  #isProven = false;
  #ended = false;

  constructor(
    node: string,
    process: SimProcess,
    listener: ConnectionListener,
    surroundings: {
      readonly addresses: readonly Address[];
      readonly timeline: Timeline;
      readonly random: Random;
    },
  ) {
    this.#node = node;
    this.#process = process;
    this.#listener = listener;
    this.#addresses = surroundings.addresses;
    this.#timeline = surroundings.timeline;
    this.#random = surroundings.random;
  }

  start(): void {
    const address = this.#addresses[this.#at];
    if (address === undefined) return;
    const { link } = address;
    const gate = address.gate();
    const { process: server } = gate;
    this.#isProven = false;
    if (server === null) {
      // Nobody listens: the machine says so, or nothing is heard of it.
      const refusedMs = link.up.isCut ? this.#silentMs(link) : link.up.nextDelayMs();
      this.#listener.opened();
      this.#process.after(refusedMs, 'connection refused', () => this.#lost());
      return;
    }
    const stream = new ServerStream();
    const wire: Wire<Buffer, Buffer> = new Wire(
      this.#timeline,
      { there: link.up, back: link.down },
      {
        process: this.#process,
        listener: {
          received: (bytes) => {
            if (this.#end === wire.a) this.#listener.received(responseDeserialize(bytes));
          },
          closed: () => {
            if (this.#end === wire.a) this.#lost();
          },
          drained: () => {
            if (this.#end === wire.a) this.#listener.drained();
          },
        },
      },
      { process: server, listener: stream },
    );
    stream.open(wire.b, gate, this.#node);
    this.#end = wire.a;
    this.#listener.opened();
  }

  proven(): void {
    this.#isProven = true;
    this.#failures = 0;
    this.#moves = 0;
  }

  send(message: ConnectRequest): boolean {
    const end = this.#end;
    if (end === null) return false;
    end.send(`up ${kindOf(message)}`, requestSerialize(message));
    return !end.isFull;
  }

  reset(): void {
    const end = this.#end;
    if (end === null) return;
    end.close('the agent left');
    // Heard of in a turn of its own, as from a socket.
    this.#process.after(0, 'connection reset', () => {
      if (this.#end === end) this.#lost();
    });
  }

  end(): Promise<void> {
    this.#ended = true;
    this.#end?.close('the agent ends');
    return Promise.resolve();
  }

  #lost(): void {
    this.#end = null;
    if (this.#ended) return;
    const isRoundOver = this.#moveOn();
    const lastMs = this.#addresses.length > 1 ? LAST_PAUSE_OF_SEVERAL_MS : LAST_PAUSE_MS;
    const longestMs = isRoundOver
      ? Math.min(lastMs, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 16))
      : FIRST_PAUSE_MS;
    if (isRoundOver) this.#failures += 1;
    this.#process.after(longestMs * (0.5 + this.#random.fraction() / 2), 'connects again', () => this.start());
    this.#listener.closed();
  }

  /** One that led is tried once more. @returns whether all were tried since the last pause */
  #moveOn(): boolean {
    const { length } = this.#addresses;
    if (length === 1) return true;
    if (this.#isProven) return false;
    this.#moves += 1;
    this.#at = (this.#at + 1) % length;
    return this.#moves % length === 0;
  }

  /** How long it takes until it gives up to be connected. */
  #silentMs(link: Link): number {
    return this.#addresses.length > 1 ? CONNECT_LIMIT_MS : link.up.nextKeepaliveMs();
  }
}

type DataListener = (message: ConnectRequest__Output) => void;

/** The scheduler's side, as gRPC would hand it to a session. */
class ServerStream implements AgentStream {
  readonly #data: DataListener[] = [];
  readonly #others = new Map<string, (() => void)[]>();
  readonly #waiting: ConnectRequest__Output[] = [];
  #isPaused = false;
  #isAccepted = false;
  #end: End<Buffer> | null = null;
  #gate: Gate | null = null;
  #node = '';

  open(end: End<Buffer>, gate: Gate, node: string): void {
    this.#end = end;
    this.#gate = gate;
    this.#node = node;
  }

  // --- what the network says ---

  received(bytes: Buffer): void {
    if (!this.#isAccepted) {
      this.#isAccepted = true;
      this.#gate?.accept(this);
    }
    this.#waiting.push(requestDeserialize(bytes));
    this.#deliver();
  }

  closed(): void {
    this.#tell('cancelled');
  }

  drained(): void {
    this.#tell('drain');
  }

  // --- what the session says ---

  on(event: 'data', listener: DataListener): this;
  on(event: string, listener: () => void): this;
  on(event: string, listener: DataListener | (() => void)): this {
    if (event === 'data') this.#data.push(listener as DataListener);
    else this.#others.set(event, [...(this.#others.get(event) ?? []), listener as () => void]);
    return this;
  }

  get writableNeedDrain(): boolean {
    return this.#end?.isFull ?? false;
  }

  write(message: ConnectResponse): boolean {
    this.#gate?.sending(this.#node, message);
    this.#end?.send(`down ${kindOf(message)}`, responseSerialize(message));
    return !this.writableNeedDrain;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#deliver();
  }

  end(): void {
    this.#end?.close('the scheduler ended it');
  }

  emit(event: 'error', error: grpc.ServiceError): boolean {
    this.#tell(event);
    this.#end?.close(error.message);
    return true;
  }

  #deliver(): void {
    while (!this.#isPaused) {
      const message = this.#waiting.shift();
      if (message === undefined) return;
      for (const listener of this.#data) listener(message);
    }
  }

  #tell(event: string): void {
    for (const listener of this.#others.get(event) ?? []) listener();
  }
}

function kindOf(message: ConnectRequest | ConnectResponse): string {
  for (const kind in message) return kind;
  return 'nothing';
}

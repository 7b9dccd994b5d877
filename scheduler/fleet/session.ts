// One agent's stream: hello first, then heartbeats, observations, inventory and telemetry up; orders and log reads down.
import { status } from '@grpc/grpc-js';
import type * as grpc from '@grpc/grpc-js';
import { ApiError, toServiceError } from '../../common/errors.js';
import type { NodeId } from '../../common/ids.js';
import type { Logger } from '../../common/log.js';
import { toDuration } from '../../common/units.js';
import type { ConnectRequest__Output } from '../../proto/gen/sluice/v1/ConnectRequest.js';
import type { ConnectResponse } from '../../proto/gen/sluice/v1/ConnectResponse.js';
import type { LogData__Output } from '../../proto/gen/sluice/v1/LogData.js';
import type { AgentHello__Output } from '../../proto/gen/sluice/v1/AgentHello.js';
import { updateInventory, type NodeReport } from '../control/commands/nodes.js';
import type { ControlLoop } from '../control/loop.js';
import { desiredOf } from './desired.js';
import type { Fleet } from './fleet.js';
import { parseHello, parseInventory, parseObserved } from './observed.js';
import { takeObservation, welcomeNode } from './reconcile.js';

/** The scheduler's end of an agent's stream, as far as a session uses it: one of gRPC fits. */
export interface AgentStream {
  on(event: 'data', listener: (message: ConnectRequest__Output) => void): unknown;
  on(event: 'drain' | 'end' | 'error' | 'cancelled', listener: () => void): unknown;
  /** Whether more should wait until `drain`. */
  readonly writableNeedDrain: boolean;
  write(message: ConnectResponse): boolean;
  /** Reads nothing more until `resume`. */
  pause(): unknown;
  resume(): unknown;
  end(): unknown;
  /** Ends the stream with an error that the agent is told. */
  emit(event: 'error', error: grpc.ServiceError): boolean;
}

/** Log reads one agent may have open at once. */
const MAX_OPEN_LOG_READS = 1_000;
/** Messages of one agent that may wait to be worked off; until there are fewer, nothing more is read from it. */
const MAX_WAITING_MESSAGES = 64;

/** A piece of a log that was asked for. */
export interface LogRequest {
  readonly allocation: string;
  readonly offset: number;
  readonly maxBytes: number;
  readonly wait: boolean;
}

export interface SessionDependencies {
  readonly loop: ControlLoop;
  readonly fleet: Fleet;
  readonly log: Logger;
  /** Refuses an agent whose token is for another node; throws PERMISSION_DENIED. */
  readonly authorizeNode: (name: string) => void;
}

/** The session of one agent. */
export class AgentSession {
  readonly #stream: AgentStream;
  readonly #deps: SessionDependencies;
  /** Reads under way by what they ask: many who follow a quiet log, and those who left, share one. */
  readonly #sharedReads = new Map<string, Promise<LogData__Output>>();
  readonly #logReads = new Map<number, { resolve: (data: LogData__Output) => void; reject: (error: Error) => void }>();
  #node: NodeId | null = null;
  #nextLogRead = 1;
  #ended = false;
  /** Messages are worked off one after the other, so that an observation never overtakes the hello. */
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** The orders changed while the agent was not reading; the newest go out once it does. */
  #ordersAreDue = false;

  constructor(stream: AgentStream, deps: SessionDependencies) {
    this.#stream = stream;
    this.#deps = deps;
    stream.on('data', (message: ConnectRequest__Output) => {
      // Answers to log reads and heartbeats change no state; they must not wait behind what does.
      if (message.message === 'logData' && message.logData !== null && message.logData !== undefined) {
        this.#takeLogData(message.logData);
      } else if (message.heartbeat && this.#node !== null) {
        this.#answer(this.#node, message.heartbeat.sequence);
      } else {
        this.#enqueue(message);
      }
    });
    stream.on('drain', () => {
      if (this.#ordersAreDue) this.sendDesired();
    });
    stream.on('end', () => this.end());
    stream.on('error', () => this.end());
    stream.on('cancelled', () => this.end());
  }

  /** Sends the full set of what the node should have, as of the last commit. */
  sendDesired(): void {
    const node = this.#node;
    if (node === null) return;
    this.#ordersAreDue = this.#stream.writableNeedDrain;
    if (this.#ordersAreDue) return;
    const { loop } = this.#deps;
    void loop.read((state, _view, position) => {
      this.#send({ desired: desiredOf(state, node, { ...position, leaderId: loop.leaderId }) });
    });
  }

  /** Asks the agent for a piece of a log. Rejects with UNAVAILABLE when the session ends first. */
  readLog(request: LogRequest): Promise<LogData__Output> {
    if (this.#ended) return Promise.reject(agentGone());
    const what = `${request.allocation}/${request.offset}/${request.maxBytes}/${request.wait}`;
    const shared = this.#sharedReads.get(what);
    if (shared !== undefined) return shared;
    if (this.#logReads.size >= MAX_OPEN_LOG_READS) return Promise.reject(tooManyLogReads());
    const id = this.#nextLogRead;
    this.#nextLogRead += 1;
    const read = new Promise<LogData__Output>((resolve, reject) => {
      const over = (): boolean => this.#sharedReads.delete(what);
      this.#logReads.set(id, {
        resolve: (data) => (over(), resolve(data)),
        reject: (error) => (over(), reject(error)),
      });
      this.#send({ logRead: { id, ...request } });
    });
    this.#sharedReads.set(what, read);
    return read;
  }

  /** Ends the stream; the agent keeps its tasks and comes back. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#node !== null) this.#deps.fleet.leave(this.#node, this);
    for (const { reject } of this.#logReads.values()) reject(agentGone());
    this.#logReads.clear();
    this.#stream.end();
  }

  #enqueue(message: ConnectRequest__Output): void {
    this.#waiting += 1;
    if (this.#waiting >= MAX_WAITING_MESSAGES) this.#stream.pause();
    this.#work = this.#work
      .then(() => this.#take(message))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#waiting -= 1;
        if (this.#waiting < MAX_WAITING_MESSAGES) this.#stream.resume();
      });
  }

  /** The lease is granted by the answer, so the answer goes first. */
  #answer(node: NodeId, sequence: number): void {
    if (this.#ended) return;
    this.#send({ heartbeatReply: { sequence } });
    this.#deps.fleet.answered(node);
  }

  async #take(message: ConnectRequest__Output): Promise<void> {
    if (this.#ended) return;
    if (message.hello) {
      await this.#welcome(message.hello);
      return;
    }
    const node = this.#node;
    if (node === null) {
      throw new ApiError({
        code: status.FAILED_PRECONDITION,
        reason: 'HELLO_FIRST',
        message: 'an agent says hello first',
      });
    }
    if (message.heartbeat) {
      this.#answer(node, message.heartbeat.sequence);
    } else if (message.observed) {
      await this.#deps.loop.execute(takeObservation(node, message.observed.allocations.map(parseObserved)));
    } else if (message.inventory) {
      await this.#deps.loop.execute(updateInventory(node, parseInventory(message.inventory.inventory)));
    } else if (message.telemetry) {
      for (const { uuid, telemetry } of message.telemetry.gpus) {
        if (telemetry !== null) this.#deps.fleet.noteTelemetry(uuid, telemetry);
      }
    }
  }

  async #welcome(hello: AgentHello__Output): Promise<void> {
    if (this.#node !== null) throw helloTwice();
    const report = parseHello(hello);
    const { loop, fleet, authorizeNode } = this.#deps;
    authorizeNode(report.name);
    refuseLostHistory(hello, loop);
    const known = await loop.read((state) => state.node(report.id) ?? null);
    if (known !== null) {
      // A token for one node must not take over another one by giving it the name that the token is for.
      authorizeNode(known.name);
      if (known.bootId !== report.bootId && fleet.softState(known.id).liveness === 'ready') throw twin(report);
    }
    fleet.supersede(report.id);
    const node = await loop.execute(welcomeNode(report, hello.allocations.map(parseObserved)));
    const { lineage, epoch } = loop.position;
    const clusterId = await loop.read((state) => state.meta.clusterId);
    // The stream may have ended meanwhile: a session without one would pass for the node's for ever.
    if (this.#ended) return;
    this.#node = node.id;
    this.#send({
      welcome: {
        clusterId,
        lineage,
        epoch,
        heartbeatInterval: toDuration(fleet.options.heartbeatMs),
        lease: toDuration(fleet.options.leaseMs),
      },
    });
    fleet.join(node.id, this);
    this.sendDesired();
    this.#deps.log.info({ node: node.name, id: node.id, gpus: node.gpus.length }, 'node joined');
  }

  #takeLogData(data: LogData__Output): void {
    const waiting = this.#logReads.get(data.id);
    this.#logReads.delete(data.id);
    waiting?.resolve(data);
  }

  #send(message: ConnectResponse): void {
    if (!this.#ended) this.#stream.write(message);
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    if (!(error instanceof ApiError)) this.#deps.log.error({ err: error, node: this.#node }, 'an agent session failed');
    const told =
      error instanceof ApiError
        ? error
        : new ApiError({ code: status.INTERNAL, reason: 'INTERNAL', message: 'the scheduler failed on this message' });
    this.#stream.emit('error', toServiceError(told));
    this.end();
  }
}

/** An agent that obeyed later orders of this history than the store knows means that history was lost. */
function refuseLostHistory(hello: AgentHello__Output, loop: ControlLoop): void {
  const { lineage, epoch, revision } = loop.position;
  const later = hello.maxEpoch > epoch || (hello.maxEpoch === epoch && hello.maxRevision > revision);
  if (hello.lineage !== lineage || !later) return;
  throw new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'HISTORY_LOST',
    message:
      `this agent obeyed epoch ${hello.maxEpoch} revision ${hello.maxRevision}, ` +
      `but the store ends at epoch ${epoch} revision ${revision}: part of its history was lost\n` +
      'Restore the newest copy of the data directory.',
  });
}

function helloTwice(): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'HELLO_TWICE',
    message: 'an agent says hello once a stream',
  });
}

/** Two machines with one identity would both carry out what one of them is asked for. */
function twin({ id, name }: NodeReport): ApiError {
  return new ApiError({
    code: status.ALREADY_EXISTS,
    reason: 'NODE_IS_CONNECTED',
    message:
      `node ${id} ("${name}") is connected from another machine, or from this one before a reboot that just happened\n` +
      'If this machine is a copy of another one, delete the --state-dir of this agent; else wait for the next try.',
    metadata: { node: name, id },
  });
}

function agentGone(): ApiError {
  return new ApiError({ code: status.UNAVAILABLE, reason: 'NODE_NOT_READY', message: 'the node is not connected' });
}

function tooManyLogReads(): ApiError {
  return new ApiError({
    code: status.RESOURCE_EXHAUSTED,
    reason: 'TOO_MANY_LOG_READS',
    message: `${MAX_OPEN_LOG_READS} log reads of this node are open already\nTry again in a moment.`,
  });
}

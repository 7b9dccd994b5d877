// One agent's stream: hello first, then heartbeats, observations, inventory and telemetry up; orders and log reads down.
import { status } from '@grpc/grpc-js';
import type * as grpc from '@grpc/grpc-js';
import { ApiError, toServiceError } from '../../common/errors.js';
import type { AllocationId, NodeId } from '../../common/ids.js';
import type { Logger } from '../../common/log.js';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { fromDuration, fromTimestamp, plural, toDuration, toTimestamp } from '../../common/units.js';
import type { ConnectRequest__Output } from '../../proto/gen/sluice/v1/ConnectRequest.js';
import type { ConnectResponse } from '../../proto/gen/sluice/v1/ConnectResponse.js';
import type { ExecOpen } from '../../proto/gen/sluice/v1/ExecOpen.js';
import type { LogData__Output } from '../../proto/gen/sluice/v1/LogData.js';
import type { LogRead } from '../../proto/gen/sluice/v1/LogRead.js';
import type { HealthEvent__Output } from '../../proto/gen/sluice/v1/HealthEvent.js';
import type { TaskUse__Output } from '../../proto/gen/sluice/v1/TaskUse.js';
import type { Heartbeat__Output } from '../../proto/gen/sluice/v1/Heartbeat.js';
import type { AgentHello__Output } from '../../proto/gen/sluice/v1/AgentHello.js';
import { takeHealth } from '../control/commands/gpu-health.js';
import { findIdle, reclaimIdle } from '../control/commands/idle.js';
import { updateInventory, type NodeReport } from '../control/commands/nodes.js';
import type { ControlLoop } from '../control/loop.js';
import { readOrigin } from '../model/origin.js';
import { desiredOf, type OrderExtras } from './desired.js';
import type { Fleet } from './fleet.js';
import { parseHealthEvents, parseHello, parseInventory, parseObserved, parseUse, type Observed } from './observed.js';
import { PLAIN_PAST, takeObservation, welcomeNode, type Past } from './reconcile.js';
import { hear, type Testimony } from './witness.js';

/** The scheduler's end of an agent's stream, as far as a session uses it: one of gRPC fits. */
export interface AgentStream {
  on(event: 'data', listener: (message: ConnectRequest__Output) => void): unknown;
  on(event: 'drain' | 'end' | 'error' | 'cancelled', listener: () => void): unknown;
  /** Whether more should wait until `drain`. */
  readonly writableNeedDrain: boolean;
  /** Where it comes from; absent = that cannot be told. */
  getPeer?(): string;
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
/** Origins asked for at once; a node has no more tasks than that at once. */
const MAX_ORIGINS = 4_096;
/** How long an agent may take to tell them; later it has to say hello again. */
export const ORIGINS_MS = 30_000;
/** Messages of one agent that may wait to be worked off; until there are fewer, nothing more is read from it. */
const MAX_WAITING_MESSAGES = 64;

/** A piece of a log that was asked for. */
export interface LogRequest {
  readonly allocation: string;
  readonly offset: number;
  readonly maxBytes: number;
  readonly wait: boolean;
  /** Begin no earlier than with what was written at or after this time, in ms since 1970. */
  readonly sinceMs?: number;
  /** Tell when it was written. */
  readonly times?: boolean;
  /** The log of standard error, where it has one of its own. */
  readonly stderr?: boolean;
}

/** Readers of one piece; when the last one leaves the agent is told that nobody waits for it. */
interface SharedRead {
  readonly id: number;
  readonly data: Promise<LogData__Output>;
  readers: number;
}

export interface SessionDependencies {
  readonly loop: ControlLoop;
  readonly fleet: Fleet;
  readonly log: Logger;
  /** Refuses an agent whose token is for another node; throws PERMISSION_DENIED. */
  readonly authorizeNode: (name: string) => void;
  /** What orders tell beside what the state says. */
  readonly extras?: OrderExtras;
}

/** The session of one agent. */
export class AgentSession {
  readonly #stream: AgentStream;
  readonly #deps: SessionDependencies;
  /** Reads under way by what they ask: many who follow a quiet log share one. */
  readonly #sharedReads = new Map<string, SharedRead>();
  readonly #logReads = new Map<number, { resolve: (data: LogData__Output) => void; reject: (error: Error) => void }>();
  readonly #origins = new Map<string, { resolve: (text: string) => void; reject: (error: Error) => void }>();
  #node: NodeId | null = null;
  /** The term in which it was welcomed: orders of another one are not for this stream. */
  #epoch = 0;
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
      } else if (message.message === 'origin' && message.origin !== null && message.origin !== undefined) {
        // The hello waits for them, so they cannot wait behind it.
        this.#origins.get(message.origin.allocation)?.resolve(message.origin.origin);
      } else if (message.heartbeat && this.#node !== null) {
        this.#answer(this.#node, message.heartbeat);
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
    const { loop, fleet, extras } = this.#deps;
    void loop.read((state, _view, position) => {
      if (position.epoch !== this.#epoch) {
        this.end();
        return;
      }
      const orders = { ...position, leaderId: loop.leaderId };
      this.#send({ desired: desiredOf(state, node, orders, extras, fleet.options.gpu.reset) });
    });
  }

  /**
   * Asks the agent for a piece of a log. Rejects with UNAVAILABLE when the session ends first.
   * @param left the reader is gone; once all who share a read are, the agent gives it up, and it never resolves
   */
  readLog(request: LogRequest, left?: AbortSignal): Promise<LogData__Output> {
    if (this.#ended) return Promise.reject(agentGone());
    const { sinceMs, ...rest } = request;
    const what = JSON.stringify(request);
    let shared = this.#sharedReads.get(what);
    if (shared === undefined) {
      if (this.#logReads.size >= MAX_OPEN_LOG_READS) return Promise.reject(tooManyLogReads());
      shared = this.#openLogRead(what, { ...rest, since: toTimestamp(sinceMs ?? null) });
      this.#sharedReads.set(what, shared);
    }
    const joined = shared;
    joined.readers += 1;
    if (left === undefined) return joined.data;
    const leave = (): void => this.#leaveLogRead(what, joined);
    if (left.aborted) leave();
    else left.addEventListener('abort', leave, { once: true });
    return joined.data.finally(() => left.removeEventListener('abort', leave));
  }

  /** Tells the agent that somebody wants to run something inside a task; its answer is a stream of its own. */
  openExec(open: ExecOpen): void {
    this.#send({ execOpen: open });
  }

  #openLogRead(what: string, request: Omit<LogRead, 'id'>): SharedRead {
    const id = this.#nextLogRead;
    this.#nextLogRead += 1;
    const over = (): boolean => this.#sharedReads.delete(what);
    const data = new Promise<LogData__Output>((resolve, reject) => {
      this.#logReads.set(id, {
        resolve: (answer) => (over(), resolve(answer)),
        reject: (error) => (over(), reject(error)),
      });
    });
    this.#send({ logRead: { id, ...request } });
    return { id, data, readers: 0 };
  }

  #leaveLogRead(what: string, read: SharedRead): void {
    read.readers -= 1;
    if (read.readers > 0 || !this.#logReads.delete(read.id)) return;
    this.#sharedReads.delete(what);
    this.#send({ logCancel: { id: read.id } });
  }

  /** Ends the stream; the agent keeps its tasks and comes back. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#node !== null) this.#deps.fleet.leave(this.#node, this);
    for (const { reject } of this.#logReads.values()) reject(agentGone());
    this.#logReads.clear();
    for (const { reject } of this.#origins.values()) reject(agentGone());
    this.#origins.clear();
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
  #answer(node: NodeId, { sequence, time }: Heartbeat__Output): void {
    if (this.#ended) return;
    this.#send({ heartbeatReply: { sequence, revision: this.#deps.loop.position.revision } });
    if (this.#ended) return;
    this.#deps.fleet.answered(node);
    const wallMs = fromTimestamp(time);
    if (wallMs !== null) this.#deps.fleet.noteClock(node, wallMs);
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
      this.#answer(node, message.heartbeat);
    } else if (message.observed) {
      const { loop, fleet } = this.#deps;
      const observed = message.observed.allocations.map(parseObserved);
      fleet.noteFindings(node, await loop.execute(takeObservation(node, observed, fleet.options)));
    } else if (message.inventory) {
      const { loop, fleet } = this.#deps;
      const report = parseInventory(message.inventory.inventory);
      fleet.noteHealth(node, await loop.execute(updateInventory(node, report, fleet.options.gpu)));
    } else if (message.health) {
      await this.#takeHealth(node, message.health.events);
    } else if (message.telemetry) {
      for (const { uuid, telemetry } of message.telemetry.gpus) {
        if (telemetry !== null) this.#deps.fleet.noteTelemetry(uuid, telemetry);
      }
      const uses = message.telemetry.uses.flatMap(({ allocation, use }) =>
        use === null ? [] : [[allocation as AllocationId, parseUse(use)] as const],
      );
      await this.#deps.fleet.noteUses(node, uses);
      await this.#lookAtIdle(message.telemetry.tasks);
    }
  }

  /** A command only when there is something to do: this comes every few seconds from every node. */
  async #lookAtIdle(tasks: readonly TaskUse__Output[]): Promise<void> {
    if (tasks.length === 0) return;
    const { loop, fleet } = this.#deps;
    const reports = tasks.map(({ allocation, idle }) => ({
      allocation: allocation as AllocationId,
      idleMs: fromDuration(idle) ?? 0,
    }));
    const gpuIdleMs = (uuid: string): number => fleet.idleMs(uuid);
    const isDue = await loop.read((state) =>
      reports.some((report) => findIdle(state, report, gpuIdleMs, null) !== null),
    );
    if (!isDue) return;
    for (const notice of await loop.execute(reclaimIdle(reports, gpuIdleMs))) this.#send({ terminalNotice: notice });
  }

  /** Acknowledged once it is durable, and not before: the agent forgets what is. */
  async #takeHealth(node: NodeId, messages: readonly HealthEvent__Output[]): Promise<void> {
    const { loop, fleet } = this.#deps;
    const findings = await loop.execute(takeHealth(node, parseHealthEvents(messages), fleet.options.gpu));
    fleet.noteXids(findings.xids);
    fleet.noteHealth(node, findings.notes);
    if (findings.through > 0) this.#send({ healthAck: { through: findings.through } });
  }

  async #welcome(hello: AgentHello__Output): Promise<void> {
    if (this.#node !== null) throw helloTwice();
    const report = parseHello(hello, this.#stream.getPeer?.() ?? '');
    const { loop, fleet, authorizeNode } = this.#deps;
    authorizeNode(report.name);
    const { epoch, testimony } = await loop.read(({ meta }, _view, position) => {
      const { clusterId, pastLineages = [], terms = [] } = meta;
      const cluster = { clusterId, pastLineages, terms, isStoreShared: fleet.isStoreShared };
      return { epoch: position.epoch, testimony: hear(hello, cluster, position) };
    });
    const { knowsMore } = await this.#judge(testimony, report.name);
    const known = await loop.read((state) => state.node(report.id) ?? null);
    if (known !== null) {
      // A token for one node must not take over another one by giving it the name that the token is for.
      authorizeNode(known.name);
      if (known.bootId !== report.bootId && fleet.softState(known.id).liveness === 'ready') throw twin(report);
    }
    const observed = hello.allocations.map(parseObserved);
    const origins = knowsMore ? await this.#askOrigins(observed) : PLAIN_PAST.origins;
    const past: Past = { knowsMore, origins, generations: hello.generations };
    if (!fleet.supersede(report.id, { bootId: report.bootId, openedMs: hello.openedMs })) throw overtaken();
    const events = parseHealthEvents(hello.healthEvents);
    const { node, health, ...findings } = await loop.execute(
      welcomeNode(report, observed, past, fleet.options, events),
    );
    const { clusterId, isKnown } = await loop.read((state) => ({
      clusterId: state.meta.clusterId,
      isKnown: state.node(node.id) !== undefined,
    }));
    const { lineage } = loop.position;
    // A term that began meanwhile may belong to another history, in which this hello would have been judged otherwise.
    if (loop.position.epoch !== epoch) throw comeBack('a new term began meanwhile');
    if (!isKnown) throw removedMeanwhile(node.name);
    // The stream may have ended meanwhile: a session without one would pass for the node's for ever.
    if (this.#ended) return;
    this.#node = node.id;
    this.#epoch = epoch;
    this.#send({
      welcome: {
        clusterId,
        lineage,
        epoch,
        leaderId: loop.leaderId,
        heartbeatInterval: toDuration(fleet.options.heartbeatMs),
        lease: toDuration(fleet.options.leaseMs),
        serverVersion: PACKAGE_VERSION,
        serverTime: toTimestamp(fleet.wallMs()),
      },
    });
    fleet.join(node.id, this);
    fleet.noteFindings(node.id, findings);
    fleet.noteXids(health.xids);
    fleet.noteHealth(node.id, health.notes);
    if (health.through > 0) this.#send({ healthAck: { through: health.through } });
    this.sendDesired();
    this.#deps.log.info({ node: node.name, id: node.id, gpus: node.gpus.length }, 'node joined');
  }

  /** Does what the agent's memory of its past asks for. @throws ApiError when it has to come back, or does not belong here */
  async #judge(testimony: Testimony, name: string): Promise<{ readonly knowsMore: boolean }> {
    const { fleet, log } = this.#deps;
    switch (testimony.type) {
      case 'follows':
        return testimony;
      case 'refuse':
        log.warn({ node: name, why: testimony.why }, 'an agent is refused');
        throw new ApiError({ code: status.FAILED_PRECONDITION, reason: testimony.reason, message: testimony.why });
      case 'epoch too low':
        await fleet.beginTermAbove(testimony.aboveEpoch, `${testimony.why}, as node ${name} tells`);
        throw comeBack(testimony.why);
      case 'history lost':
        await fleet.beginHistoryAbove(testimony.aboveEpoch, `node ${name} tells: ${testimony.why}`);
        throw comeBack(`part of the history was lost: ${testimony.why}`);
    }
  }

  /** What the agent kept of the workloads that the store does not know. Its answers come one by one: specs may be long. */
  async #askOrigins(observed: readonly Observed[]): Promise<Past['origins']> {
    const unknown = await this.#deps.loop.read((state) =>
      observed.filter((one) => !one.neverStarted && state.allocation(one.id) === undefined).slice(0, MAX_ORIGINS),
    );
    const answers = unknown.map(async ({ id }) => {
      const text = await new Promise<string>((resolve, reject) => this.#origins.set(id, { resolve, reject }));
      return [id, readOrigin(text)] as const;
    });
    if (unknown.length > 0) this.#send({ originRequest: { allocations: unknown.map(({ id }) => id) } });
    // Whoever never answers would be neither welcome nor gone: his lease would not even run out.
    const late = this.#deps.fleet.after(ORIGINS_MS, () => {
      for (const { reject } of this.#origins.values()) reject(originsLate(unknown.length));
    });
    const origins = await Promise.all(answers).finally(() => late.cancel());
    this.#origins.clear();
    return new Map(origins.flatMap(([id, origin]) => (origin === null ? [] : [[id, origin] as const])));
  }

  #takeLogData(data: LogData__Output): void {
    const waiting = this.#logReads.get(data.id);
    this.#logReads.delete(data.id);
    waiting?.resolve(data);
  }

  /** A daemon that was stopped, or cut off, must neither order anything nor keep an agent from its new leader by answering. */
  #send(message: ConnectResponse): void {
    if (this.#ended) return;
    if (this.#deps.fleet.mayTell) this.#stream.write(message);
    else this.end();
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

/** The agent's next hello will be judged by what has just begun. */
function comeBack(why: string): ApiError {
  return new ApiError({
    code: status.UNAVAILABLE,
    reason: 'NEW_TERM',
    message: `the scheduler begins a new term (${why})\nThe agent comes back by itself.`,
  });
}

/** A person saw the node away, and removed it, while its agent came back. */
function removedMeanwhile(name: string): ApiError {
  return new ApiError({
    code: status.UNAVAILABLE,
    reason: 'NODE_REMOVED',
    message: `node ${name} was removed while its agent came back\nThe agent comes back by itself, and registers it anew.`,
    metadata: { node: name },
  });
}

function helloTwice(): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'HELLO_TWICE',
    message: 'an agent says hello once a stream',
  });
}

/** A hello that was under way while the agent had opened another stream. */
function overtaken(): ApiError {
  return new ApiError({
    code: status.ABORTED,
    reason: 'STREAM_OVERTAKEN',
    message: 'this node has opened a later stream; what this one says is past',
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

function originsLate(asked: number): ApiError {
  return new ApiError({
    code: status.UNAVAILABLE,
    reason: 'ORIGINS_LATE',
    message:
      `the agent was asked for what it keeps of ${plural(asked, 'allocation')} that the scheduler does not know, and did ` +
      `not tell all of it within ${ORIGINS_MS / 1_000} s\nThe agent comes back by itself.`,
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

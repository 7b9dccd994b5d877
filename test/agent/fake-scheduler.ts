// A scheduler for tests: takes one agent's stream, answers heartbeats, sends the orders a test sets, and keeps what it hears.
import * as grpc from '@grpc/grpc-js';
import { sluice } from '../../common/proto.js';
import { toDuration } from '../../common/units.js';
import type { AgentHello__Output } from '../../proto/gen/sluice/v1/AgentHello.js';
import type { ConnectRequest__Output } from '../../proto/gen/sluice/v1/ConnectRequest.js';
import type { ConnectResponse } from '../../proto/gen/sluice/v1/ConnectResponse.js';
import type { DesiredAllocation } from '../../proto/gen/sluice/v1/DesiredAllocation.js';
import type { LogData__Output } from '../../proto/gen/sluice/v1/LogData.js';
import type { LogRead } from '../../proto/gen/sluice/v1/LogRead.js';
import type { ObservedAllocation__Output } from '../../proto/gen/sluice/v1/ObservedAllocation.js';
import { eventually } from './eventually.js';

export interface FakeSchedulerOptions {
  readonly heartbeatMs?: number;
  readonly leaseMs?: number;
  readonly clusterId?: string;
  readonly lineage?: string;
  readonly epoch?: number;
}

type Stream = grpc.ServerDuplexStream<ConnectRequest__Output, ConnectResponse>;

export class FakeScheduler {
  readonly hellos: AgentHello__Output[] = [];
  readonly telemetry: ConnectRequest__Output[] = [];
  readonly tokens: string[] = [];
  /** Every state each allocation was ever seen in, in order. */
  readonly history = new Map<string, string[]>();
  #options: Required<FakeSchedulerOptions>;
  readonly #server = new grpc.Server();
  readonly #logReads = new Map<number, (data: LogData__Output) => void>();
  #stream: Stream | null = null;
  #observed = new Map<string, ObservedAllocation__Output>();
  #desired: DesiredAllocation[] = [];
  #revision = 0;
  #lastLogRead = 0;
  heartbeats = 0;
  answersHeartbeats = true;
  address = '';

  private constructor(options: FakeSchedulerOptions) {
    this.#options = { heartbeatMs: 100, leaseMs: 5_000, clusterId: 'c1', lineage: 'l1', epoch: 1, ...options };
    this.#server.addService(sluice.AgentService.service, { Connect: (stream: Stream) => this.#take(stream) });
  }

  static async start(options: FakeSchedulerOptions = {}, credentials?: grpc.ServerCredentials): Promise<FakeScheduler> {
    const scheduler = new FakeScheduler(options);
    await scheduler.listen(0, credentials);
    return scheduler;
  }

  async listen(port: number, credentials = grpc.ServerCredentials.createInsecure()): Promise<void> {
    const bound = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${port}`, credentials, (error, found) =>
        error ? reject(error) : resolve(found),
      );
    });
    this.address = `127.0.0.1:${bound}`;
  }

  stop(): void {
    this.#server.forceShutdown();
  }

  /** Cuts the agent's stream; it comes back. */
  cut(options: FakeSchedulerOptions = {}): void {
    this.#options = { ...this.#options, ...options };
    this.#stream?.emit('error', { code: grpc.status.UNAVAILABLE, details: 'cut by the test' });
    this.#stream = null;
  }

  /** Sets the full set of what the node should have. */
  order(allocations: readonly DesiredAllocation[], at: { epoch?: number; revision?: number } = {}): void {
    this.#desired = [...allocations];
    this.#revision = at.revision ?? this.#revision + 1;
    this.#sendDesired(at.epoch);
  }

  observed(id: string): ObservedAllocation__Output | undefined {
    return this.#observed.get(id);
  }

  get connected(): boolean {
    return this.#stream !== null;
  }

  readLog(read: Omit<LogRead, 'id'>): Promise<LogData__Output> {
    this.#lastLogRead += 1;
    const id = this.#lastLogRead;
    return new Promise((resolve) => {
      this.#logReads.set(id, resolve);
      this.#stream?.write({ logRead: { id, maxBytes: 65_536, ...read } });
    });
  }

  /** The whole log of an allocation that ended. */
  async wholeLog(allocation: string): Promise<string> {
    let text = '';
    for (let offset = 0; ;) {
      const piece = await this.readLog({ allocation, offset, wait: true });
      if (piece.error !== '') throw new Error(piece.error);
      text += piece.data.toString('utf8');
      offset = piece.offset + piece.data.length;
      if (piece.end) return text;
    }
  }

  /** Waits until an allocation is in a state. */
  until(id: string, state: string, limitMs?: number): Promise<ObservedAllocation__Output> {
    return eventually(
      `allocation ${id} is ${state}`,
      () => {
        const one = this.#observed.get(id);
        return one?.state === `OBSERVED_STATE_${state}` ? one : null;
      },
      limitMs,
    );
  }

  #take(stream: Stream): void {
    this.tokens.push(String(stream.metadata.get('authorization')[0] ?? ''));
    stream.on('error', () => this.#gone(stream));
    stream.on('cancelled', () => this.#gone(stream));
    stream.on('end', () => {
      this.#gone(stream);
      stream.end();
    });
    stream.on('data', (message: ConnectRequest__Output) => {
      if (message.hello) {
        this.#stream = stream;
        this.hellos.push(message.hello);
        this.#note(message.hello.allocations);
        const { clusterId, lineage, epoch, heartbeatMs, leaseMs } = this.#options;
        stream.write({
          welcome: {
            clusterId,
            lineage,
            epoch,
            heartbeatInterval: toDuration(heartbeatMs),
            lease: toDuration(leaseMs),
          },
        });
        this.#sendDesired();
      } else if (message.heartbeat) {
        this.heartbeats += 1;
        if (this.answersHeartbeats) stream.write({ heartbeatReply: { sequence: message.heartbeat.sequence } });
      } else if (message.observed) {
        this.#note(message.observed.allocations);
      } else if (message.telemetry) {
        this.telemetry.push(message);
      } else if (message.logData) {
        this.#logReads.get(message.logData.id)?.(message.logData);
      }
    });
  }

  #gone(stream: Stream): void {
    if (this.#stream === stream) this.#stream = null;
  }

  #note(allocations: readonly ObservedAllocation__Output[]): void {
    this.#observed = new Map(allocations.map((one) => [one.id, one]));
    for (const { id, state } of allocations) {
      const seen = this.history.get(id) ?? [];
      if (seen.at(-1) !== state) this.history.set(id, [...seen, state]);
    }
  }

  #sendDesired(epoch = this.#options.epoch): void {
    this.#stream?.write({ desired: { epoch, revision: this.#revision, allocations: this.#desired } });
  }
}

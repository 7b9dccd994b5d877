// A client that records what it asks and is told, and repeats nothing by itself: a call that is sent twice could be carried
// out twice, and the record would not say so. It speaks to one of several addresses at a time.
import * as grpc from '@grpc/grpc-js';
import { fromServiceError } from '../../common/errors.js';
import { MAX_MESSAGE_BYTES, sluice } from '../../common/proto.js';
import type { Workload__Output } from '../../proto/gen/sluice/v1/Workload.js';
import type { WorkloadSpec } from '../../proto/gen/sluice/v1/WorkloadSpec.js';
import type { History } from '../history/history.js';
import type { Answer, Request, Seen, SeenState } from '../history/operation.js';

const DEADLINE_MS = 2_000;
/** More than one history has, of workloads that are the latest of their queue. */
const PAGE_SIZE = 16;
/** Of gRPC's codes: the call may have been carried out or not. */
const DOUBTFUL = new Set([
  grpc.status.CANCELLED,
  grpc.status.UNKNOWN,
  grpc.status.DEADLINE_EXCEEDED,
  grpc.status.RESOURCE_EXHAUSTED,
  grpc.status.ABORTED,
  grpc.status.INTERNAL,
  grpc.status.UNAVAILABLE,
]);
/** What a daemon says that does not lead: nothing was done. */
const NOT_LEADING = 'NOT_LEADER';

/** How to be let in. */
export interface Entrance {
  /** `HOST:PORT`, one or several. */
  readonly addresses: readonly [string, ...string[]];
  readonly token?: string;
  /** PEM text of the authority of the server's certificate; switches TLS on. */
  readonly tlsCa?: string;
}

/** How a call went: `refused` and `broken` are worth a pause, or another address. */
export type Outcome = 'answered' | 'refused' | 'broken';

type Stub = InstanceType<typeof sluice.WorkloadService>;

/** One person who does one thing after the other. */
export class RecordedClient {
  readonly #stubs: readonly [Stub, ...Stub[]];
  readonly #metadata = new grpc.Metadata();
  readonly #odd: (what: string) => void;
  readonly #acknowledged: () => void;
  #at: number;

  /**
   * @param odd called with an answer that no scheduler should give
   * @param acknowledged called whenever a change was acknowledged
   */
  constructor(
    { addresses, token, tlsCa }: Entrance,
    first: number,
    odd: (what: string) => void,
    acknowledged: () => void,
  ) {
    const credentials =
      tlsCa === undefined ? grpc.credentials.createInsecure() : grpc.credentials.createSsl(Buffer.from(tlsCa));
    const options: grpc.ClientOptions = {
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.initial_reconnect_backoff_ms': 200,
      'grpc.max_reconnect_backoff_ms': 1_000,
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      // A channel of its own: a connection that hangs must not be everybody's.
      'grpc.use_local_subchannel_pool': 1,
    };
    const [one, ...others] = addresses;
    const open = (address: string): Stub => new sluice.WorkloadService(address, credentials, options);
    this.#stubs = [open(one), ...others.map(open)];
    this.#at = first % addresses.length;
    this.#odd = odd;
    this.#acknowledged = acknowledged;
    if (token !== undefined) this.#metadata.set('authorization', `Bearer ${token}`);
  }

  /** Speaks to the next address from now on. */
  turn(): void {
    this.#at = (this.#at + 1) % this.#stubs.length;
  }

  /** Sends a submission; the same request id with the same spec may be sent again and again. */
  submit(history: History, requestId: string, spec: WorkloadSpec, name: string, priority: number): Promise<Outcome> {
    return this.#record(history, name, { kind: 'submit', priority }, async () => {
      const { workloads } = await this.#call<{ workloads: readonly { number: number }[] }>((stub, ...rest) =>
        stub.SubmitWorkloads({ requestId, specs: [spec] }, ...rest),
      );
      return workloads.length === 1
        ? { kind: 'submitted', number: workloads[0]?.number ?? 0 }
        : { kind: 'several', numbers: workloads.map(({ number }) => number) };
    });
  }

  /** Reads or changes one workload by its name. */
  ask(history: History, name: string, request: Exclude<Request, { kind: 'submit' }>): Promise<Outcome> {
    return this.#record(history, name, request, async () => {
      const shown = await this.#send(name, request);
      return shown === null ? { kind: 'several', numbers: [] } : { kind: 'seen', seen: asSeen(shown) };
    });
  }

  /** Reads the latest workloads of a queue, which must be those of the history alone. */
  async list(history: History, queue: string): Promise<Outcome> {
    const open = history.sentList();
    try {
      const { workloads } = await this.#call<{ workloads: readonly Workload__Output[] }>((stub, ...rest) =>
        stub.ListWorkloads({ pageSize: PAGE_SIZE, queue }, ...rest),
      );
      const shown = new Map<string, Seen[]>();
      for (const workload of workloads) {
        const name = workload.spec?.name ?? '';
        shown.set(name, [...(shown.get(name) ?? []), asSeen(workload)]);
      }
      open.answered(shown);
      return 'answered';
    } catch (error) {
      return this.#howItFailed(error, 'list');
    }
  }

  close(): void {
    for (const stub of this.#stubs) stub.close();
  }

  async #record(history: History, name: string, request: Request, send: () => Promise<Answer>): Promise<Outcome> {
    const call = history.sent(name, request);
    try {
      call.answered(await send());
      if (request.kind !== 'read') this.#acknowledged();
      return 'answered';
    } catch (error) {
      if (isServiceError(error) && error.code === grpc.status.NOT_FOUND && request.kind !== 'submit') {
        call.answered({ kind: 'absent' });
        return 'answered';
      }
      const outcome = this.#howItFailed(error, `${request.kind} ${name}`);
      if (outcome === 'refused') call.refused();
      return outcome;
    }
  }

  /** @returns null when not exactly one workload was answered */
  async #send(name: string, request: Exclude<Request, { kind: 'submit' }>): Promise<Workload__Output | null> {
    const workloads = [name];
    type Many = { workloads: readonly Workload__Output[] };
    const only = ({ workloads: [one, ...others] }: Many): Workload__Output | null =>
      one === undefined || others.length > 0 ? null : one;
    switch (request.kind) {
      case 'read':
        return (
          await this.#call<{ workload: Workload__Output | null }>((stub, ...rest) =>
            stub.GetWorkload({ workload: name }, ...rest),
          )
        ).workload;
      case 'prioritize':
        return only(
          await this.#call<Many>((stub, ...rest) =>
            stub.PrioritizeWorkloads({ workloads, priority: request.priority }, ...rest),
          ),
        );
      case 'hold':
        return only(
          await this.#call<Many>((stub, ...rest) => stub.HoldWorkloads({ workloads, reason: request.reason }, ...rest)),
        );
      case 'release':
        return only(await this.#call<Many>((stub, ...rest) => stub.ReleaseWorkloads({ workloads }, ...rest)));
      case 'cancel':
        return only(await this.#call<Many>((stub, ...rest) => stub.CancelWorkloads({ workloads }, ...rest)));
    }
  }

  #howItFailed(error: unknown, what: string): Outcome {
    if (!isServiceError(error)) throw error;
    if (fromServiceError(error).reason === NOT_LEADING) return 'refused';
    if (!DOUBTFUL.has(error.code)) this.#odd(`${what} was answered with ${error.code}: ${error.details}`);
    return 'broken';
  }

  #call<Response>(
    send: (
      stub: Stub,
      metadata: grpc.Metadata,
      options: grpc.CallOptions,
      done: grpc.requestCallback<Response>,
    ) => grpc.ClientUnaryCall,
  ): Promise<Response> {
    const stub = this.#stubs[this.#at] ?? this.#stubs[0];
    return new Promise((resolve, reject) => {
      send(stub, this.#metadata, { deadline: Date.now() + DEADLINE_MS }, (error, response) => {
        if (error) reject(error);
        else if (response === undefined) reject(new Error('gRPC answered neither an error nor a response'));
        else resolve(response);
      });
    });
  }
}

function isServiceError(error: unknown): error is grpc.ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number';
}

function asSeen({ number, spec, hold, state, attempt }: Workload__Output): Seen {
  return {
    number,
    priority: spec?.priority ?? 0,
    hold: hold === '' ? null : hold.slice(hold.indexOf(': ') + 2),
    state: STATES.get(state) ?? 'failed',
    attempt,
  };
}

const STATES: ReadonlyMap<string, SeenState> = new Map([
  ['WORKLOAD_STATE_PENDING', 'pending'],
  ['WORKLOAD_STATE_STARTING', 'starting'],
  ['WORKLOAD_STATE_RUNNING', 'running'],
  ['WORKLOAD_STATE_STOPPING', 'stopping'],
  ['WORKLOAD_STATE_SUCCEEDED', 'succeeded'],
  ['WORKLOAD_STATE_FAILED', 'failed'],
  ['WORKLOAD_STATE_CANCELLED', 'cancelled'],
]);

// A client of the scheduler's API with promises, deadlines, retries and streams that survive a restart of the scheduler.
// Used by every command, and by programs of ours that act as users. Errors are ApiErrors whose messages say what to do.
import { randomUUID } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { systemClock, type Clock } from '../common/clock.js';
import { connectionProblem } from '../common/connection-problem.js';
import { ApiError, fromServiceError } from '../common/errors.js';
import { sluice } from '../common/proto.js';
import { formatDuration } from '../common/units.js';
import type { CancelMaintenanceRequest } from '../proto/gen/sluice/v1/CancelMaintenanceRequest.js';
import type { CancelMaintenanceResponse__Output } from '../proto/gen/sluice/v1/CancelMaintenanceResponse.js';
import type { CancelWorkloadsRequest } from '../proto/gen/sluice/v1/CancelWorkloadsRequest.js';
import type { CancelWorkloadsResponse__Output } from '../proto/gen/sluice/v1/CancelWorkloadsResponse.js';
import type { CordonNodeRequest } from '../proto/gen/sluice/v1/CordonNodeRequest.js';
import type { CordonNodeResponse__Output } from '../proto/gen/sluice/v1/CordonNodeResponse.js';
import type { CreateMaintenanceRequest } from '../proto/gen/sluice/v1/CreateMaintenanceRequest.js';
import type { CreateMaintenanceResponse__Output } from '../proto/gen/sluice/v1/CreateMaintenanceResponse.js';
import type { CreateQueueRequest } from '../proto/gen/sluice/v1/CreateQueueRequest.js';
import type { CreateQueueResponse__Output } from '../proto/gen/sluice/v1/CreateQueueResponse.js';
import type { DeleteQueueResponse__Output } from '../proto/gen/sluice/v1/DeleteQueueResponse.js';
import type { ExecRequest } from '../proto/gen/sluice/v1/ExecRequest.js';
import type { ExecResponse__Output } from '../proto/gen/sluice/v1/ExecResponse.js';
import type { ExecStart } from '../proto/gen/sluice/v1/ExecStart.js';
import type { ExplainWorkloadResponse__Output } from '../proto/gen/sluice/v1/ExplainWorkloadResponse.js';
import type { GetNodeResponse__Output } from '../proto/gen/sluice/v1/GetNodeResponse.js';
import type { GetQueueResponse__Output } from '../proto/gen/sluice/v1/GetQueueResponse.js';
import type { GetWorkloadStatsResponse__Output } from '../proto/gen/sluice/v1/GetWorkloadStatsResponse.js';
import type { ListWorkloadStatsRequest } from '../proto/gen/sluice/v1/ListWorkloadStatsRequest.js';
import type { ListWorkloadStatsResponse__Output } from '../proto/gen/sluice/v1/ListWorkloadStatsResponse.js';
import type { WorkloadStats__Output } from '../proto/gen/sluice/v1/WorkloadStats.js';
import type { GetUsageRequest } from '../proto/gen/sluice/v1/GetUsageRequest.js';
import type { GetUsageResponse__Output } from '../proto/gen/sluice/v1/GetUsageResponse.js';
import type { GetVersionResponse__Output } from '../proto/gen/sluice/v1/GetVersionResponse.js';
import type { GetWorkloadResponse__Output } from '../proto/gen/sluice/v1/GetWorkloadResponse.js';
import type { HoldWorkloadsRequest } from '../proto/gen/sluice/v1/HoldWorkloadsRequest.js';
import type { HoldWorkloadsResponse__Output } from '../proto/gen/sluice/v1/HoldWorkloadsResponse.js';
import type { ListMaintenancesResponse__Output } from '../proto/gen/sluice/v1/ListMaintenancesResponse.js';
import type { ListNodesRequest } from '../proto/gen/sluice/v1/ListNodesRequest.js';
import type { ListNodesResponse__Output } from '../proto/gen/sluice/v1/ListNodesResponse.js';
import type { ListQueuesResponse__Output } from '../proto/gen/sluice/v1/ListQueuesResponse.js';
import type { ListWorkloadsRequest } from '../proto/gen/sluice/v1/ListWorkloadsRequest.js';
import type { ListWorkloadsResponse__Output } from '../proto/gen/sluice/v1/ListWorkloadsResponse.js';
import type { LogTime__Output } from '../proto/gen/sluice/v1/LogTime.js';
import type { Maintenance__Output } from '../proto/gen/sluice/v1/Maintenance.js';
import type { Node__Output } from '../proto/gen/sluice/v1/Node.js';
import type { PlanQueueChangeRequest } from '../proto/gen/sluice/v1/PlanQueueChangeRequest.js';
import type { PlanQueueChangeResponse__Output } from '../proto/gen/sluice/v1/PlanQueueChangeResponse.js';
import type { PlanWorkloadRequest } from '../proto/gen/sluice/v1/PlanWorkloadRequest.js';
import type { PlanWorkloadResponse__Output } from '../proto/gen/sluice/v1/PlanWorkloadResponse.js';
import type { PrioritizeWorkloadsRequest } from '../proto/gen/sluice/v1/PrioritizeWorkloadsRequest.js';
import type { PrioritizeWorkloadsResponse__Output } from '../proto/gen/sluice/v1/PrioritizeWorkloadsResponse.js';
import type { Queue__Output } from '../proto/gen/sluice/v1/Queue.js';
import type { ReadLogsRequest } from '../proto/gen/sluice/v1/ReadLogsRequest.js';
import type { ReleaseWorkloadsRequest } from '../proto/gen/sluice/v1/ReleaseWorkloadsRequest.js';
import type { ReleaseWorkloadsResponse__Output } from '../proto/gen/sluice/v1/ReleaseWorkloadsResponse.js';
import type { RequeueWorkloadsRequest } from '../proto/gen/sluice/v1/RequeueWorkloadsRequest.js';
import type { RequeueWorkloadsResponse__Output } from '../proto/gen/sluice/v1/RequeueWorkloadsResponse.js';
import type { SaveSnapshotResponse__Output } from '../proto/gen/sluice/v1/SaveSnapshotResponse.js';
import type { SubmitWorkloadsRequest } from '../proto/gen/sluice/v1/SubmitWorkloadsRequest.js';
import type { SubmitWorkloadsResponse__Output } from '../proto/gen/sluice/v1/SubmitWorkloadsResponse.js';
import type { EndRecoveryRequest } from '../proto/gen/sluice/v1/EndRecoveryRequest.js';
import type { EndRecoveryResponse__Output } from '../proto/gen/sluice/v1/EndRecoveryResponse.js';
import type { FenceNodeRequest } from '../proto/gen/sluice/v1/FenceNodeRequest.js';
import type { FenceNodeResponse__Output } from '../proto/gen/sluice/v1/FenceNodeResponse.js';
import type { GetStatusResponse__Output } from '../proto/gen/sluice/v1/GetStatusResponse.js';
import type { SendTestNoticeRequest } from '../proto/gen/sluice/v1/SendTestNoticeRequest.js';
import type { SendTestNoticeResponse__Output } from '../proto/gen/sluice/v1/SendTestNoticeResponse.js';
import type { ReleaseBrakeRequest } from '../proto/gen/sluice/v1/ReleaseBrakeRequest.js';
import type { ReleaseBrakeResponse__Output } from '../proto/gen/sluice/v1/ReleaseBrakeResponse.js';
import type { QuarantineGpuRequest } from '../proto/gen/sluice/v1/QuarantineGpuRequest.js';
import type { QuarantineGpuResponse__Output } from '../proto/gen/sluice/v1/QuarantineGpuResponse.js';
import type { ReleaseGpuRequest } from '../proto/gen/sluice/v1/ReleaseGpuRequest.js';
import type { ResetGpuRequest } from '../proto/gen/sluice/v1/ResetGpuRequest.js';
import type { ReleaseGpuResponse__Output } from '../proto/gen/sluice/v1/ReleaseGpuResponse.js';
import type { ResetGpuResponse__Output } from '../proto/gen/sluice/v1/ResetGpuResponse.js';
import type { RemoveGpuRequest } from '../proto/gen/sluice/v1/RemoveGpuRequest.js';
import type { RemoveGpuResponse__Output } from '../proto/gen/sluice/v1/RemoveGpuResponse.js';
import type { RemoveNodeRequest } from '../proto/gen/sluice/v1/RemoveNodeRequest.js';
import type { RemoveNodeResponse__Output } from '../proto/gen/sluice/v1/RemoveNodeResponse.js';
import type { StepDownResponse__Output } from '../proto/gen/sluice/v1/StepDownResponse.js';
import type { UncordonNodeResponse__Output } from '../proto/gen/sluice/v1/UncordonNodeResponse.js';
import type { UpdateQueueRequest } from '../proto/gen/sluice/v1/UpdateQueueRequest.js';
import type { UpdateQueueResponse__Output } from '../proto/gen/sluice/v1/UpdateQueueResponse.js';
import type { WatchNodesResponse__Output } from '../proto/gen/sluice/v1/WatchNodesResponse.js';
import type { WatchWorkloadsRequest } from '../proto/gen/sluice/v1/WatchWorkloadsRequest.js';
import type { WatchWorkloadsResponse__Output } from '../proto/gen/sluice/v1/WatchWorkloadsResponse.js';
import type { Workload__Output } from '../proto/gen/sluice/v1/Workload.js';
import { LeaderFinder, MAX_SERVERS, RECONNECT_FIRST_MS, RECONNECT_SLOWEST_MS, splitServers } from './leader-finder.js';
import { readAllWorkloads } from './read-workloads.js';

/** How long a call may take unless told otherwise. */
const DEFAULT_DEADLINE_MS = 10_000;
const MAX_PORT = 65_535;
/** A stream that lost its scheduler gives up after so long without a message. */
const RECONNECT_LIMIT_MS = 10 * 60_000;
/** A call to a single address is tried so often … */
const MAX_TRIES = 4;
/** … one to several for so long: a take-over needs at most half of it. */
export const FAILOVER_LIMIT_MS = 30_000;
/** The first pause between tries of a call; each time twice as long, up to the longest, shortened at random by up to half. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
/** The largest page the API hands out. */
const PAGE_SIZE = 1_000;
/** A listing stops here; beyond it a person wants a filter. */
const MAX_LISTED = 1_000_000;

/** Where a scheduler is and how to be let in. */
export interface ConnectOptions {
  /** `HOST:PORT`; several with commas between them, of which the one that leads is asked. */
  readonly server: string;
  /** Sent as `authorization: Bearer …`. Over an unencrypted connection only to this machine. */
  readonly token?: string | null;
  /** The PEM text of the authority that signed the scheduler's certificate. Switches TLS on. */
  readonly tlsCa?: string | null;
  /** The client's own certificate and key, PEM texts, for a scheduler that asks for one. */
  readonly tlsClient?: { readonly certificate: string; readonly key: string } | null;
  /** For each call, in milliseconds. Default 10,000. Streams have none. */
  readonly deadlineMs?: number;
  readonly clock?: Clock;
  /** Spreads pauses, in [0, 1). */
  readonly random?: () => number;
  /** The span that what is submitted belongs to, as a W3C `traceparent`. */
  readonly traceParent?: string | null;
}

/** How to follow a stream. */
export interface FollowOptions {
  /** Ends the stream quietly. */
  readonly signal?: AbortSignal;
  /** Called once when the connection is lost and will be tried again, until it is back. */
  readonly onReconnect?: (error: ApiError) => void;
}

/** A piece of a task's log. */
export interface LogPiece {
  readonly data: Buffer;
  readonly attempt: number;
  /** The allocation whose log this is. */
  readonly allocation: string;
  /** True for the first piece of each attempt. */
  readonly begins: boolean;
  /** Where it begins in the log of this allocation. */
  readonly offset: number;
  /** When it was written, if that was asked for; the first speaks of the first byte. */
  readonly times: readonly LogTime__Output[];
}

/** What workloads used of what they asked for. */
export interface ListedStats {
  readonly workloads: readonly WorkloadStats__Output[];
  readonly currency: string;
}

/** The API as commands see it: one method a call, answers unwrapped where the envelope holds one thing. */
export interface SluiceClient {
  /** `HOST:PORT` as given; of several the one in use. */
  readonly server: string;
  getVersion(): Promise<GetVersionResponse__Output>;

  /** Durable when it resolves. Safe to repeat with the same `requestId`; one is made when none is given. */
  submitWorkloads(request: SubmitWorkloadsRequest): Promise<SubmitWorkloadsResponse__Output>;
  /** By number or name. */
  getWorkload(workload: string): Promise<Workload__Output>;
  /** One page, newest first. */
  listWorkloads(request: ListWorkloadsRequest): Promise<ListWorkloadsResponse__Output>;
  /** All pages, newest first; stops after `limit`. */
  allWorkloads(request: ListWorkloadsRequest, limit?: number): Promise<Workload__Output[]>;
  cancelWorkloads(request: CancelWorkloadsRequest): Promise<CancelWorkloadsResponse__Output>;
  holdWorkloads(request: HoldWorkloadsRequest): Promise<readonly Workload__Output[]>;
  releaseWorkloads(request: ReleaseWorkloadsRequest): Promise<readonly Workload__Output[]>;
  requeueWorkloads(request: RequeueWorkloadsRequest): Promise<readonly Workload__Output[]>;
  prioritizeWorkloads(request: PrioritizeWorkloadsRequest): Promise<readonly Workload__Output[]>;
  explainWorkload(workload: string): Promise<ExplainWorkloadResponse__Output>;
  /** Present state, then changes. After a reconnect it resumes, or tells the present state again. */
  watchWorkloads(
    request: WatchWorkloadsRequest,
    options?: FollowOptions,
  ): AsyncGenerator<WatchWorkloadsResponse__Output>;

  createQueue(request: CreateQueueRequest): Promise<CreateQueueResponse__Output>;
  updateQueue(request: UpdateQueueRequest): Promise<UpdateQueueResponse__Output>;
  deleteQueue(name: string): Promise<void>;
  getQueue(name: string): Promise<Queue__Output>;
  /** All pages, parents before children. */
  allQueues(): Promise<Queue__Output[]>;

  /** What would follow; nothing is changed. */
  planWorkload(request: PlanWorkloadRequest): Promise<PlanWorkloadResponse__Output>;
  planQueueChange(request: PlanQueueChangeRequest): Promise<PlanQueueChangeResponse__Output>;

  /** All pages. */
  allNodes(request?: ListNodesRequest): Promise<Node__Output[]>;
  getNode(name: string): Promise<Node__Output>;
  cordonNode(request: CordonNodeRequest): Promise<Node__Output>;
  uncordonNode(name: string): Promise<Node__Output>;
  fenceNode(request: FenceNodeRequest): Promise<FenceNodeResponse__Output>;
  removeNode(request: RemoveNodeRequest): Promise<void>;
  removeGpu(request: RemoveGpuRequest): Promise<void>;
  quarantineGpu(request: QuarantineGpuRequest): Promise<QuarantineGpuResponse__Output>;
  releaseGpu(request: ReleaseGpuRequest): Promise<ReleaseGpuResponse__Output>;
  resetGpu(request: ResetGpuRequest): Promise<ResetGpuResponse__Output>;
  getStatus(): Promise<GetStatusResponse__Output>;
  getUsage(request: GetUsageRequest): Promise<GetUsageResponse__Output>;
  getWorkloadStats(workload: string): Promise<WorkloadStats__Output>;
  /** All pages, the latest first. */
  /** The latest, and what their costs are in; empty = there are no prices. */
  listWorkloadStats(request: ListWorkloadStatsRequest, limit: number): Promise<ListedStats>;
  releaseBrake(request: ReleaseBrakeRequest): Promise<ReleaseBrakeResponse__Output>;
  sendTestNotice(request: SendTestNoticeRequest): Promise<SendTestNoticeResponse__Output>;
  endRecovery(request: EndRecoveryRequest): Promise<EndRecoveryResponse__Output>;
  /** The daemon that leads lets another one of the same store lead. */
  stepDown(): Promise<void>;
  createMaintenance(request: CreateMaintenanceRequest): Promise<Maintenance__Output>;
  /** All pages; `node` empty = of all nodes. */
  allMaintenances(node: string): Promise<readonly Maintenance__Output[]>;
  cancelMaintenance(request: CancelMaintenanceRequest): Promise<Maintenance__Output>;
  /** A snapshot file, piece by piece, once: a new one is begun rather than one resumed. */
  saveSnapshot(): AsyncGenerator<Buffer>;

  /** Present state, then changes; the present state again after a reconnect. */
  watchNodes(options?: FollowOptions): AsyncGenerator<WatchNodesResponse__Output>;

  /** The log of one task. Over a reconnect nothing is lost; bytes already handed out are not repeated. */
  readLogs(request: ReadLogsRequest, options?: FollowOptions): AsyncGenerator<LogPiece>;

  /** Runs a program in a task, joins its terminal, or copies files. It is not taken up again once it breaks. */
  exec(start: ExecStart): Promise<ExecCall>;

  close(): void;
}

/** An exec under way. */
export interface ExecCall {
  /** What comes, read as fast as it is taken. @throws ApiError */
  readonly messages: AsyncIterable<ExecResponse__Output>;
  /** Resolves when there is room for more; at most 65,536 bytes of input. */
  send(message: ExecRequest): Promise<void>;
  /** Ends the call; a program that it runs ends with it. */
  cancel(): void;
}

/**
 * Opens a client; the connection is made by the first call.
 * @throws ApiError INVALID_ARGUMENT when a token would travel unencrypted to another machine
 */
export function connect(options: ConnectOptions): SluiceClient {
  return new GrpcClient(options);
}

/** One call with everything but the request's envelope settled. */
type Unary<Response> = (
  metadata: grpc.Metadata,
  options: grpc.CallOptions,
  callback: grpc.requestCallback<Response>,
) => grpc.ClientUnaryCall;

/**
 * What may be done with a call that failed. `repeat`: it may have been carried out, and doing it again does no harm. A submission is
 * one by its request id. `once`: it is only repeated when it was surely not carried out.
 */
type Repetition = 'repeat' | 'once';

class GrpcClient implements SluiceClient {
  readonly #metadata = new grpc.Metadata();
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #finder: LeaderFinder;
  /** Whether anything was ever answered: decides between "cannot reach" at once and patience. */
  #reached = false;

  constructor(options: ConnectOptions) {
    const { token, tlsCa, tlsClient } = options;
    const servers = splitServers(options.server);
    if (servers.length > MAX_SERVERS)
      throw badServer(`${servers.length} addresses are more than the ${MAX_SERVERS} taken`);
    for (const server of servers) {
      checkAddress(server);
      if (token && !tlsCa && !isLoopback(server)) {
        throw new ApiError({
          code: grpc.status.INVALID_ARGUMENT,
          reason: 'TOKEN_UNENCRYPTED',
          message: `a token would travel unencrypted to ${server}\nGive the authority of its certificate: --tls-ca FILE`,
        });
      }
    }
    this.#deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    if (token) this.#metadata.set('authorization', `Bearer ${token}`);
    if (options.traceParent) this.#metadata.set('traceparent', options.traceParent);
    const bytes = (pem: string | undefined) => (pem === undefined ? null : Buffer.from(pem));
    const credentials = tlsCa
      ? grpc.credentials.createSsl(Buffer.from(tlsCa), bytes(tlsClient?.key), bytes(tlsClient?.certificate))
      : grpc.credentials.createInsecure();
    this.#finder = new LeaderFinder(servers, { credentials });
  }

  get server(): string {
    return this.#finder.current.server;
  }

  getVersion(): Promise<GetVersionResponse__Output> {
    return this.#call<GetVersionResponse__Output>((...rest) => this.#finder.current.version.GetVersion({}, ...rest));
  }

  async submitWorkloads(request: SubmitWorkloadsRequest): Promise<SubmitWorkloadsResponse__Output> {
    const identified = { ...request, requestId: request.requestId || randomUUID() };
    return this.#call<SubmitWorkloadsResponse__Output>((...rest) =>
      this.#finder.current.workloads.SubmitWorkloads(identified, ...rest),
    );
  }

  async getWorkload(workload: string): Promise<Workload__Output> {
    const response = await this.#call<GetWorkloadResponse__Output>((...rest) =>
      this.#finder.current.workloads.GetWorkload({ workload }, ...rest),
    );
    return present(response.workload, 'workload');
  }

  async listWorkloads(request: ListWorkloadsRequest): Promise<ListWorkloadsResponse__Output> {
    return this.#call<ListWorkloadsResponse__Output>((...rest) =>
      this.#finder.current.workloads.ListWorkloads(request, ...rest),
    );
  }

  async allWorkloads(request: ListWorkloadsRequest, limit = MAX_LISTED): Promise<Workload__Output[]> {
    const { path, requestSerialize, responseDeserialize } = sluice.WorkloadService.service.ListWorkloads;
    const read = (pageToken: string, count: number): Promise<Buffer> => {
      const page = { ...request, pageSize: Math.min(PAGE_SIZE, limit - count), pageToken };
      return this.#call<Buffer>((...rest) =>
        this.#finder.current.workloads.makeUnaryRequest(path, requestSerialize, (bytes) => bytes, page, ...rest),
      );
    };
    return readAllWorkloads(limit, read, responseDeserialize);
  }

  async cancelWorkloads(request: CancelWorkloadsRequest): Promise<CancelWorkloadsResponse__Output> {
    return this.#call<CancelWorkloadsResponse__Output>((...rest) =>
      this.#finder.current.workloads.CancelWorkloads(request, ...rest),
    );
  }

  async holdWorkloads(request: HoldWorkloadsRequest): Promise<readonly Workload__Output[]> {
    return (
      await this.#call<HoldWorkloadsResponse__Output>((...rest) =>
        this.#finder.current.workloads.HoldWorkloads(request, ...rest),
      )
    ).workloads;
  }

  async releaseWorkloads(request: ReleaseWorkloadsRequest): Promise<readonly Workload__Output[]> {
    return (
      await this.#call<ReleaseWorkloadsResponse__Output>((...rest) =>
        this.#finder.current.workloads.ReleaseWorkloads(request, ...rest),
      )
    ).workloads;
  }

  async requeueWorkloads(request: RequeueWorkloadsRequest): Promise<readonly Workload__Output[]> {
    return (
      await this.#call<RequeueWorkloadsResponse__Output>(
        (...rest) => this.#finder.current.workloads.RequeueWorkloads(request, ...rest),
        'once',
      )
    ).workloads;
  }

  async prioritizeWorkloads(request: PrioritizeWorkloadsRequest): Promise<readonly Workload__Output[]> {
    return (
      await this.#call<PrioritizeWorkloadsResponse__Output>((...rest) =>
        this.#finder.current.workloads.PrioritizeWorkloads(request, ...rest),
      )
    ).workloads;
  }

  async explainWorkload(workload: string): Promise<ExplainWorkloadResponse__Output> {
    return this.#call<ExplainWorkloadResponse__Output>((...rest) =>
      this.#finder.current.workloads.ExplainWorkload({ workload }, ...rest),
    );
  }

  async *watchWorkloads(
    request: WatchWorkloadsRequest,
    options: FollowOptions = {},
  ): AsyncGenerator<WatchWorkloadsResponse__Output> {
    let afterRevision = Number(request.afterRevision ?? 0);
    let complete = afterRevision > 0;
    const open = () => this.#finder.current.workloads.WatchWorkloads({ ...request, afterRevision }, this.#metadata);
    const tellAll = () => {
      afterRevision = 0;
      complete = false;
    };
    for await (const message of this.#follow(open, options, { endless: true, onTooOld: tellAll })) {
      complete ||= message.caughtUp;
      // Before everything was told, resuming would leave out the rest.
      if (complete) afterRevision = message.revision;
      yield message;
    }
  }

  async createQueue(request: CreateQueueRequest): Promise<CreateQueueResponse__Output> {
    return this.#call<CreateQueueResponse__Output>(
      (...rest) => this.#finder.current.queues.CreateQueue(request, ...rest),
      'once',
    );
  }

  async updateQueue(request: UpdateQueueRequest): Promise<UpdateQueueResponse__Output> {
    return this.#call<UpdateQueueResponse__Output>((...rest) =>
      this.#finder.current.queues.UpdateQueue(request, ...rest),
    );
  }

  async deleteQueue(name: string): Promise<void> {
    await this.#call<DeleteQueueResponse__Output>(
      (...rest) => this.#finder.current.queues.DeleteQueue({ name }, ...rest),
      'once',
    );
  }

  async getQueue(name: string): Promise<Queue__Output> {
    const response = await this.#call<GetQueueResponse__Output>((...rest) =>
      this.#finder.current.queues.GetQueue({ name }, ...rest),
    );
    return present(response.queue, 'queue');
  }

  async allQueues(): Promise<Queue__Output[]> {
    return allPages(MAX_LISTED, async (pageToken, pageSize) => {
      const page = await this.#call<ListQueuesResponse__Output>((...rest) =>
        this.#finder.current.queues.ListQueues({ pageSize, pageToken }, ...rest),
      );
      return { items: page.queues, nextPageToken: page.nextPageToken };
    });
  }

  async planWorkload(request: PlanWorkloadRequest): Promise<PlanWorkloadResponse__Output> {
    return this.#call<PlanWorkloadResponse__Output>((...rest) =>
      this.#finder.current.plans.PlanWorkload(request, ...rest),
    );
  }

  async planQueueChange(request: PlanQueueChangeRequest): Promise<PlanQueueChangeResponse__Output> {
    return this.#call<PlanQueueChangeResponse__Output>((...rest) =>
      this.#finder.current.plans.PlanQueueChange(request, ...rest),
    );
  }

  async allNodes(request: ListNodesRequest = {}): Promise<Node__Output[]> {
    return allPages(MAX_LISTED, async (pageToken, pageSize) => {
      const page = await this.#call<ListNodesResponse__Output>((...rest) =>
        this.#finder.current.nodes.ListNodes({ ...request, pageSize, pageToken }, ...rest),
      );
      return { items: page.nodes, nextPageToken: page.nextPageToken };
    });
  }

  async getNode(name: string): Promise<Node__Output> {
    return present(
      (await this.#call<GetNodeResponse__Output>((...rest) => this.#finder.current.nodes.GetNode({ name }, ...rest)))
        .node,
      'node',
    );
  }

  async cordonNode(request: CordonNodeRequest): Promise<Node__Output> {
    return present(
      (
        await this.#call<CordonNodeResponse__Output>((...rest) =>
          this.#finder.current.nodes.CordonNode(request, ...rest),
        )
      ).node,
      'node',
    );
  }

  async createMaintenance(request: CreateMaintenanceRequest): Promise<Maintenance__Output> {
    const { maintenance } = await this.#call<CreateMaintenanceResponse__Output>(
      (...rest) => this.#finder.current.nodes.CreateMaintenance(request, ...rest),
      'once',
    );
    return present(maintenance, 'maintenance');
  }

  async allMaintenances(node: string): Promise<readonly Maintenance__Output[]> {
    return allPages(MAX_LISTED, async (pageToken, pageSize) => {
      const page = await this.#call<ListMaintenancesResponse__Output>((...rest) =>
        this.#finder.current.nodes.ListMaintenances({ node, pageSize, pageToken }, ...rest),
      );
      return { items: page.maintenances, nextPageToken: page.nextPageToken };
    });
  }

  async cancelMaintenance(request: CancelMaintenanceRequest): Promise<Maintenance__Output> {
    const { maintenance } = await this.#call<CancelMaintenanceResponse__Output>(
      (...rest) => this.#finder.current.nodes.CancelMaintenance(request, ...rest),
      'once',
    );
    return present(maintenance, 'maintenance');
  }

  async uncordonNode(name: string): Promise<Node__Output> {
    return present(
      (
        await this.#call<UncordonNodeResponse__Output>((...rest) =>
          this.#finder.current.nodes.UncordonNode({ name }, ...rest),
        )
      ).node,
      'node',
    );
  }

  fenceNode(request: FenceNodeRequest): Promise<FenceNodeResponse__Output> {
    return this.#call<FenceNodeResponse__Output>(
      (...rest) => this.#finder.current.nodes.FenceNode(request, ...rest),
      'once',
    );
  }

  async removeNode(request: RemoveNodeRequest): Promise<void> {
    await this.#call<RemoveNodeResponse__Output>(
      (...rest) => this.#finder.current.nodes.RemoveNode(request, ...rest),
      'once',
    );
  }

  async removeGpu(request: RemoveGpuRequest): Promise<void> {
    await this.#call<RemoveGpuResponse__Output>(
      (...rest) => this.#finder.current.nodes.RemoveGpu(request, ...rest),
      'once',
    );
  }

  quarantineGpu(request: QuarantineGpuRequest): Promise<QuarantineGpuResponse__Output> {
    return this.#call<QuarantineGpuResponse__Output>(
      (...rest) => this.#finder.current.nodes.QuarantineGpu(request, ...rest),
      'once',
    );
  }

  releaseGpu(request: ReleaseGpuRequest): Promise<ReleaseGpuResponse__Output> {
    return this.#call<ReleaseGpuResponse__Output>(
      (...rest) => this.#finder.current.nodes.ReleaseGpu(request, ...rest),
      'once',
    );
  }

  resetGpu(request: ResetGpuRequest): Promise<ResetGpuResponse__Output> {
    return this.#call<ResetGpuResponse__Output>(
      (...rest) => this.#finder.current.nodes.ResetGpu(request, ...rest),
      'once',
    );
  }

  getStatus(): Promise<GetStatusResponse__Output> {
    return this.#call<GetStatusResponse__Output>((...rest) => this.#finder.current.cluster.GetStatus({}, ...rest));
  }

  getUsage(request: GetUsageRequest): Promise<GetUsageResponse__Output> {
    return this.#call<GetUsageResponse__Output>((...rest) => this.#finder.current.usage.GetUsage(request, ...rest));
  }

  async getWorkloadStats(workload: string): Promise<WorkloadStats__Output> {
    const { stats } = await this.#call<GetWorkloadStatsResponse__Output>((...rest) =>
      this.#finder.current.stats.GetWorkloadStats({ workload }, ...rest),
    );
    return present(stats, 'stats');
  }

  async listWorkloadStats(request: ListWorkloadStatsRequest, limit: number): Promise<ListedStats> {
    let currency = '';
    const workloads = await allPages(limit, async (pageToken, pageSize) => {
      const page = await this.#call<ListWorkloadStatsResponse__Output>((...rest) =>
        this.#finder.current.stats.ListWorkloadStats({ ...request, pageSize, pageToken }, ...rest),
      );
      ({ currency } = page);
      return { items: page.workloads, nextPageToken: page.nextPageToken };
    });
    return { workloads, currency };
  }

  releaseBrake(request: ReleaseBrakeRequest): Promise<ReleaseBrakeResponse__Output> {
    return this.#call<ReleaseBrakeResponse__Output>(
      (...rest) => this.#finder.current.cluster.ReleaseBrake(request, ...rest),
      'once',
    );
  }

  sendTestNotice(request: SendTestNoticeRequest): Promise<SendTestNoticeResponse__Output> {
    return this.#call<SendTestNoticeResponse__Output>(
      (...rest) => this.#finder.current.notices.SendTestNotice(request, ...rest),
      'once',
    );
  }

  endRecovery(request: EndRecoveryRequest): Promise<EndRecoveryResponse__Output> {
    return this.#call<EndRecoveryResponse__Output>(
      (...rest) => this.#finder.current.cluster.EndRecovery(request, ...rest),
      'once',
    );
  }

  async stepDown(): Promise<void> {
    await this.#call<StepDownResponse__Output>((...rest) => this.#finder.current.cluster.StepDown({}, ...rest), 'once');
  }

  async *watchNodes(options: FollowOptions = {}): AsyncGenerator<WatchNodesResponse__Output> {
    yield* this.#follow(() => this.#finder.current.nodes.WatchNodes({}, this.#metadata), options, { endless: true });
  }

  async *readLogs(request: ReadLogsRequest, options: FollowOptions = {}): AsyncGenerator<LogPiece> {
    let allocation = '';
    let attempt = 0;
    let next = 0;
    let reopened = false;
    // A tail counts back from a moving end: what was already read says better where to go on.
    const goOn = (): ReadLogsRequest => {
      const { tailBytes: _bytes, tailLines: _lines, since: _since, ...rest } = request;
      return { ...rest, resumeAllocation: allocation, resumeOffset: next };
    };
    const open = () =>
      this.#finder.current.logs.ReadLogs(reopened && allocation !== '' ? goOn() : request, this.#metadata);
    const onReopen = () => {
      reopened = true;
    };
    for await (const message of this.#follow(open, options, { endless: false, onReopen })) {
      const begins = message.allocation !== '' && message.allocation !== allocation;
      if (begins) ({ allocation, attempt } = message);
      const told = message.offset ?? next;
      // A scheduler that cannot go on inside a log sends what is known once more.
      const known = begins ? 0 : Math.max(0, next - told);
      const data = message.data.subarray(known);
      const offset = told + Math.min(known, message.data.length);
      next = begins ? offset + data.length : Math.max(next, offset + data.length);
      if (begins || data.length > 0) yield { data, attempt, allocation, begins, offset, times: message.times };
    }
  }

  async exec(start: ExecStart): Promise<ExecCall> {
    // It is begun once, so the one that leads has to be found first.
    if (this.#finder.hasSeveral) await this.getVersion();
    const stream = this.#finder.current.execs.Exec(this.#metadata);
    // The iterator below reports errors; one that comes after our own cancel has no reader left.
    stream.on('error', () => undefined);
    stream.write({ start });
    const explain = (error: unknown): ApiError => this.#explain(error as grpc.ServiceError);
    return {
      messages: (async function* () {
        try {
          yield* stream as AsyncIterable<ExecResponse__Output>;
        } catch (error) {
          throw explain(error);
        }
      })(),
      // Once the stream is over nothing more is taken, and its reader learns why.
      send: (message) =>
        new Promise((resolve) => {
          if (stream.destroyed || stream.writableEnded) resolve();
          else stream.write(message, () => resolve());
        }),
      cancel: () => stream.cancel(),
    };
  }

  async *saveSnapshot(): AsyncGenerator<Buffer> {
    // A snapshot is begun once, so the one that leads has to be found first.
    if (this.#finder.hasSeveral) await this.getVersion();
    const stream = this.#finder.current.snapshots.SaveSnapshot({}, this.#metadata);
    // The iterator below reports errors; one that comes after our own cancel has no reader left.
    stream.on('error', () => undefined);
    try {
      for await (const { data } of stream as AsyncIterable<SaveSnapshotResponse__Output>) yield data;
    } catch (error) {
      throw this.#explain(error as grpc.ServiceError);
    } finally {
      stream.cancel();
    }
  }

  close(): void {
    this.#finder.close();
  }

  /** One try after the other, at one address after the other, as long as repeating can help and does no harm. */
  async #call<Response>(send: Unary<Response>, repetition: Repetition = 'repeat'): Promise<Response> {
    const { hasSeveral } = this.#finder;
    const beganMs = this.#clock.wallMs();
    const deadlineMs = beganMs + this.#deadlineMs;
    const lastTryMs = beganMs + Math.max(this.#deadlineMs, FAILOVER_LIMIT_MS);
    for (let tries = 1; ; tries += 1) {
      const { server } = this.#finder.current;
      // To a single address all tries share the time of the call, as nobody else could answer sooner.
      const answer = await this.#try(send, hasSeveral ? this.#clock.wallMs() + this.#deadlineMs : deadlineMs);
      if (answer.ok) return answer.response;
      const { lost } = answer;
      const mayRepeat = lost.isUndone || repetition === 'repeat';
      const isOver = hasSeveral ? this.#clock.wallMs() >= lastTryMs : tries >= MAX_TRIES;
      if (!lost.isElsewhere || !mayRepeat) throw lost.error;
      if (isOver) throw hasSeveral ? this.#nobodyLeads(lost.error) : lost.error;
      const isRoundOver = this.#finder.moveFrom(server, lost.leader);
      if (!isRoundOver) continue;
      const rounds = Math.floor(tries / this.#finder.servers.length);
      const longestMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(rounds - 1, 16));
      await this.#pause(this.#jittered(longestMs), undefined);
    }
  }

  async #try<Response>(send: Unary<Response>, deadlineMs: number): Promise<Tried<Response>> {
    const { server } = this.#finder.current;
    const problem = await this.#finder.ready(this.#clock.wallMs());
    if (problem !== null) return { ok: false, lost: this.#notConnected(server, problem) };
    return new Promise((resolve, reject) => {
      send(this.#metadata, { deadline: new Date(deadlineMs) }, (error, response) => {
        if (error) {
          try {
            resolve({ ok: false, lost: this.#judge(server, error) });
          } catch (defect) {
            reject(defect as Error);
          }
        } else if (response === undefined) {
          reject(new Error('gRPC answered neither an error nor a response'));
        } else {
          this.#reached = true;
          this.#finder.proven(server);
          resolve({ ok: true, response });
        }
      });
    });
  }

  /** One stream after another until it ends, is told to, or the scheduler stays away. */
  async *#follow<Message>(
    open: () => grpc.ClientReadableStream<Message>,
    { signal, onReconnect }: FollowOptions,
    { endless, onTooOld, onReopen }: StreamNature,
  ): AsyncGenerator<Message> {
    const times: StreamTimes = { delayMs: RECONNECT_FIRST_MS, lastHeardMs: this.#clock.monotonicMs(), isTold: false };
    const stopped = () => signal?.aborted === true;
    while (!stopped()) {
      const { server } = this.#finder.current;
      const problem = await this.#finder.ready(this.#clock.wallMs());
      if (problem !== null) {
        await this.#goOn(this.#notConnected(server, problem), times, onReconnect, signal);
        continue;
      }
      const stream = open();
      const cancel = () => stream.cancel();
      // The iterator below reports errors; one that comes after our own cancel has no reader left.
      stream.on('error', () => undefined);
      signal?.addEventListener('abort', cancel, { once: true });
      let lost: Lost;
      try {
        for await (const message of stream as AsyncIterable<Message>) {
          this.#reached = true;
          this.#finder.proven(server);
          times.delayMs = RECONNECT_FIRST_MS;
          times.lastHeardMs = this.#clock.monotonicMs();
          times.isTold = false;
          yield message;
        }
        if (!endless) return;
        lost = this.#lost(server, 'it closed the stream');
      } catch (error) {
        lost = this.#judge(server, error as grpc.ServiceError);
      } finally {
        signal?.removeEventListener('abort', cancel);
        stream.cancel();
      }
      if (stopped()) return;
      if (lost.error.code === grpc.status.OUT_OF_RANGE && onTooOld !== undefined) {
        onTooOld();
        continue;
      }
      await this.#goOn(lost, times, onReconnect, signal);
      onReopen?.();
    }
  }

  /** Moves to the next address, or waits, before a stream is opened again. @throws ApiError when that would not help, or no longer */
  async #goOn(
    { error, isElsewhere, leader, server }: Lost,
    times: StreamTimes,
    onReconnect: FollowOptions['onReconnect'],
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { hasSeveral } = this.#finder;
    if (!isElsewhere) throw error;
    // With one address "cannot reach" is said at once; with several a take-over may be under way.
    const patienceMs = this.#reached ? RECONNECT_LIMIT_MS : hasSeveral ? FAILOVER_LIMIT_MS : 0;
    const silentMs = this.#clock.monotonicMs() - times.lastHeardMs;
    if (patienceMs === 0 || silentMs > patienceMs) throw hasSeveral ? this.#nobodyLeads(error) : error;
    if (!times.isTold) onReconnect?.(error);
    times.isTold = true;
    if (!this.#finder.moveFrom(server, leader)) return;
    await this.#pause(this.#jittered(times.delayMs), signal);
    times.delayMs = Math.min(times.delayMs * 2, hasSeveral ? LONGEST_PAUSE_MS : RECONNECT_SLOWEST_MS);
  }

  /** Many clients lose their scheduler at once; they shall not come back at once. */
  #jittered(longestMs: number): number {
    return longestMs * (0.5 + this.#random() / 2);
  }

  #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(delayMs, finish);
      signal?.addEventListener('abort', finish, { once: true });
      function finish(): void {
        timer.cancel();
        signal?.removeEventListener('abort', finish);
        resolve();
      }
    });
  }

  /** Turns what gRPC says into what helps: rich errors as they are, bare ones in our words. */
  #judge(server: string, error: grpc.ServiceError): Lost {
    // Whatever is not a gRPC error is a defect and must be seen as one.
    if (typeof error.code !== 'number') throw error;
    const rich = fromServiceError(error);
    const bare = rich.reason === grpc.status[error.code];
    if (bare && rich.code === grpc.status.UNAVAILABLE) {
      const isUndone = rich.message.startsWith(NEVER_SENT);
      return { ...this.#lost(server, connectionProblem(rich.message)), isUndone };
    }
    // We never cancel a call whose end we still look at: a scheduler that stops, or is killed, cut it.
    const isCut = rich.code === grpc.status.CANCELLED || rich.message.includes('RST_STREAM');
    if (bare && isCut) return this.#lost(server, 'it cut the call');
    if (bare && rich.code === grpc.status.DEADLINE_EXCEEDED) {
      const message = `the scheduler at ${server} did not answer within ${formatDuration(this.#deadlineMs)}`;
      // Of several one may be stopped, or cut off, in a way that nothing but its silence shows.
      const isElsewhere = this.#finder.hasSeveral;
      return { server, error: new ApiError({ ...rich, message }), isElsewhere, isUndone: false, leader: null };
    }
    if (bare && rich.code === grpc.status.UNIMPLEMENTED) {
      const message = `what answers at ${server} does not know this call; "sluice version" shows both versions`;
      return { server, error: new ApiError({ ...rich, message }), isElsewhere: false, isUndone: false, leader: null };
    }
    const isElsewhere = rich.code === grpc.status.UNAVAILABLE && LEADERLESS.has(rich.reason);
    const isUndone = rich.reason === 'NOT_LEADER' || rich.reason === 'STOPPING';
    const leader = rich.reason === 'NOT_LEADER' ? (rich.metadata?.['leader'] ?? null) : null;
    return { server, error: new ApiError(rich), isElsewhere, isUndone, leader };
  }

  #explain(error: grpc.ServiceError): ApiError {
    return this.#judge(this.server, error).error;
  }

  #notConnected(server: string, problem: string): Lost {
    return { ...this.#lost(server, problem), isUndone: true };
  }

  #lost(server: string, problem: string): Lost {
    const error = new ApiError({
      code: grpc.status.UNAVAILABLE,
      reason: 'UNREACHABLE',
      message: `cannot reach the scheduler at ${server}: ${problem}\nIs it running? "sluice dev" starts one. Another address: --server HOST:PORT`,
      metadata: { server },
    });
    return { server, error, isElsewhere: true, isUndone: false, leader: null };
  }

  /** After all of several were tried for as long as a take-over may take. */
  #nobodyLeads(last: ApiError): ApiError {
    const { servers } = this.#finder;
    return new ApiError({
      code: grpc.status.UNAVAILABLE,
      reason: 'NOBODY_LEADS',
      message:
        `none of the schedulers at ${servers.join(', ')} leads; the last one tried says: ${last.message.split('\n')[0]}\n` +
        `They were tried for ${formatDuration(FAILOVER_LIMIT_MS)}. Each tells at http://HOST:9465/readyz what it waits for.`,
      metadata: { servers: servers.join(',') },
    });
  }
}

/** How gRPC begins to say that there was no connection to send a call over. */
const NEVER_SENT = 'No connection established';
/** What a daemon says that does not lead, not any more, or not for long. */
const LEADERLESS = new Set(['NOT_LEADER', 'LEADERSHIP_LOST', 'STOPPING']);

/** How a try ended that brought no answer. */
interface Lost {
  readonly server: string;
  readonly error: ApiError;
  /** Whether another try, perhaps at another address, may bring one. */
  readonly isElsewhere: boolean;
  /** Whether it is certain that nothing was done. */
  readonly isUndone: boolean;
  /** The address that leads, as the one that was asked knows it. */
  readonly leader: string | null;
}

type Tried<Response> = { readonly ok: true; readonly response: Response } | { readonly ok: false; readonly lost: Lost };

/** What is kept from one stream to the next. */
interface StreamTimes {
  delayMs: number;
  lastHeardMs: number;
  /** Whether somebody was told of the present silence. */
  isTold: boolean;
}

/** What a stream may do, apart from its messages. */
interface StreamNature {
  /** It never ends by itself: an end is a lost connection. */
  readonly endless: boolean;
  /** Called when the scheduler no longer has the changes since the revision asked for. */
  readonly onTooOld?: () => void;
  readonly onReopen?: () => void;
}

async function allPages<Item>(
  limit: number,
  readPage: (pageToken: string, pageSize: number) => Promise<{ items: Item[]; nextPageToken: string }>,
): Promise<Item[]> {
  const all: Item[] = [];
  let pageToken = '';
  do {
    const page = await readPage(pageToken, Math.min(PAGE_SIZE, limit - all.length));
    all.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken !== '' && all.length < limit);
  return all;
}

function present<T>(value: T | null, what: string): T {
  if (value === null) throw new Error(`the scheduler answered without a ${what}`);
  return value;
}

/** @throws ApiError in words when it is no address that gRPC could call */
function checkAddress(server: string): void {
  const [match, port = '0'] = /^(?:\[[0-9a-fA-F:]+\]|[^\s:/[\]]+)(?::(\d{1,5}))?$/.exec(server) ?? [];
  const isNamed = /^(unix|unix-abstract|dns|ipv4|ipv6|xds):./.test(server);
  const isPlain = match !== undefined && Number(port) <= MAX_PORT;
  if (isNamed || isPlain) return;
  throw badServer(`"${server}" is no address of a scheduler`);
}

function badServer(what: string): ApiError {
  return new ApiError({
    code: grpc.status.INVALID_ARGUMENT,
    reason: 'BAD_SERVER',
    message: `${what}\nGive HOST:PORT, such as gpu-master:7443, without a scheme; several with commas between them.`,
  });
}

/** Whether `HOST:PORT` is this machine. */
export function isLoopback(server: string): boolean {
  return /^(dns:\/*|ipv[46]:)?(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$|^unix:/.test(server);
}

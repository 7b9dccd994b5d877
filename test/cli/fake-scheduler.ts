// A scheduler for tests of the command line: real gRPC over loopback, canned answers, and a record of what was asked.
import * as grpc from '@grpc/grpc-js';
import { toServiceError, type RichError } from '../../common/errors.js';
import { sluice } from '../../common/proto.js';
import type { ExplainWorkloadResponse } from '../../proto/gen/sluice/v1/ExplainWorkloadResponse.js';
import type { WorkloadStats } from '../../proto/gen/sluice/v1/WorkloadStats.js';
import type { GetUsageResponse } from '../../proto/gen/sluice/v1/GetUsageResponse.js';
import type { LogServiceHandlers } from '../../proto/gen/sluice/v1/LogService.js';
import type { Maintenance } from '../../proto/gen/sluice/v1/Maintenance.js';
import type { Node } from '../../proto/gen/sluice/v1/Node.js';
import type { NodeServiceHandlers } from '../../proto/gen/sluice/v1/NodeService.js';
import type { PlanQueueChangeResponse } from '../../proto/gen/sluice/v1/PlanQueueChangeResponse.js';
import type { PlanServiceHandlers } from '../../proto/gen/sluice/v1/PlanService.js';
import type { PlanWorkloadResponse } from '../../proto/gen/sluice/v1/PlanWorkloadResponse.js';
import type { Queue } from '../../proto/gen/sluice/v1/Queue.js';
import type { QueueServiceHandlers } from '../../proto/gen/sluice/v1/QueueService.js';
import type { ReadLogsRequest__Output } from '../../proto/gen/sluice/v1/ReadLogsRequest.js';
import type { ReadLogsResponse } from '../../proto/gen/sluice/v1/ReadLogsResponse.js';
import type { ClusterServiceHandlers } from '../../proto/gen/sluice/v1/ClusterService.js';
import type { Waiting } from '../../proto/gen/sluice/v1/Waiting.js';
import type { VersionServiceHandlers } from '../../proto/gen/sluice/v1/VersionService.js';
import type { WatchWorkloadsRequest__Output } from '../../proto/gen/sluice/v1/WatchWorkloadsRequest.js';
import type { WatchWorkloadsResponse } from '../../proto/gen/sluice/v1/WatchWorkloadsResponse.js';
import type { Workload } from '../../proto/gen/sluice/v1/Workload.js';
import type { WorkloadServiceHandlers } from '../../proto/gen/sluice/v1/WorkloadService.js';

/** One call as it arrived. */
export interface RecordedCall {
  readonly method: string;
  readonly request: unknown;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The sending half of a stream that a test plays by hand. */
export interface Sink<T> {
  send(message: T): void;
  end(): void;
  /** Breaks the stream as a dying process does. */
  fail(error: RichError): void;
}

export class FakeScheduler {
  /** `HOST:PORT`. */
  address = '';
  readonly calls: RecordedCall[] = [];
  workloads: Workload[] = [];
  queues: Queue[] = [];
  nodes: Node[] = [];
  maintenances: Maintenance[] = [];
  explanation: ExplainWorkloadResponse = {};
  workloadPlan: PlanWorkloadResponse = {};
  queuePlan: PlanQueueChangeResponse = {};
  usage: GetUsageResponse = {};
  stats: WorkloadStats[] = [];
  currency = '';
  /** Answers the next calls of a method with these errors, one a call; null = the usual answer. */
  readonly failures = new Map<string, (RichError | null)[]>();
  /** Plays a watch; default: the present state, then nothing. */
  onWatch: (request: WatchWorkloadsRequest__Output, sink: Sink<WatchWorkloadsResponse>) => void = (_, sink) => {
    for (const workload of this.workloads) sink.send({ revision: 5, workload });
    sink.send({ revision: 5, caughtUp: true });
  };
  /** Plays a log; default: none. */
  onReadLogs: (request: ReadLogsRequest__Output, sink: Sink<ReadLogsResponse>) => void = (_, sink) => sink.end();
  #server = new grpc.Server();

  /** Listens on a free port, or again on the one it had. */
  async start(): Promise<void> {
    this.#server = new grpc.Server();
    this.#server.addService(sluice.WorkloadService.service, this.#workloadService());
    this.#server.addService(sluice.QueueService.service, this.#queueService());
    this.#server.addService(sluice.NodeService.service, this.#nodeService());
    this.#server.addService(sluice.PlanService.service, this.#planService());
    this.#server.addService(sluice.LogService.service, this.#logService());
    this.#server.addService(sluice.UsageService.service, { GetUsage: this.#unary('GetUsage', () => this.usage) });
    this.#server.addService(sluice.StatsService.service, {
      GetWorkloadStats: this.#unary('GetWorkloadStats', () => ({ stats: this.stats[0] ?? null })),
      ListWorkloadStats: this.#unary('ListWorkloadStats', () => ({ workloads: this.stats, currency: this.currency })),
    });
    this.#server.addService(sluice.VersionService.service, this.#versionService());
    this.#server.addService(sluice.ClusterService.service, this.#clusterService());
    const wanted = this.address === '' ? '127.0.0.1:0' : this.address;
    const port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(wanted, grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    this.address = `127.0.0.1:${port}`;
  }

  /** Cuts every connection, as a killed process would. */
  stop(): void {
    this.#server.forceShutdown();
  }

  /** The requests of a method, oldest first. */
  requests(method: string): readonly unknown[] {
    return this.calls.filter((call) => call.method === method).map(({ request }) => request);
  }

  #unary<Request, Response>(
    method: string,
    answer: (request: Request) => Response | RichError,
  ): grpc.handleUnaryCall<Request, Response> {
    return (call, callback) => {
      this.calls.push({ method, request: call.request, metadata: call.metadata.getMap() });
      const failure = this.failures.get(method)?.shift() ?? null;
      const answered = failure ?? answer(call.request);
      if (isRichError(answered)) callback(toServiceError(answered));
      else callback(null, answered);
    };
  }

  #stream<Request, Response>(
    method: string,
    play: (request: Request, sink: Sink<Response>) => void,
  ): grpc.handleServerStreamingCall<Request, Response> {
    return (call) => {
      this.calls.push({ method, request: call.request, metadata: call.metadata.getMap() });
      const failure = this.failures.get(method)?.shift() ?? null;
      if (failure !== null) {
        call.emit('error', toServiceError(failure));
        return;
      }
      play(call.request, {
        send: (message) => void call.write(message),
        end: () => void call.end(),
        fail: (error) => void call.emit('error', toServiceError(error)),
      });
    };
  }

  #find(word: string): Workload | RichError {
    const byNumber = this.workloads.find(({ number }) => String(number) === word);
    const found = byNumber ?? this.workloads.findLast(({ spec }) => spec?.name === word);
    return found ?? notFound('workload', word);
  }

  /** The workloads named, with their specs changed. */
  #steered(words: readonly string[], change: object = {}): { workloads: Workload[] } | RichError {
    const found = words.map((word) => this.#find(word));
    const wrong = found.find(isRichError);
    if (wrong !== undefined) return wrong;
    return { workloads: (found as Workload[]).map((one) => ({ ...one, spec: { ...one.spec, ...change } })) };
  }

  #workloadService(): WorkloadServiceHandlers {
    return {
      SubmitWorkloads: this.#unary('SubmitWorkloads', ({ specs, validateOnly }) => ({
        workloads: validateOnly
          ? []
          : specs
              .flatMap((spec) => Array.from({ length: spec.array?.size ?? 1 }, () => spec))
              .map((spec, index) => ({ number: 1041 + index, uid: `UID${index}`, name: spec.name })),
        revision: 7,
      })),
      GetWorkload: this.#unary('GetWorkload', ({ workload }) => {
        const found = this.#find(workload);
        return isRichError(found) ? found : { workload: found };
      }),
      ListWorkloads: this.#unary('ListWorkloads', ({ states, queue, pageSize, pageToken }) => {
        const matching = this.workloads
          .filter(
            ({ state, spec }) =>
              (states.length === 0 || states.includes(state as never)) && (queue === '' || spec?.queue === queue),
          )
          .toReversed();
        const start = Number(pageToken || '0');
        const size = pageSize === 0 ? 100 : pageSize;
        const end = start + size;
        return {
          workloads: matching.slice(start, end),
          nextPageToken: end < matching.length ? String(end) : '',
        };
      }),
      WatchWorkloads: this.#stream('WatchWorkloads', (request, sink) => this.onWatch(request, sink)),
      CancelWorkloads: this.#unary('CancelWorkloads', ({ workloads }) => {
        const found = workloads.map((word) => this.#find(word));
        return found.find(isRichError) ?? { workloads: found as Workload[] };
      }),
      HoldWorkloads: this.#unary('HoldWorkloads', ({ workloads }) => this.#steered(workloads)),
      ReleaseWorkloads: this.#unary('ReleaseWorkloads', ({ workloads }) => this.#steered(workloads)),
      RequeueWorkloads: this.#unary('RequeueWorkloads', ({ workloads }) => this.#steered(workloads)),
      PrioritizeWorkloads: this.#unary('PrioritizeWorkloads', ({ workloads, priority }) =>
        this.#steered(workloads, { priority }),
      ),
      ExplainWorkload: this.#unary('ExplainWorkload', ({ workload }) => {
        const found = this.#find(workload);
        if (isRichError(found)) return found;
        const explained = found.number === this.explanation.number;
        return explained ? this.explanation : { number: found.number, state: found.state, summary: found.message };
      }),
    };
  }

  #queueService(): QueueServiceHandlers {
    return {
      CreateQueue: this.#unary('CreateQueue', ({ queue }) => ({
        queue: { spec: queue },
        warnings: (queue?.guaranteeGpus ?? 0) > 8 ? ['guarantees add up to 16 GPUs, the cluster has 8'] : [],
      })),
      UpdateQueue: this.#unary('UpdateQueue', ({ queue }) => ({ queue: { spec: queue } })),
      DeleteQueue: this.#unary('DeleteQueue', () => ({})),
      GetQueue: this.#unary('GetQueue', ({ name }) => {
        const queue = this.queues.find(({ spec }) => spec?.name === name);
        return queue === undefined ? notFound('queue', name) : { queue };
      }),
      ListQueues: this.#unary('ListQueues', () => ({ queues: this.queues })),
    };
  }

  #nodeService(): NodeServiceHandlers {
    const find = (name: string) => this.nodes.find((node) => node.name === name);
    const cordon = (name: string, cordoned: boolean) => {
      const node = find(name);
      return node === undefined ? notFound('node', name) : { node: Object.assign(node, { cordoned }) };
    };
    return {
      ListNodes: this.#unary('ListNodes', () => ({ nodes: this.nodes })),
      GetNode: this.#unary('GetNode', ({ name }) => {
        const node = find(name);
        return node === undefined ? notFound('node', name) : { node };
      }),
      CordonNode: this.#unary('CordonNode', ({ name }) => cordon(name, true)),
      UncordonNode: this.#unary('UncordonNode', ({ name }) => cordon(name, false)),
      CreateMaintenance: this.#unary('CreateMaintenance', ({ nodes, startTime, duration, every, reason }) => ({
        maintenance: {
          id: 'M1',
          nodes,
          startTime,
          endTime: { seconds: Number(startTime?.seconds) + Number(duration?.seconds), nanos: 0 },
          nextStartTime: startTime,
          every,
          reason,
        },
      })),
      ListMaintenances: this.#unary('ListMaintenances', ({ node }) => ({
        maintenances: this.maintenances.filter(({ nodes }) => node === '' || nodes?.includes(node)),
      })),
      CancelMaintenance: this.#unary('CancelMaintenance', ({ id, nodes }) => {
        const found = this.maintenances.find((one) => one.id === id);
        if (found === undefined) return notFound('maintenance', id);
        return { maintenance: { ...found, nodes: nodes.length === 0 ? (found.nodes ?? []) : nodes } };
      }),
      FenceNode: this.#unary('FenceNode', ({ name }) => {
        const node = find(name);
        return node === undefined ? notFound('node', name) : { node, allocations: ['A1'] };
      }),
      RemoveNode: this.#unary('RemoveNode', ({ name }) => (find(name) === undefined ? notFound('node', name) : {})),
      RemoveGpu: this.#unary('RemoveGpu', ({ node: name }) => {
        const node = find(name);
        return node === undefined ? notFound('node', name) : { node };
      }),
      QuarantineGpu: this.#unary('QuarantineGpu', ({ node: name, stopWork }) => {
        const node = find(name);
        return node === undefined ? notFound('node', name) : { node, uuid: 'GPU-1', workloads: stopWork ? [1041] : [] };
      }),
      ReleaseGpu: this.#unary('ReleaseGpu', ({ node: name }) => {
        const node = find(name);
        return node === undefined ? notFound('node', name) : { node, uuid: 'GPU-1' };
      }),
      ResetGpu: this.#unary('ResetGpu', ({ node: name, stopWork }) => {
        const node = find(name);
        const answer = { node, uuids: ['GPU-1', 'GPU-2'], workloads: stopWork ? [1041] : [] };
        return node === undefined ? notFound('node', name) : answer;
      }),
      WatchNodes: this.#stream('WatchNodes', (_, sink) => {
        for (const node of this.nodes) sink.send({ revision: 1, node });
        sink.send({ revision: 1, caughtUp: true });
      }),
    };
  }

  #planService(): PlanServiceHandlers {
    return {
      PlanWorkload: this.#unary('PlanWorkload', () => this.workloadPlan),
      PlanQueueChange: this.#unary('PlanQueueChange', () => this.queuePlan),
    };
  }

  #logService(): LogServiceHandlers {
    return { ReadLogs: this.#stream('ReadLogs', (request, sink) => this.onReadLogs(request, sink)) };
  }

  #clusterService(): ClusterServiceHandlers {
    const waiting: Waiting = {
      what: 'WAITING_FOR_BRAKE',
      message: '4 nodes (n1, n2, n3, n4) that fell silent at once',
      nodes: ['n1', 'n2', 'n3', 'n4'],
      nodeCount: 4,
      atMost: null,
      blocksReadiness: false,
    };
    return {
      GetStatus: this.#unary('GetStatus', () => ({
        ready: true,
        waiting: [waiting, { ...waiting, what: 'WAITING_FOR_LEASES', message: 'the leases', atMost: { seconds: 42 } }],
        clusterId: 'c-1',
        lineage: 'l-1',
        epoch: 3,
        revision: 42,
        leaderId: 'one',
        connectedAgents: 6,
        incidents: [
          { id: 'I1', time: { seconds: 1_000_000_000 }, kind: 'brake_closed', message: '4 of 10', actor: '' },
        ],
      })),
      ReleaseBrake: this.#unary('ReleaseBrake', () => ({ nodes: waiting.nodes })),
      StepDown: this.#unary('StepDown', () => ({})),
      EndRecovery: this.#unary('EndRecovery', () => ({ nodes: [] })),
    };
  }

  #versionService(): VersionServiceHandlers {
    return {
      GetVersion: this.#unary('GetVersion', () => ({
        version: '0.1.0',
        clusterId: 'c-1',
        lineage: 'l-1',
        epoch: 3,
        revision: 42,
        nodeVersion: 'v20.20.2',
        metricsUrl: 'http://127.0.0.1:9465/metrics',
      })),
    };
  }
}

function notFound(what: string, name: string): RichError {
  return {
    code: grpc.status.NOT_FOUND,
    reason: `${what.toUpperCase()}_NOT_FOUND`,
    message: `${what} "${name}" does not exist`,
    metadata: { [what]: name },
  };
}

function isRichError(value: unknown): value is RichError {
  return typeof value === 'object' && value !== null && 'code' in value && 'reason' in value;
}

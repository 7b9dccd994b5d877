// The gRPC server: every service of sluice.v1, health and reflection, with the limits that hold for all of them.
import * as grpc from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import * as protoLoader from '@grpc/proto-loader';
import { HealthImplementation, protoPath as healthProto } from 'grpc-health-check';
import type { Clock } from '../../common/clock.js';
import { ApiError, toServiceError } from '../../common/errors.js';
import type { NodeId, QueueName } from '../../common/ids.js';
import type { Logger } from '../../common/log.js';
import { PACKAGE_VERSION } from '../../common/package-root.js';
import { toTimestamp } from '../../common/units.js';
import { MAX_MESSAGE_BYTES, sluice, sluicePackageDefinition } from '../../common/proto.js';
import type { AgentServiceHandlers } from '../../proto/gen/sluice/v1/AgentService.js';
import type { RelayRequest__Output } from '../../proto/gen/sluice/v1/RelayRequest.js';
import type { VersionServiceHandlers } from '../../proto/gen/sluice/v1/VersionService.js';
import type { Company } from '../control/company.js';
import type { ControlLoop } from '../control/loop.js';
import type { WatchHub } from '../control/watch-hub.js';
import { ExecRelays } from '../fleet/exec-relays.js';
import type { OrderExtras } from '../fleet/desired.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Room } from '../fleet/readiness.js';
import { AgentSession } from '../fleet/session.js';
import type { Handlers } from './handlers.js';
import { clusterService } from './cluster-service.js';
import { passEncoded } from './encoded-page.js';
import { execService, type RelayStream } from './exec-service.js';
import { logService } from './log-service.js';
import { nodeService } from './node-service.js';
import { noticeService, type Notices } from './notice-service.js';
import { planService } from './plan-service.js';
import { queueService } from './queue-service.js';
import { snapshotService, type TakenSnapshot } from './snapshot-service.js';
import { statsService } from './stats-service.js';
import { usageService } from './usage-service.js';
import { workloadService } from './workload-service.js';
import type { BudgetUse } from '../model/budgets.js';
import type { Prices } from '../model/prices.js';

/** Streams one connection may have open. */
const MAX_STREAMS_PER_CONNECTION = 1_000;

/** What the services need of the daemon. */
export interface ServiceDependencies {
  readonly loop: ControlLoop;
  readonly hub: WatchHub;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly log: Logger;
  /** The longest grace a workload may ask for. */
  readonly maxGraceMs: number;
  /** How many request ids are remembered at most. */
  readonly maxRequests: number;
  readonly prices: Prices;
  /** What queues with a budget have used, for a reader of the loop. */
  readonly budgetUses: (nowMs: number) => ReadonlyMap<QueueName, BudgetUse>;
  /** What is left on the disk that holds the data. */
  readonly room: () => Room;
  /** One moment of the state as a file. */
  readonly takeSnapshot: (clusterId: string) => TakenSnapshot | Promise<TakenSnapshot>;
  /** Called when a whole one was handed out. */
  readonly onSnapshot: () => void;
  /** Gives leading up to another daemon. @throws ApiError when there cannot be one */
  readonly stepDown: (by: string) => void;
  readonly company: Company;
  /** Where /metrics answers; empty = switched off. */
  readonly metricsUrl: () => string;
  /** What orders to agents tell beside what the state says. */
  readonly orderExtras?: OrderExtras;
  /** Where notices may go. Absent = nowhere. */
  readonly notices?: Notices;
}

/** A server with everything on it, and the switch of its health service. */
export interface ApiServer {
  readonly server: grpc.Server;
  setServing(serving: boolean): void;
}

/** Builds the server; it listens once it is bound. */
export function createApiServer(handlers: Handlers, deps: ServiceDependencies): ApiServer {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': MAX_STREAMS_PER_CONNECTION,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
  });
  const workloads = sluice.WorkloadService.service;
  const { ListWorkloads } = workloads;
  const listing = { ...ListWorkloads, responseSerialize: passEncoded(ListWorkloads.responseSerialize) };
  server.addService({ ...workloads, ListWorkloads: listing }, workloadService(handlers, deps));
  server.addService(sluice.QueueService.service, queueService(handlers, deps));
  server.addService(sluice.NodeService.service, nodeService(handlers, deps));
  server.addService(sluice.PlanService.service, planService(handlers, deps));
  server.addService(sluice.LogService.service, logService(handlers, deps));
  server.addService(sluice.SnapshotService.service, snapshotService(handlers, deps));
  server.addService(sluice.UsageService.service, usageService(handlers, deps));
  server.addService(sluice.StatsService.service, statsService(handlers, deps));
  const relays = new ExecRelays<RelayStream>(deps.clock);
  server.addService(sluice.ExecService.service, execService(handlers, deps, relays));
  server.addService(sluice.AgentService.service, agentService(handlers, deps, relays));
  server.addService(sluice.NoticeService.service, noticeService(handlers, deps));
  server.addService(sluice.VersionService.service, versionService(handlers, deps));
  server.addService(sluice.ClusterService.service, clusterService(handlers, deps));
  const services = Object.values(sluice).flatMap((member) =>
    'service' in member ? [serviceName(member.service)] : [],
  );
  const health = new HealthImplementation(Object.fromEntries(['', ...services].map((name) => [name, 'NOT_SERVING'])));
  health.addToServer(server);
  reflection().addToServer(server);
  return {
    server,
    setServing: (serving) => {
      for (const name of ['', ...services]) health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
    },
  };
}

let described: ReflectionService | null = null;

/** What the API says of itself. Made once: a daemon that takes over has no time for it. */
export function reflection(): ReflectionService {
  described ??= new ReflectionService(
    onePerSetOfFiles({ ...sluicePackageDefinition, ...protoLoader.loadSync(healthProto) }),
  );
  return described;
}

/**
 * Every message and service names all files that it was loaded with, and the reflection service decodes them anew for each: half a
 * second of every start. One that names them is enough.
 */
function onePerSetOfFiles(definition: protoLoader.PackageDefinition): protoLoader.PackageDefinition {
  const seen = new Set<unknown>();
  const entries = Object.entries(definition).filter(([, member]) => {
    if (!('fileDescriptorProtos' in member)) return false;
    const isNew = !seen.has(member.fileDescriptorProtos);
    seen.add(member.fileDescriptorProtos);
    return isNew;
  });
  return Object.fromEntries(entries);
}

/** `sluice.v1.WorkloadService` of a service definition. */
function serviceName(service: grpc.ServiceDefinition): string {
  const path = Object.values(service)[0]?.path ?? '/';
  return path.slice(1, path.indexOf('/', 1));
}

function agentService(
  handlers: Handlers,
  deps: ServiceDependencies,
  relays: ExecRelays<RelayStream>,
): AgentServiceHandlers {
  const { loop, fleet, log } = deps;
  return {
    Connect: (stream) => {
      try {
        const principal = handlers.agent(stream.metadata, stream.getPeer());
        const session = new AgentSession(stream, {
          loop,
          fleet,
          log,
          ...(deps.orderExtras === undefined ? {} : { extras: deps.orderExtras }),
          authorizeNode: (name) => {
            if (principal.node !== null && principal.node !== name) throw wrongNode(principal.node, name);
          },
        });
        stream.on('close', () => session.end());
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        stream.emit('error', toServiceError(error));
      }
    },
    Relay: (stream) => {
      try {
        const principal = handlers.agent(stream.metadata, stream.getPeer());
        const names = ({ name }: { readonly name: string }) => principal.node === null || principal.node === name;
        stream.on('error', () => undefined);
        stream.once('data', ({ id }: RelayRequest__Output) => {
          stream.pause();
          void loop
            .read((state) => (node: NodeId) => names({ name: state.node(node)?.name ?? '' }))
            .then((mayBe) => {
              if (!relays.arrived(id, stream, mayBe)) stream.end();
              else stream.resume();
            });
        });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        stream.emit('error', toServiceError(error));
      }
    },
  };
}

function versionService(handlers: Handlers, { loop, clock, metricsUrl }: ServiceDependencies): VersionServiceHandlers {
  return {
    GetVersion: handlers.unary(
      'GetVersion',
      () =>
        loop.read((state, _view, position) => ({
          version: PACKAGE_VERSION,
          clusterId: state.meta.clusterId,
          ...position,
          nodeVersion: process.version,
          metricsUrl: metricsUrl(),
          serverTime: toTimestamp(clock.wallMs()),
        })),
      // `sluice agent check` asks with the token of its node, programs inside tasks with theirs.
      ['user', 'agent', 'task'],
    ),
  };
}

function wrongNode(allowed: string, name: string): ApiError {
  return new ApiError({
    code: grpc.status.PERMISSION_DENIED,
    reason: 'WRONG_NODE',
    message: `this agent's token is for node "${allowed}", not for "${name}"`,
    metadata: { node: name },
  });
}

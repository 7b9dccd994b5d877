// ClusterService: what the daemon waits for, what happened to it, and the end of what holds it back.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import { toDuration, toTimestamp } from '../../common/units.js';
import type { NodeId } from '../../common/ids.js';
import type { ClusterServiceHandlers } from '../../proto/gen/sluice/v1/ClusterService.js';
import type { Incident as IncidentMessage } from '../../proto/gen/sluice/v1/Incident.js';
import type { Waiting as WaitingMessage } from '../../proto/gen/sluice/v1/Waiting.js';
import { endRecovery, releaseBrake } from '../control/commands/recovery.js';
import { waitingFor, type Waiting } from '../fleet/readiness.js';
import type { Incident } from '../model/records.js';
import { requireAdmin } from './admin.js';
import type { Handlers } from './handlers.js';
import type { ServiceDependencies } from './server.js';

/** Incidents that a status tells. */
const SHOWN_INCIDENTS = 20;

const WHAT = {
  store: 'WAITING_FOR_STORE',
  server: 'WAITING_FOR_SERVER',
  nodes: 'WAITING_FOR_NODES',
  leases: 'WAITING_FOR_LEASES',
  witnesses: 'WAITING_FOR_WITNESSES',
  brake: 'WAITING_FOR_BRAKE',
  disk: 'WAITING_FOR_DISK',
  engine: 'WAITING_FOR_ENGINE',
} as const;

/** The handlers of ClusterService. */
export function clusterService(
  handlers: Handlers,
  { loop, fleet, log, room, stepDown, company }: ServiceDependencies,
): ClusterServiceHandlers {
  return {
    GetStatus: handlers.unary('GetStatus', () =>
      loop.readState((state, position) => {
        const nameOf = (id: NodeId): string => state.node(id)?.name ?? id;
        const waiting = waitingFor(fleet.waiting(), true, nameOf, room(), loop.isFeeding);
        const standbys = company.standbys();
        return {
          ready: !waiting.some(({ blocksReadiness }) => blocksReadiness),
          waiting: waiting.map(waitingToProto),
          clusterId: state.meta.clusterId,
          ...position,
          leaderId: loop.leaderId,
          connectedAgents: fleet.connected,
          incidents: [...state.incidents.values()].slice(-SHOWN_INCIDENTS).toReversed().map(incidentToProto),
          leaderAddress: company.address,
          storeShared: company.isShared,
          standbys: (standbys ?? []).map(({ address, sinceMs }) => ({ address, since: toTimestamp(sinceMs) })),
          standbysKnown: standbys !== null,
        };
      }),
    ),

    ReleaseBrake: handlers.unary('ReleaseBrake', async ({ validateOnly }, principal) => {
      requireAdmin(principal, 'release the brake for mass loss');
      const nodes = await loop.read((state) =>
        (fleet.waiting().brakeSilent ?? []).map((id) => state.node(id)?.name ?? id),
      );
      const isClosed = await loop.read((state) => Boolean(state.meta.brake));
      if (!validateOnly || !isClosed) {
        await loop.execute(releaseBrake(principal.name));
        log.warn({ by: principal.name, nodes }, 'the brake for mass loss was released');
      }
      return { nodes };
    }),

    EndRecovery: handlers.unary('EndRecovery', async ({ validateOnly }, principal) => {
      requireAdmin(principal, 'end the recovery of a lost history');
      const nodes = await loop.read((state) => fleet.waiting().unheard.map((id) => state.node(id)?.name ?? id));
      if (!(await loop.read((state) => Boolean(state.meta.recovery)))) throw noRecovery();
      if (!validateOnly) {
        await loop.execute(endRecovery(`${principal.name} said so`, principal.name));
        log.warn({ by: principal.name, nodes }, 'the recovery of a lost history was ended');
      }
      return { nodes };
    }),

    StepDown: handlers.unary('StepDown', (_request, principal) => {
      requireAdmin(principal, 'make this scheduler step down');
      stepDown(principal.name);
      return Promise.resolve({});
    }),
  };
}

function waitingToProto({ what, message, nodes, nodeCount, atMostMs, blocksReadiness }: Waiting): WaitingMessage {
  const atMost = atMostMs === null ? null : toDuration(atMostMs);
  return { what: WHAT[what], message, nodes: [...nodes], nodeCount, atMost, blocksReadiness };
}

function incidentToProto({ id, timeMs, kind, message, actor }: Incident): IncidentMessage {
  return { id, time: toTimestamp(timeMs), kind, message, actor };
}

function noRecovery(): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'NO_RECOVERY',
    message: 'no recovery of a lost history is under way: nothing is to be ended\nSee: sluice status',
  });
}

// NodeService: list, read, watch, cordon and uncordon nodes, and their maintenance.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../common/errors.js';
import type { NodeServiceHandlers } from '../../proto/gen/sluice/v1/NodeService.js';
import type { Node as NodeMessage } from '../../proto/gen/sluice/v1/Node.js';
import type { WatchNodesResponse } from '../../proto/gen/sluice/v1/WatchNodesResponse.js';
import type { NodeId } from '../../common/ids.js';
import type { Principal } from '../auth/authenticator.js';
import { announcements, cancelMaintenance, createMaintenance } from '../control/commands/maintenance.js';
import { quarantineGpu, releaseGpu } from '../control/commands/gpu-health.js';
import { resetGpu } from '../control/commands/gpu-reset.js';
import { cordonNode, removeGpu, removeNode } from '../control/commands/nodes.js';
import { certifyNodeOff } from '../fleet/reconcile.js';
import { notFound } from '../control/refusals.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { ClusterNode, RecordChange } from '../model/records.js';
import type { Handlers, Sender } from './handlers.js';
import { MAX_PAGE_SIZE, parsePageSize, parsePageToken, takePage } from './pages.js';
import { requireAdmin } from './admin.js';
import { parseMaintenance, parseNodes, parseReason } from './parse-steering.js';
import type { ServiceDependencies } from './server.js';
import { maintenanceToProto, nodeToProto } from './to-proto.js';
import { serveWatch } from './watching.js';

/** The handlers of NodeService. */
export function nodeService(handlers: Handlers, deps: ServiceDependencies): NodeServiceHandlers {
  const { loop, fleet, clock, log } = deps;

  const message = (state: ReadableState, node: ClusterNode): NodeMessage =>
    nodeToProto(state, fleet, node, clock.wallMs());

  const cordon = async (name: string, cordoned: boolean, reason: string, principal: Principal) => {
    requireAdmin(principal, 'cordon, drain and uncordon nodes');
    const node = await loop.execute(cordonNode(name, cordoned, reason));
    return loop.read((state) => ({ node: message(state, state.node(node.id) ?? node) }));
  };

  return {
    ListNodes: handlers.unary('ListNodes', (request) => {
      const size = parsePageSize(request.pageSize, MAX_PAGE_SIZE);
      const after = parsePageToken(request.pageToken);
      return loop.read((state) => {
        const nodes = byName(state).filter(
          ({ name, pool }) => (after === null || name > after) && (request.pool === '' || pool === request.pool),
        );
        const page = takePage(nodes, size, ({ name }) => name);
        const messages = page.items.map((node) => message(state, node));
        return { nodes: messages, nextPageToken: page.nextPageToken };
      });
    }),

    GetNode: handlers.unary('GetNode', (request) =>
      loop.read((state) => {
        return { node: message(state, find(state, request.name)) };
      }),
    ),

    CordonNode: handlers.unary('CordonNode', (request, principal) =>
      cordon(request.name, true, request.reason, principal),
    ),
    UncordonNode: handlers.unary('UncordonNode', (request, principal) => cordon(request.name, false, '', principal)),

    FenceNode: handlers.unary('FenceNode', async ({ name, certifiedOff, reason }, principal) => {
      requireAdmin(principal, 'certify that a node is off');
      parseReason(reason);
      if (!certifiedOff) throw notCertified();
      const id = await loop.read((state) => find(state, name).id);
      if (fleet.softState(id).liveness === 'ready') throw isConnected(name, 'fenced');
      const allocations = await loop.execute(certifyNodeOff(name, reason, principal.name));
      fleet.certifiedOff(id);
      log.warn({ node: name, by: principal.name, allocations: allocations.length }, 'a node was certified to be off');
      return loop.read((state) => ({ node: message(state, find(state, name)), allocations: [...allocations] }));
    }),

    RemoveNode: handlers.unary('RemoveNode', async ({ name }, principal) => {
      requireAdmin(principal, 'remove a node');
      const id = await loop.read((state) => find(state, name).id);
      if (fleet.softState(id).liveness === 'ready') throw isConnected(name, 'removed');
      await loop.execute(removeNode(name, principal.name));
      log.warn({ node: name, by: principal.name }, 'a node was removed');
      return {};
    }),

    RemoveGpu: handlers.unary('RemoveGpu', async ({ node: name, uuid }, principal) => {
      requireAdmin(principal, 'remove a GPU');
      const node = await loop.execute(removeGpu(name, uuid, principal.name));
      log.warn({ node: name, gpu: uuid, by: principal.name }, 'the entry of a lost GPU was removed');
      return loop.read((state) => ({ node: message(state, state.node(node.id) ?? node) }));
    }),

    QuarantineGpu: handlers.unary('QuarantineGpu', async ({ node: name, gpu, reason, stopWork }, principal) => {
      requireAdmin(principal, 'quarantine a GPU');
      parseReason(reason);
      const order = { node: name, gpu, reason, actor: principal.name };
      const { node, uuid, workloads } = await loop.execute(quarantineGpu(order, stopWork));
      log.warn({ node: name, gpu: uuid, by: principal.name, reason, workloads }, 'a GPU was quarantined');
      return loop.read((state) => ({
        node: message(state, state.node(node.id) ?? node),
        uuid,
        workloads: [...workloads],
      }));
    }),

    ReleaseGpu: handlers.unary('ReleaseGpu', async ({ node: name, gpu, reason }, principal) => {
      requireAdmin(principal, 'release a GPU');
      parseReason(reason);
      const order = { node: name, gpu, reason, actor: principal.name };
      const { node, uuid } = await loop.execute(releaseGpu(order));
      log.warn({ node: name, gpu: uuid, by: principal.name, reason }, 'a GPU was released');
      return loop.read((state) => ({ node: message(state, state.node(node.id) ?? node), uuid }));
    }),

    ResetGpu: handlers.unary('ResetGpu', async ({ node: name, gpu, reason, stopWork }, principal) => {
      requireAdmin(principal, 'reset a GPU');
      parseReason(reason);
      const order = { node: name, gpu, reason, actor: principal.name, stopsWork: stopWork };
      const { node, uuids, workloads } = await loop.execute(resetGpu(order, fleet.options.gpu));
      log.warn({ node: name, gpus: uuids, by: principal.name, reason, workloads }, 'a GPU is to be reset');
      return loop.read((state) => ({
        node: message(state, state.node(node.id) ?? node),
        uuids: [...uuids],
        workloads: [...workloads],
      }));
    }),

    WatchNodes: handlers.stream('WatchNodes', (_request, sender: Sender<WatchNodesResponse>) =>
      watchNodes(deps, sender),
    ),

    CreateMaintenance: handlers.unary('CreateMaintenance', async (request, principal) => {
      requireAdmin(principal, 'announce and cancel maintenance, and drain nodes');
      const announcement = await loop.execute(createMaintenance(parseMaintenance(request)));
      return { maintenance: maintenanceToProto(announcement, clock.wallMs()) };
    }),

    ListMaintenances: handlers.unary('ListMaintenances', (request) => {
      const size = parsePageSize(request.pageSize, MAX_PAGE_SIZE);
      const after = parsePageToken(request.pageToken);
      return loop.read((state) => {
        const of = request.node === '' ? null : find(state, request.node);
        const listed = announcements(state.nodes.values()).filter(({ maintenance: { id }, nodes }) => {
          return (after === null || id > after) && (of === null || nodes.includes(of.name));
        });
        const page = takePage(listed, size, ({ maintenance }) => maintenance.id);
        const maintenances = page.items.map((one) => maintenanceToProto(one, clock.wallMs()));
        return { maintenances, nextPageToken: page.nextPageToken };
      });
    }),

    CancelMaintenance: handlers.unary('CancelMaintenance', async (request, principal) => {
      requireAdmin(principal, 'announce and cancel maintenance, and drain nodes');
      const cancelled = await loop.execute(cancelMaintenance(request.id, parseNodes(request.nodes)));
      return { maintenance: maintenanceToProto(cancelled, clock.wallMs()) };
    }),
  };
}

function notCertified(): ApiError {
  return new ApiError({
    code: status.INVALID_ARGUMENT,
    reason: 'NOT_CERTIFIED',
    message: 'certified_off: must be true: a person vouches that the machine is off, since nobody can check it',
    fields: [{ field: 'certified_off', description: 'must be true' }],
  });
}

function isConnected(name: string, what: string): ApiError {
  return new ApiError({
    code: status.FAILED_PRECONDITION,
    reason: 'NODE_IS_CONNECTED',
    message: `the agent of node ${name} is connected, so it is not ${what}\nCordon it, and stop its agent once it is empty.`,
    metadata: { node: name },
  });
}

function find(state: ReadableState, name: string): ClusterNode {
  const node = state.nodeNamed(name);
  if (node !== undefined) return node;
  throw notFound(
    'node',
    name,
    byName(state).map((one) => one.name),
  );
}

function byName(state: ReadableState): readonly ClusterNode[] {
  return [...state.nodes.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Sends every node, and then each one that changes: its record, its allocations, or its liveness. */
async function watchNodes(deps: ServiceDependencies, sender: Sender<WatchNodesResponse>): Promise<void> {
  const { fleet, clock } = deps;
  await serveWatch<NodeId, { node: NodeMessage }>(
    deps,
    {
      afterRevision: null,
      present: (state) => byName(state).map(({ id }) => id),
      touched: touchedNodes,
      message: (id, state) => {
        const node = state.node(id);
        return node === undefined ? null : { node: nodeToProto(state, fleet, node, clock.wallMs()) };
      },
      alsoOn: (mark) => fleet.onLiveness(mark),
    },
    sender,
  );
}

function touchedNodes(changes: readonly RecordChange[]): ReadonlySet<NodeId> {
  const found = new Set<NodeId>();
  for (const change of changes) {
    if (change.collection === 'nodes' && change.after !== null) found.add(change.after.id);
    if (change.collection === 'allocations' && change.after !== null) found.add(change.after.node);
  }
  return found;
}

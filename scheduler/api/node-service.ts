// NodeService: list, read, watch, cordon and uncordon nodes, and their maintenance.
import type { NodeServiceHandlers } from '../../proto/gen/sluice/v1/NodeService.js';
import type { Node as NodeMessage } from '../../proto/gen/sluice/v1/Node.js';
import type { WatchNodesResponse } from '../../proto/gen/sluice/v1/WatchNodesResponse.js';
import type { NodeId } from '../../common/ids.js';
import { announcements, cancelMaintenance, createMaintenance } from '../control/commands/maintenance.js';
import { cordonNode } from '../control/commands/nodes.js';
import { notFound } from '../control/refusals.js';
import type { ReadableState } from '../model/cluster-state.js';
import type { ClusterNode, RecordChange } from '../model/records.js';
import type { Handlers, Sender } from './handlers.js';
import { MAX_PAGE_SIZE, parsePageSize, parsePageToken, takePage } from './pages.js';
import { parseMaintenance, parseNodes } from './parse-steering.js';
import type { ServiceDependencies } from './server.js';
import { maintenanceToProto, nodeToProto } from './to-proto.js';
import { serveWatch } from './watching.js';

/** The handlers of NodeService. */
export function nodeService(handlers: Handlers, deps: ServiceDependencies): NodeServiceHandlers {
  const { loop, fleet, clock } = deps;

  const message = (state: ReadableState, node: ClusterNode): NodeMessage =>
    nodeToProto(state, fleet, node, clock.wallMs());

  const cordon = async (name: string, cordoned: boolean, reason: string) => {
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

    CordonNode: handlers.unary('CordonNode', (request) => cordon(request.name, true, request.reason)),
    UncordonNode: handlers.unary('UncordonNode', (request) => cordon(request.name, false, '')),

    WatchNodes: handlers.stream('WatchNodes', (_request, sender: Sender<WatchNodesResponse>) =>
      watchNodes(deps, sender),
    ),

    CreateMaintenance: handlers.unary('CreateMaintenance', async (request) => {
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

    CancelMaintenance: handlers.unary('CancelMaintenance', async (request) => {
      const cancelled = await loop.execute(cancelMaintenance(request.id, parseNodes(request.nodes)));
      return { maintenance: maintenanceToProto(cancelled, clock.wallMs()) };
    }),
  };
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

// The node that a person names in a command, or that an agent reports of.
import { status } from '@grpc/grpc-js';
import { ApiError } from '../../../common/errors.js';
import type { NodeId } from '../../../common/ids.js';
import type { Draft } from '../../model/draft.js';
import type { ClusterNode } from '../../model/records.js';
import { notFound } from '../refusals.js';

/**
 * The node of a name, as it will be.
 * @param consequence what did not happen, told when it does not exist
 * @throws NOT_FOUND with the names that are close
 */
export function findNode(draft: Draft, name: string, consequence = ''): ClusterNode {
  const node = draft.base.nodeNamed(name);
  if (node !== undefined) return draft.node(node.id);
  const names = [...draft.base.nodes.values()].map((one) => one.name);
  throw notFound('node', name, names, consequence);
}

/**
 * The node of an agent that was let in. It may have been removed since: a person saw it away just before its agent came back.
 * @throws UNAVAILABLE `NODE_REMOVED`; the agent comes back, and its next hello registers the node anew
 */
export function nodeOfAgent(draft: Draft, id: NodeId): ClusterNode {
  const node = draft.get('nodes', id);
  if (node !== undefined) return node;
  throw new ApiError({
    code: status.UNAVAILABLE,
    reason: 'NODE_REMOVED',
    message: `node ${id} was removed\nThe agent comes back by itself, and registers it anew.`,
    metadata: { node: id },
  });
}

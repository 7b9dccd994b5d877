// The node that a person names in a command.
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

// Whether a node will do by the rules of a role, whatever is free there.
import { matchesModel } from '../../scheduler/model/gpu-model.js';
import type { ClusterNode, PlacementRules } from '../../scheduler/model/records.js';
import { usableGpus } from './cluster.js';

/** GPUs of one node are alike: the first speaks for all. */
export function isAllowed(node: ClusterNode, rules: PlacementRules): boolean {
  const [gpu] = usableGpus(node);
  const nodes: readonly string[] = rules.nodes;
  return (
    (rules.pool === '' || rules.pool === node.pool) &&
    (nodes.length === 0 || nodes.includes(node.name)) &&
    (rules.models.length === 0 || rules.models.some((model) => gpu !== undefined && matchesModel(gpu.model, model))) &&
    (rules.minGpuMemoryMib === 0 || (gpu?.memoryMib ?? 0) >= rules.minGpuMemoryMib) &&
    Object.entries(rules.labels).every(([name, value]) => node.labels[name] === value)
  );
}
